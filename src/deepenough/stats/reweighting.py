"""Any metric of a whole test set: its covariances over samples by the bootstrap, the seeds as in `nested`.

The form of Obuchowski and Rockette needs of the samples only three mean covariances between runs: of two seeds of A
(Cov2_A), of two seeds of B, and of a seed of A with one of B (Cov3). N. Obuchowski and H. Rockette, Communications in
Statistics 24 (1995). Here they come from a few hundred resamples of the test set that all runs share:

    V_I = max(0, Cov2_A + Cov2_B - 2 Cov3),   V_A = var(metric over seeds of A) / seeds of A,   V_B likewise.

A resample is a vector of weights, how often each sample was drawn. A metric sorts or matches once and is evaluated
under any weights: `deepenough.stats.weighted` has some. A mean needs none of this: where recall at k of a fixed gallery
is the metric, each query has a score and `nested` takes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.distributions import FloatArray, t_interval_and_p
from deepenough.stats.estimate import Components, Estimate
from deepenough.stats.mrmc import Guard, Spread, nested_estimate

#: `metric(run, weights)`: weights of shape (resamples, units), 1 meaning once; returns shape (resamples,).
Metric = Callable[[int, FloatArray], FloatArray]
_BLOCK = 1 << 21  # weights held at once
_FEWEST = 100  # resamples; a variance from so many is known to about 14 %


def reweighted(
    metric: Metric,
    seeds: tuple[int, int],
    units: int,
    *,
    rng: np.random.Generator,
    repetitions: int = 400,
    guard: Guard = 1,
    level: float = 0.95,
) -> Estimate:
    """A minus B of any metric, over fresh seeds and new samples; with one run on a side, of these very checkpoints.

    On accuracy it gives the standard error of `nested` up to the noise of the resamples: about 2 % at 400, for 2000
    samples and three seeds each.

    Args:
        metric: called with run 0, 1, ...: first the seeds of A, then those of B; higher is better.
        seeds: of A and of B.
        units: what is drawn independently: samples, clusters of samples, or identities; at least two. Spread the
            weights of clusters over their samples by `lambda run, w: metric(run, w[:, cluster_of_sample])`.
        rng: all randomness comes from here.
        repetitions: resamples, at least 100; 200 to 1000 are plenty, since only variances are estimated from them.
        guard: of the degrees of freedom, as in `nested`.
        level: of the interval.

    Returns:
        `samples` is `units`, and the components are those of one unit.

    Raises:
        InputError: if the metric is undefined on the test set or on a resample.

    >>> from deepenough.stats.weighted import weighted_mean
    >>> a, b = np.random.default_rng(0).random((2, 3, 500)) < [[[0.9]], [[0.8]]]
    >>> metric = weighted_mean(np.concatenate([a, b]))
    >>> estimate = reweighted(metric, (3, 3), 500, rng=np.random.default_rng(1))
    >>> estimate.design, abs(estimate.difference - float(a.mean() - b.mean())) < 1e-12
    ('nested', True)
    """
    values, covariance = bootstrap_covariance(metric, sum(seeds), units, repetitions, rng)
    return from_covariance(values, covariance, seeds, units, guard=guard, level=level)


def bootstrap_covariance(
    metric: Metric, runs: int, units: int, repetitions: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """The metric of each run, shape (runs,), and its covariance over new units, shape (runs, runs).

    The covariance over resamples is stretched by n / (n - 1), which makes it unbiased for means.
    """
    if repetitions < _FEWEST:
        raise InputError("repetitions", f"at least {_FEWEST}", str(repetitions))
    if units < 2:
        raise InputError("units", "at least 2", str(units), "test on more samples")
    values = np.array([metric(run, np.ones((1, units)))[0] for run in range(runs)])
    drawn, block = np.empty((runs, repetitions)), max(1, _BLOCK // units)
    for done in range(0, repetitions, block):
        rows = min(block, repetitions - done)
        weights = resampling_weights(units, rows, rng)
        for run in range(runs):
            drawn[run, done : done + rows] = metric(run, weights)
    if not (np.isfinite(values).all() and np.isfinite(drawn).all()):
        bad = np.count_nonzero(~np.isfinite(drawn))
        got = f"no value on the test set itself or on {bad} of {drawn.size} resamples"
        raise InputError("metric", "a value on every resample", got, "test on more samples of the rarest kind")
    return values, np.atleast_2d(np.cov(drawn)) * units / (units - 1.0)


def resampling_weights(units: int, repetitions: int, rng: np.random.Generator) -> FloatArray:
    """How often each unit is drawn, with replacement, in resamples of all `units`; shape (repetitions, units).

    >>> resampling_weights(5, 3, np.random.default_rng(0)).sum(1).tolist()
    [5.0, 5.0, 5.0]
    """
    drawn = rng.integers(units, size=(repetitions, units)) + np.arange(repetitions)[:, None] * units
    return np.bincount(drawn.ravel(), minlength=repetitions * units).reshape(repetitions, units).astype(np.float64)


def from_covariance(
    values: npt.ArrayLike,
    covariance: npt.ArrayLike,
    seeds: tuple[int, int],
    units: int,
    *,
    guard: Guard = 1,
    level: float = 0.95,
) -> Estimate:
    """The estimate from each run's metric and its covariance over samples, wherever that comes from.

    With DeLong's covariance of AUROC it is `nested` on `auroc_scores`, to rounding.

    Args:
        values: of the metric, shape (runs,): first the seeds of A, then those of B.
        covariance: of the values over new samples, the runs as they are; shape (runs, runs).
        seeds: of A and of B. With one on a side, all runs are taken as fixed: a claim about these checkpoints.
        units: independent units that the covariance rests on.
        guard: of the degrees of freedom, as in `nested`.
        level: of the interval.

    >>> from_covariance([0.9, 0.8], [[4e-4, 1e-4], [1e-4, 4e-4]], (1, 1), 500).standard_error.__round__(4)
    0.0245
    """
    if not 0.0 < level < 1.0:
        raise InputError("level", "a number between 0 and 1", str(level))
    metric, matrix = np.asarray(values, np.float64), np.asarray(covariance, np.float64)
    runs = sum(seeds)
    if min(seeds) < 1 or metric.shape != (runs,) or matrix.shape != (runs, runs):
        got = f"shapes {metric.shape} and {matrix.shape} for {seeds[0]} and {seeds[1]} seeds"
        raise InputError("values", "a value a run and a square covariance", got)
    if not (np.isfinite(metric).all() and np.isfinite(matrix).all()):
        raise InputError("values", "finite values and covariances", "NaN or an infinity")
    if min(seeds) == 1:
        return _of_checkpoints(metric, matrix, seeds, units, level)
    sides = [slice(0, seeds[0]), slice(seeds[0], runs)]
    alone = np.array([np.diagonal(matrix)[side].mean() for side in sides])
    within = np.array([_mean_off_diagonal(matrix[side, side]) for side in sides])
    observed = np.array([metric[side].var(ddof=1) for side in sides])
    observed[observed <= np.square(1e-13 * np.abs(metric).max())] = 0.0  # rounding error
    residuals = np.maximum(alone - within, 0.0)  # of one run's metric; falls with samples and with seeds
    counts = np.array(seeds)
    parts = (observed if observed.any() else residuals) / counts
    samples = max(float(within.sum() - 2.0 * matrix[sides[0], sides[1]].mean()), 0.0)
    difference = np.asarray(metric[sides[0]].mean() - metric[sides[1]].mean())
    spread = Spread(difference, parts, np.asarray(samples), residuals * units, observed, seeds, units, guard)
    return nested_estimate(spread, level)


def _mean_off_diagonal(matrix: FloatArray) -> float:
    size = len(matrix)
    return float((matrix.sum() - np.trace(matrix)) / (size * (size - 1)))


def _of_checkpoints(
    metric: FloatArray, covariance: FloatArray, seeds: tuple[int, int], units: int, level: float
) -> Estimate:
    contrast = np.concatenate([np.full(seeds[0], 1.0 / seeds[0]), np.full(seeds[1], -1.0 / seeds[1])])
    difference, df = float(contrast @ metric), units - 1.0
    variance = max(float(contrast @ covariance @ contrast), 0.0)
    error = math.sqrt(variance)
    interval, p_value = t_interval_and_p(difference, error, df, level)
    return Estimate(
        difference=difference,
        standard_error=error,
        degrees_of_freedom=df,
        interval=interval,
        p_value=p_value,
        design="paired_t",
        seeds=seeds,
        samples=units,
        components=Components(seed_variances=(), residual_variances=(), sample_variance=variance * units),
        warnings=() if error > 0 else ("no_variance",),
    )
