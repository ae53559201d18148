"""Two contenders: level, coverage, false claims, predicted power, clusters."""

from __future__ import annotations

import math

import numpy as np

from deepenough.stats.clusters import cluster_scores
from deepenough.stats.mrmc import Spread, nested_spread, paired_spread
from deepenough.stats.power import predicted_power
from deepenough.stats.rates import Rates, measure
from deepenough.stats.simulation import Experiment, Family
from gates.row import Row

MARGIN = 0.005
SEED_SDS = (0.0, 0.001, 0.003, 0.01)


def type_one(repetitions: int, seed: int) -> list[Row]:
    slack = 3.0 * math.sqrt(0.05 * 0.95 / repetitions)  # of a test whose level is exactly 0.05
    low, high = min(0.04, 0.05 - slack), max(0.06, 0.05 + slack)
    rows = []
    for k in (3, 5, 10):
        for n in (500, 2000, 10_000):
            settings = [Experiment(seeds=(k, k), samples=n, seed_sds=(sd, sd)) for sd in SEED_SDS]
            for sd, rates in zip(SEED_SDS, run(settings, repetitions, (seed, k, n)), strict=True):
                rows.append(Row("type-I, nested", f"k={k} n={n} SD {100 * sd:g}", rates.missed, low, high))
    return rows


def paired_seeds(repetitions: int, seed: int) -> list[Row]:
    """Seeds that move both alike are, in the differences that pairs are decided on, seeds that vary less."""
    rows = []
    for k in (3, 5, 10):
        for n in (500, 2000):
            settings = [Experiment(seeds=(k, k), samples=n, seed_sds=(sd, sd)) for sd in SEED_SDS]
            found = run(settings, repetitions, (seed, k, n, 2), spread_of=paired_spread)
            for sd, rates in zip(SEED_SDS, found, strict=True):
                what = f"k={k} n={n} SD {100 * sd:g}, guard=2"
                rows.append(Row("type-I, paired", what, rates.missed, 0.035, 0.065))
    return rows


def unequal(repetitions: int, seed: int) -> list[Row]:
    rows = []
    for k in (3, 5):
        for guard, high in ((1, 0.08), (2, 0.065)):
            settings = [Experiment(seeds=(k, k), samples=10_000, seed_sds=(0.001, 0.01))]
            [rates] = run(settings, repetitions, (seed, k, guard), guard=guard)
            rows.append(Row("type-I, SD .1 and 1", f"k={k} n=10000 guard={guard}", rates.missed, 0.03, high))
    settings = [Experiment(seeds=(10, 3), samples=10_000, seed_sds=(0.003, 0.003))]
    [rates] = run(settings, repetitions, (seed, 103))
    rows.append(Row("type-I, unequal k", "k=10 and 3, n=10000 SD 0.3", rates.missed, 0.03, 0.08))
    return rows


def coverage(repetitions: int, seed: int) -> list[Row]:
    gains = (0.0, 0.0025, 0.005, 0.01)
    rows = []
    for k, sd in ((3, 0.001), (3, 0.003), (5, 0.003)):
        settings = [Experiment(seeds=(k, k), samples=5000, seed_sds=(sd, sd), gain=gain) for gain in gains]
        for gain, rates in zip(gains, run(settings, repetitions, (seed, k, int(1e4 * sd))), strict=True):
            setting = f"k={k} n=5000 SD {100 * sd:g} gain {100 * gain:g}"
            rows.append(Row("coverage", setting, 1.0 - rates.missed, 0.93, 0.97))
    return rows


def false_claims(repetitions: int, seed: int) -> list[Row]:
    high = 0.025 + 2.5 * math.sqrt(0.025 * 0.975 / min(repetitions, 4000))
    rows = []
    for k, n, sd in ((3, 2000, 0.001), (3, 10_000, 0.003), (5, 5000, 0.003), (10, 2000, 0.01)):
        settings = [Experiment(seeds=(k, k), samples=n, seed_sds=(sd, sd), gain=gain) for gain in (MARGIN, 0.0)]
        at_margin, at_zero = run(settings, repetitions, (seed, k, n))
        setting = f"k={k} n={n} SD {100 * sd:g}"
        rows.append(Row("false 'enough', gain = margin", setting, at_margin.below_margin, 0.0, high))
        rows.append(Row("false 'better', gain = 0", setting, at_zero.above_zero, 0.0, high))
    return rows


def power(repetitions: int, seed: int) -> list[Row]:
    """Predicted minus simulated."""
    rows = []
    for k, n, sd, tolerance in ((3, 10_000, 0.001, 0.05), (3, 10_000, 0.003, 0.05), (5, 10_000, 0.001, 0.02)):
        settings = [Experiment(seeds=(k, k), samples=n, seed_sds=(sd, sd), gain=MARGIN)]
        [rates] = run(settings, repetitions, (seed, k, int(1e4 * sd)))
        predicted = float(predicted_power(Family(accuracy=0.9).components((sd, sd)), k, n, MARGIN))
        setting = f"k={k} n={n} SD {100 * sd:g}: {predicted:.3f} predicted"
        rows.append(Row("power, predicted - simulated", setting, predicted - rates.above_zero, -tolerance, tolerance))
    return rows


def clusters(repetitions: int, seed: int) -> list[Row]:
    labels = np.repeat(np.arange(400), np.random.default_rng(seed).integers(1, 10, 400))

    def of_clusters(a: np.ndarray, b: np.ndarray) -> Spread:
        scored = (np.stack([cluster_scores(runs, labels) for runs in side]) for side in (a, b))
        return nested_spread(*scored)

    settings = [
        Experiment(seeds=(3, 3), samples=len(labels), seed_sds=(sd, sd), clusters=labels, cluster_share=0.9)
        for sd in (0.0, 0.003)
    ]
    setting = f"400 clusters of 1-9, n={len(labels)}, k=3"
    robust = run(settings, min(repetitions, 4000), (seed, 1), spread_of=of_clusters)
    rows = [Row("type-I, clusters", setting, rates.missed, 0.035, 0.065) for rates in robust]
    ignored = run(settings, repetitions, (seed, 2))[0]
    return [*rows, Row("type-I, clusters ignored", setting, ignored.missed, 0.065, 1.0)]


def run(settings: list[Experiment], repetitions: int, seed: tuple[int, ...], **how: object) -> list[Rates]:
    rng = np.random.default_rng(seed)
    return measure(settings, margin=MARGIN, repetitions=repetitions, rng=rng, **how)


PARTS = (type_one, paired_seeds, unequal, coverage, false_claims, power, clusters)
