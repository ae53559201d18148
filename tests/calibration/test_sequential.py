"""Looks at seeds: together they err as often as one test may, and without spending more often."""

from __future__ import annotations

import numpy as np

from deepenough.stats.mrmc import nested_spread
from deepenough.stats.sequential import schedule
from deepenough.stats.simulation import Experiment, draw

SEEDS = (3, 5, 8, 12)


def test_declared_looks_err_at_most_as_often_as_one_and_looking_at_95_per_cent_errs_more():
    setting = Experiment(seeds=(12, 12), samples=500, seed_sds=(0.01, 0.01))
    looks, repetitions = schedule(SEEDS), 1500
    missed = {"spent": 0, "naive": 0}
    for [(a, b)] in draw([setting], repetitions, np.random.default_rng(5)):
        spreads = [nested_spread(a[:, : look.seeds], b[:, : look.seeds], look.guard) for look in looks]
        for name, levels in (("spent", [look.level for look in looks]), ("naive", [0.95] * len(looks))):
            pairs = zip(spreads, levels, strict=True)
            missed[name] += np.any([abs(s.difference) > s.half_width(level) for s, level in pairs], 0).sum()
    assert missed["spent"] / repetitions <= 0.05
    assert missed["naive"] / repetitions >= 0.07
