"""The gates of the statistics that fit into seconds; benchmarks/calibration.py holds all, at 10,000 repetitions."""

from __future__ import annotations

import numpy as np
import pytest

from deepenough.stats import cluster_scores, predicted_power
from deepenough.stats.mrmc import nested_spread
from deepenough.stats.rates import measure
from deepenough.stats.simulation import Experiment, Family, draw

MARGIN = 0.005
SEED_SDS = (0.0, 0.001, 0.003, 0.01)
FAST = [(3, 500), (3, 2000), (5, 500), (5, 2000), (10, 500), (3, 10_000)]


def rates_of(experiments, repetitions, *seed, **how):
    rng = np.random.default_rng((2, *seed))
    return measure(experiments, margin=MARGIN, repetitions=repetitions, rng=rng, **how)


def grid(k, n, repetitions):
    experiments = [Experiment(seeds=(k, k), samples=n, seed_sds=(sd, sd)) for sd in SEED_SDS]
    return [rates.missed for rates in rates_of(experiments, repetitions, k, n)]


@pytest.mark.parametrize(("k", "n"), FAST)
def test_nested_keeps_its_level_between_equal_networks(k, n):
    assert all(0.035 <= missed <= 0.065 for missed in grid(k, n, 2000)), "2,000 repetitions, so the wider gate"


@pytest.mark.slow
@pytest.mark.parametrize("n", [500, 2000, 10_000])
@pytest.mark.parametrize("k", [3, 5, 10])
def test_nested_keeps_its_level_between_equal_networks_at_ten_thousand_repetitions(k, n):
    assert all(0.04 <= missed <= 0.06 for missed in grid(k, n, 10_000))


@pytest.mark.parametrize("k", [3, 5])
def test_guarded_degrees_of_freedom_hold_when_seed_spreads_differ_tenfold(k):
    experiment = Experiment(seeds=(k, k), samples=2000, seed_sds=(0.001, 0.01))
    [rates] = rates_of([experiment], 4000, k, guard=2)
    assert rates.missed <= 0.065


@pytest.mark.parametrize(("k", "sd"), [(3, 0.001), (3, 0.01), (5, 0.003)])
def test_interval_covers_the_true_gain_at_its_nominal_rate(k, sd):
    experiments = [
        Experiment(seeds=(k, k), samples=2000, seed_sds=(sd, sd), gain=gain) for gain in (0, 0.0025, 0.005, 0.01)
    ]
    for rates in rates_of(experiments, 2000, k, int(sd * 1e4)):
        assert 0.93 <= 1 - rates.missed <= 0.97


@pytest.mark.parametrize(("k", "n", "sd"), [(3, 2000, 0.001), (3, 2000, 0.003), (5, 2000, 0.003)])
def test_decision_rule_claims_too_much_at_most_one_time_in_forty(k, n, sd):
    at_margin, at_zero = rates_of(
        [Experiment(seeds=(k, k), samples=n, seed_sds=(sd, sd), gain=gain) for gain in (MARGIN, 0.0)], 4000, k, n
    )
    assert at_margin.below_margin <= 0.031
    assert at_zero.above_zero <= 0.031


@pytest.mark.parametrize(("k", "tolerance"), [(3, 0.05), (5, 0.02)])
def test_predicted_power_is_the_simulated_one(k, tolerance):
    gain, n, sd = 0.01, 2000, 0.003
    [rates] = rates_of([Experiment(seeds=(k, k), samples=n, seed_sds=(sd, sd), gain=gain)], 4000, k)
    predicted = float(predicted_power(Family().components((sd, sd)), k, float(n), gain))
    assert rates.above_zero == pytest.approx(predicted, abs=tolerance)


def test_clusters_hold_the_level_that_ignoring_them_breaks():
    labels = np.repeat(np.arange(400), np.random.default_rng(2).integers(1, 10, 400))
    experiment = Experiment(seeds=(3, 3), samples=len(labels), seed_sds=(0, 0), clusters=labels, cluster_share=0.9)

    def by_cluster(a, b):
        return nested_spread(*(np.stack([cluster_scores(runs, labels) for runs in side]) for side in (a, b)))

    [robust] = rates_of([experiment], 2000, 1, spread_of=by_cluster)
    [ignored] = rates_of([experiment], 1000, 1)
    assert 0.035 <= robust.missed <= 0.065
    assert ignored.missed > 0.1


def test_simulated_runs_have_the_accuracy_and_disagreement_that_they_claim():
    experiment = Experiment(seeds=(3, 3), samples=20_000, seed_sds=(0.01, 0.001), gain=0.02)
    blocks = [block for [block] in draw([experiment], 60, np.random.default_rng(0))]
    a, b = (np.concatenate(side) for side in zip(*blocks, strict=True))
    assert a.mean() == pytest.approx(0.92, abs=0.0025)
    assert b.mean() == pytest.approx(0.90, abs=0.001)
    assert (b[:, 0] != b[:, 1]).mean() == pytest.approx(0.045, abs=0.001)
    assert a.mean(2).std() == pytest.approx(0.01, rel=0.15)
    [(c, d)] = next(draw([Experiment(seeds=(2, 2), samples=20_000)], 30, np.random.default_rng(1)))
    assert (c[:, 0] != d[:, 0]).mean() == pytest.approx(0.063, abs=0.001)
