"""Designs with gaps and unequal seeds: the gates that fit into seconds; benchmarks/gates/unbalanced.py holds all."""

from __future__ import annotations

import numpy as np
import pytest

from deepenough.stats.rates import measure
from deepenough.stats.simulation import Experiment
from deepenough.stats.unbalanced import unbalanced_spread

SEED_SDS = (0.0, 0.001, 0.003, 0.01)


@pytest.mark.parametrize("k", [3, 5])
def test_level_holds_when_each_run_scored_a_random_four_fifths_of_the_samples(k):
    rng = np.random.default_rng((3, k))

    def estimate(a, b):
        return unbalanced_spread(*(np.where(rng.random(x.shape) < 0.8, x, np.nan) for x in (a, b)))

    experiments = [Experiment(seeds=(k, k), samples=400, seed_sds=(sd, sd)) for sd in SEED_SDS]
    found = measure(experiments, margin=0.005, repetitions=2000, rng=rng, spread_of=estimate)
    assert all(0.035 <= rates.missed <= 0.065 for rates in found)


def test_guard_by_seeds_holds_where_the_published_degrees_of_freedom_do_not():
    experiment = Experiment(seeds=(10, 3), samples=1000, seed_sds=(0.001, 0.02))
    missed = []
    for guard in (1, "seeds"):
        rng = np.random.default_rng(4)

        def estimate(a, b, guard=guard):
            return unbalanced_spread(a, b, guard)

        [rates] = measure([experiment], margin=0.005, repetitions=3000, rng=rng, spread_of=estimate)
        missed.append(rates.missed)
    assert missed[0] > 0.07
    assert missed[1] <= 0.07
