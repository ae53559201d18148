"""What a study of k seeds and n samples will show, foretold from variance components.

`V(k, n) = sum(seed)/k + sample/n + sum(residual)/(k n)`, with Satterthwaite's degrees of freedom. What is foretold is
the interval of a typical study: the one that is then run estimates its own variance, so its interval comes out somewhat
wider or narrower, the more so the fewer seeds it has.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.distributions import FloatArray, noncentral_t_power, t_interval_and_p, t_quantile
from deepenough.stats.estimate import Components, Estimate

BoolArray = npt.NDArray[np.bool_]

LARGEST = 10_000_000  # samples; a design that needs more is not offered
UPPER = 0.8  # confidence of the upper bound of a seed SD
_GRID = np.unique(np.geomspace(10, LARGEST, 600).astype(np.int64))


def interval_half_width(
    parts: Components, seeds: int, samples: FloatArray | float, *, level: float = 0.95, guard: int = 1
) -> FloatArray:
    """Predicted half width of the interval with `seeds` runs a contender and `samples` samples; `guard` as in `nested`.

    >>> parts = Components(seed_variances=(0, 0), residual_variances=(.0225, .0225), sample_variance=.018)
    >>> round(float(interval_half_width(parts, 3, 22_800.0)), 4)
    0.0025
    """
    variance, df = _design(parts, seeds, np.asarray(samples, np.float64), guard)
    return t_quantile(df, 0.5 + level / 2.0) * np.sqrt(variance)


def predicted_power(
    parts: Components,
    seeds: int,
    samples: FloatArray | float,
    distance: float,
    *,
    level: float = 0.95,
    guard: int = 1,
) -> FloatArray:
    """Chance that the interval clears a bound at `distance` from the truth, on that side.

    >>> parts = Components(seed_variances=(0, 0), residual_variances=(.0225, .0225), sample_variance=.018)
    >>> round(float(predicted_power(parts, 3, 11_400.0, 0.005)), 2)
    0.8
    """
    variance, df = _design(parts, seeds, np.asarray(samples, np.float64), guard)
    critical = t_quantile(df, 0.5 + level / 2.0)
    error = np.sqrt(variance)
    with np.errstate(divide="ignore"):
        away = np.where(error > 0, abs(distance) / error, np.inf)
    return noncentral_t_power(df, away, critical)


def smallest_margin(parts: Components, seeds: int, samples: FloatArray | float, *, level: float = 0.95) -> FloatArray:
    """The smallest margin that a study of this size is sure to decide: the whole width of its predicted interval.

    An interval narrower than the margin is never undecided, whatever the truth (`decide`).

    Args:
        parts: variance components, in squared units of the score.
        seeds: runs a contender, at least 2; ignored for checkpoints, whose components have no seed variances.
        samples: of the test set, at least 2; any shape.
        level: of the interval.

    Raises:
        InputError: if there are too few seeds or samples.

    >>> parts = Components(seed_variances=(0, 0), residual_variances=(.0225, .0225), sample_variance=.018)
    >>> round(float(smallest_margin(parts, 3, 22_800.0)), 4)
    0.005
    """
    if parts.seed_variances and seeds < 2:
        raise InputError("seeds", "at least 2 a contender", str(seeds), "one run each says nothing about the networks")
    if not np.all(np.asarray(samples) >= 2):
        raise InputError("samples", "at least 2", str(np.min(samples)), "test on more samples")
    return 2.0 * interval_half_width(parts, seeds, samples, level=level)


def predicted_estimate(parts: Components, difference: float, seeds: int, samples: int) -> Estimate:
    """What a typical study of this size would report if the true difference is `difference`; no seeds were seen.

    >>> parts = Components(seed_variances=(0, 0), residual_variances=(.0225, .0225), sample_variance=.018)
    >>> typical = predicted_estimate(parts, 0.0, 3, 22_800)
    >>> [round(end, 4) for end in typical.interval], typical.seeds
    ([-0.0025, 0.0025], (3, 3))
    """
    variance, df = (float(part) for part in _design(parts, seeds, np.asarray(float(samples))))
    error = math.sqrt(variance)
    interval, p_value = t_interval_and_p(difference, error, df)
    return Estimate(
        difference=difference,
        standard_error=error,
        degrees_of_freedom=df,
        interval=interval,
        p_value=p_value,
        design="nested",
        seeds=(seeds, seeds),
        samples=samples,
        components=parts,
    )


def seed_sd_factor(seeds: int, confidence: float = UPPER) -> float:
    """How many times its estimate an SD over so many runs may be, at a one-sided upper confidence bound.

    `sqrt((k - 1) / chi2inv(1 - confidence, k - 1))`, since (k - 1) s^2 / sigma^2 is chi-squared for normal effects.

    >>> [round(seed_sd_factor(k), 2) for k in (2, 3, 5, 10)]
    [3.95, 2.12, 1.56, 1.29]
    """
    from scipy.special import gammaincinv

    half_df = (seeds - 1) / 2.0
    return math.sqrt(half_df / float(gammaincinv(half_df, 1.0 - confidence)))


def with_upper_seed_sds(estimate: Estimate, confidence: float = UPPER) -> Components:
    """The components with every seed SD at its one-sided upper confidence bound.

    The bound is that of the SD of the seeds' means as seen; the noise of the samples is subtracted from it afterwards,
    since seeds and noise together are what was seen. Each set of seeds has the bound by itself, so both being above
    theirs is less likely than `1 - confidence`.

    Args:
        estimate: one whose seeds' means were seen (`seed_sd` is not empty).
        confidence: of each bound.

    >>> from deepenough.stats import nested
    >>> e = nested([[1, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 1]], [[1, 0, 0, 1], [0, 1, 0, 1], [1, 0, 1, 0]])
    >>> [round(v, 3) for v in e.components.seed_variances + with_upper_seed_sds(e).seed_variances]
    [0.111, 0.0, 0.619, 0.0]
    """
    parts = estimate.components
    bounds = [
        max((sd * seed_sd_factor(k, confidence)) ** 2 - noise / estimate.samples, 0.0)
        for sd, k, noise in zip(estimate.seed_sd, estimate.seeds, parts.residual_variances, strict=False)
    ]
    return Components(
        seed_variances=tuple(bounds),
        residual_variances=parts.residual_variances,
        sample_variance=parts.sample_variance,
    )


def fewest_samples(settles: Callable[[FloatArray], BoolArray]) -> int | None:
    """The smallest n that settles: the first on a geometric grid, then bisection below it; None where none does.

    Args:
        settles: numbers of samples -> whether each is enough.

    From below, because the width need not fall for ever: with more samples the seeds weigh more and the degrees of
    freedom drop.
    """
    good = np.flatnonzero(settles(_GRID.astype(np.float64)))
    if not len(good):
        return None
    high = int(_GRID[good[0]])
    low = int(_GRID[good[0] - 1]) if good[0] else 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bool(settles(np.asarray(float(middle)))) else (middle, high)
    return high


def _design(parts: Components, seeds: int, samples: FloatArray, guard: int = 1) -> tuple[FloatArray, FloatArray]:
    """Predicted variance and degrees of freedom, shape of `samples`."""
    cap = np.maximum(samples - 1.0, 1.0)
    if not parts.seed_variances:  # checkpoints: the runs are fixed
        return parts.sample_variance / samples, cap
    share = [
        s / seeds + e / (seeds * samples) for s, e in zip(parts.seed_variances, parts.residual_variances, strict=True)
    ]
    total = np.sum(share, axis=0)
    variance = total + parts.sample_variance / samples
    below = np.square(guard) * np.sum(np.square(share), axis=0) / (seeds - 1.0)
    above = np.square(guard * total + parts.sample_variance / samples)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(below > 0, above / below, np.inf)
    return variance, np.minimum(df, cap)
