"""Metrics that are no means: how often two equal contenders are told apart, by influence values and by resamples.

Score-level Gaussian models: how a run sees a sample is what the sample is for everybody, for this contender and for
this run alone, and how far apart a run keeps the classes varies from seed to seed. A and B follow one law, so the true
difference is 0 whatever the metric.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from deepenough.stats.distributions import FloatArray
from deepenough.stats.estimate import Estimate
from deepenough.stats.linearise import (
    auroc_scores,
    average_precision_scores,
    balanced_accuracy_scores,
    macro_f1_scores,
)
from deepenough.stats.mrmc import nested_spread
from deepenough.stats.reweighting import reweighted
from deepenough.stats.weighted import pair_weights, tar_at_far
from gates.row import Row

MOST = 4000
LOW, HIGH = 0.035, 0.065
SHARES = (0.5, 0.2, 0.3)  # of the variance of a score: the sample, sample by contender, the run alone
PRIORS = (0.4, 0.3, 0.15, 0.1, 0.05)
K = 3


def noise(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Unit normals of 2 K runs, shape (2 K, *shape): what samples, contenders and runs share and do not."""
    everybody, contender, alone = (np.sqrt(share) for share in SHARES)
    common = everybody * rng.standard_normal(shape)
    own = contender * rng.standard_normal((2, *shape))
    return common + own.repeat(K, 0) + alone * rng.standard_normal((2 * K, *shape))


def binary_task(n: int, share: float, seed_sd: float, rng: np.random.Generator) -> tuple[FloatArray, np.ndarray]:
    """Scores of 2 K runs and which samples are positive, drawn at random (two of either kind at least)."""
    positive = rng.random(n) < share
    positive[:4] = [True, True, False, False]
    apart = 1.8 + seed_sd * rng.standard_normal((2 * K, 1))
    return apart * positive + noise((n,), rng), positive


def many_classes(n: int, seed_sd: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of 2 K runs and targets, with priors from 40 to 5 %."""
    classes = len(PRIORS)
    target = rng.choice(classes, n, p=PRIORS)
    target[: 2 * classes] = np.arange(classes).repeat(2)
    apart = 2.5 + seed_sd * rng.standard_normal((2 * K, 1, 1))
    utility = apart * (target[:, None] == np.arange(classes)) + noise((n, classes), rng)
    return utility.argmax(2), target


def linearised(metric: Callable[..., FloatArray], draw: Callable[[], tuple], repetitions: int) -> float:
    """How often the nested interval of the influence values of what is drawn leaves out 0."""
    wrong = 0
    for _ in range(repetitions):
        values = metric(*draw())
        spread = nested_spread(values[:K], values[K:])
        wrong += int(abs(spread.difference) > spread.half_width())
    return wrong / repetitions


def ranking(repetitions: int, seed: int) -> list[Row]:
    rows, repetitions = [], min(repetitions, MOST)
    for name, metric in (("AUROC", auroc_scores), ("average precision", average_precision_scores)):
        for sd in (0.0, 0.08):
            rng = np.random.default_rng((seed, 1))
            rate = linearised(metric, partial(binary_task, 1000, 0.2, sd, rng), repetitions)
            rows.append(Row(f"type-I, {name}", f"k=3 n=1000, 20 % positive, seed effect {sd:g}", rate, LOW, HIGH))
    return rows


def few_positives(repetitions: int, seed: int) -> list[Row]:
    rows, repetitions = [], min(repetitions, MOST)
    for share in (0.05, 0.02):
        rng = np.random.default_rng((seed, 2))
        rate = linearised(auroc_scores, partial(binary_task, 1000, share, 0.08, rng), repetitions)
        rows.append(Row("type-I, AUROC", f"k=3 n=1000, {1000 * share:g} positives, seed effect 0.08", rate, LOW, HIGH))
    return rows


def by_class(repetitions: int, seed: int) -> list[Row]:
    rows, repetitions = [], min(repetitions, MOST)
    for name, metric in (("macro-F1", macro_f1_scores), ("balanced accuracy", balanced_accuracy_scores)):
        for sd in (0.0, 0.1):
            rng = np.random.default_rng((seed, 3))
            rate = linearised(metric, partial(many_classes, 1000, sd, rng), repetitions)
            rows.append(Row(f"type-I, {name}", f"k=3 n=1000, 5 classes of 40-5 %, seed effect {sd:g}", rate, LOW, HIGH))
    return rows


def missed(estimate: Estimate) -> bool:
    return not estimate.interval[0] <= 0.0 <= estimate.interval[1]


def verification(repetitions: int, seed: int) -> list[Row]:
    return [tar(repetitions, seed, 0.0)]


def verification_with_seeds(repetitions: int, seed: int) -> list[Row]:
    return [tar(repetitions, seed, 0.08)]


def tar(repetitions: int, seed: int, sd: float) -> Row:
    rng, repetitions, wrong = np.random.default_rng((seed, 4)), min(repetitions, MOST), 0
    genuine = np.arange(5000) < 1000
    for _ in range(repetitions):
        apart = 2.5 + sd * rng.standard_normal((2 * K, 1))
        metric = tar_at_far(apart * genuine + noise((5000,), rng), genuine, 0.01)
        wrong += missed(reweighted(metric, (K, K), 5000, rng=rng, repetitions=200))
    setting = f"k=3, 1000/4000 trials, 200 resamples, seed effect {sd:g}"
    return Row("type-I, TAR@FAR=1e-2", setting, wrong / repetitions, LOW, HIGH)


def identities(repetitions: int, seed: int) -> list[Row]:
    """Pairs of 60 people, 4 photos each: people drawn at random, then pairs (which ignores that they share people)."""
    rng, repetitions, people, photos = np.random.default_rng((seed, 5)), min(repetitions, 1000), 60, 4
    left, right = np.triu_indices(people * photos, 1)
    kept = (left // photos == right // photos) | ((left + right) % 8 == 0)
    left, right = left[kept], right[kept]
    first, second = left // photos, right // photos
    wrong, times = np.zeros(2), np.zeros(2)
    for repetition in range(repetitions):
        faces = noise((people, 1, 8), rng) * np.exp(0.3 * noise((people, 1, 1), rng))
        seen = (faces + 0.7 * noise((people, photos, 8), rng)).reshape(2 * K, people * photos, 8)
        scores = -np.linalg.norm(seen[:, left] - seen[:, right], axis=2)
        metric = tar_at_far(scores, first == second, 0.05)

        def of_people(run: int, weights: FloatArray, metric: Callable = metric) -> FloatArray:
            return metric(run, pair_weights(weights, first, second))

        for i, (of, units) in enumerate(((of_people, people), (metric, len(left)))):
            if i == 0 or repetition % 4 == 0:  # the slow one is far from its gate
                times[i] += 1
                wrong[i] += missed(reweighted(of, (K, K), units, rng=rng, repetitions=200))
    setting = f"k=3, {people} people, {len(left)} pairs, 200 resamples"
    held, ignored = wrong / times
    return [
        Row("type-I, TAR@FAR=5e-2, people resampled", setting, held, 0.03, 0.07),
        Row("type-I, the same, pairs resampled", setting, ignored, 0.08, 1.0),
    ]


PARTS = (ranking, few_positives, by_class, verification, verification_with_seeds, identities)
