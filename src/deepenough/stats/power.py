"""What would settle an undecided question: how many seeds and samples, guaranteed or likely, and what cannot.

The variance components of one study predict the interval of another, with k seeds a contender and n samples:
`V(k, n) = sum(seed)/k + sample/n + sum(residual)/(k n)`, with Satterthwaite's degrees of freedom. The prediction is
slightly rosy at k = 3 (measured power is up to 0.035 lower), since the degrees of freedom of the coming study are
random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from deepenough.records import Needed
from deepenough.stats.decision import check_margin
from deepenough.stats.distributions import FloatArray, noncentral_t_power, t_quantile
from deepenough.stats.estimate import Components, Estimate

BoolArray = npt.NDArray[np.bool_]

LADDER = (3, 5, 8, 10, 15, 20, 30)
LARGEST = 10_000_000  # samples; a design that needs more is not offered
_GRID = np.unique(np.geomspace(10, LARGEST, 600).astype(np.int64))


def needed(
    estimate: Estimate,
    margin: float,
    *,
    target: float | None = None,
    ladder: Sequence[int] = LADDER,
    power: float = 0.8,
    level: float = 0.95,
) -> Needed:
    """Designs that would settle the question, from the components of an estimate of big minus small.

    Guaranteed designs have an interval narrower than the margin, which is never undecided whatever the truth. Likely
    ones decide with probability `power` if the truth is as estimated. A design is listed only where it needs fewer
    samples than every design with fewer seeds.

    Args:
        estimate: of big minus small, in the unit of `margin`.
        margin: above 0.
        target: how far the truth is taken to lie from the bound that the interval must clear; by default the larger of
            `difference` (to show a gain above 0) and `margin - difference` (to show one below the margin). Given one,
            the question is whether the gain passes a bound inside the interval, for which no design is a guarantee.
        ladder: numbers of seeds to consider; those of the estimate are always among them.
        power: of the likely designs.
        level: of the interval that is to decide.

    Returns:
        Designs hold `seeds` a contender, `samples` of the test set in all, `total_samples` scored in all (seeds x
        samples x contenders), `more_seeds` and `more_samples`.

    >>> parts = Components(seed_variances=(0, 0), residual_variances=(.0225, .0225), sample_variance=.018)
    >>> seen = Estimate(difference=0.0, standard_error=.0018, degrees_of_freedom=20, interval=(-.004, .004),
    ...     p_value=1.0, design="nested", seeds=(3, 3), samples=10_000, components=parts)
    >>> [(d["seeds"], round(d["samples"], -2)) for d in needed(seen, 0.005, ladder=(3, 5)).guaranteed]
    [(3, 23100), (5, 17200)]
    """
    check_margin(margin)
    fixed_runs = not estimate.components.seed_variances
    seeds_now = max(estimate.seeds)
    rungs = [seeds_now] if fixed_runs else sorted({*(k for k in ladder if k >= seeds_now), max(seeds_now, 2)})
    distance = max(estimate.difference, margin - estimate.difference) if target is None else abs(target)

    def narrow(k: int, n: FloatArray) -> BoolArray:
        return 2.0 * interval_half_width(estimate.components, k, n, level=level) <= margin

    def likely(k: int, n: FloatArray) -> BoolArray:
        enough = predicted_power(estimate.components, k, n, distance, level=level) >= power
        return enough if target is not None else enough | narrow(k, n)  # a narrow interval decides whatever the truth

    return Needed(
        guaranteed=[] if target is not None else _designs(narrow, rungs, estimate),
        likely=_designs(likely, rungs, estimate) if distance > 0 else [],
        seed_floor=None if fixed_runs else _seed_floor(estimate, level),
        sample_floor=_sample_floor(estimate, level),
    )


def interval_half_width(
    parts: Components, seeds: int, samples: FloatArray | float, *, level: float = 0.95
) -> FloatArray:
    """Predicted half width of the interval with `seeds` runs a contender and `samples` samples.

    >>> parts = Components(seed_variances=(0, 0), residual_variances=(.0225, .0225), sample_variance=.018)
    >>> round(float(interval_half_width(parts, 3, 22_800.0)), 4)
    0.0025
    """
    variance, df = _design(parts, seeds, np.asarray(samples, np.float64))
    return t_quantile(df, 0.5 + level / 2.0) * np.sqrt(variance)


def predicted_power(
    parts: Components, seeds: int, samples: FloatArray | float, distance: float, *, level: float = 0.95
) -> FloatArray:
    """Chance that the interval clears a bound at `distance` from the truth, on that side.

    >>> parts = Components(seed_variances=(0, 0), residual_variances=(.0225, .0225), sample_variance=.018)
    >>> round(float(predicted_power(parts, 3, 11_400.0, 0.005)), 2)
    0.8
    """
    variance, df = _design(parts, seeds, np.asarray(samples, np.float64))
    critical = t_quantile(df, 0.5 + level / 2.0)
    error = np.sqrt(variance)
    with np.errstate(divide="ignore"):
        away = np.where(error > 0, abs(distance) / error, np.inf)
    return noncentral_t_power(df, away, critical)


def _design(parts: Components, seeds: int, samples: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Predicted variance and degrees of freedom, shape of `samples`."""
    cap = np.maximum(samples - 1.0, 1.0)
    if not parts.seed_variances:  # checkpoints: the runs are fixed
        return parts.sample_variance / samples, cap
    share = [
        s / seeds + e / (seeds * samples) for s, e in zip(parts.seed_variances, parts.residual_variances, strict=True)
    ]
    total = np.sum(share, axis=0)
    variance = total + parts.sample_variance / samples
    below = np.sum(np.square(share), axis=0) / (seeds - 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(below > 0, np.square(variance) / below, np.inf)
    return variance, np.minimum(df, cap)


def _designs(
    settles: Callable[[int, FloatArray], BoolArray], rungs: Sequence[int], estimate: Estimate
) -> list[dict[str, float]]:
    """The fewest samples for each number of seeds; those that save no samples over fewer seeds are left out."""
    found: list[dict[str, float]] = []
    fewest = float("inf")
    for k in rungs:
        samples = _fewest(lambda n, k=k: settles(k, n))
        if samples is None or samples >= fewest:
            continue
        fewest = samples
        found.append(
            {
                "seeds": k,
                "samples": samples,
                "total_samples": k * samples * len(estimate.seeds),
                "more_seeds": k - min(estimate.seeds),
                "more_samples": max(samples - estimate.samples, 0),
            }
        )
    return found


def _fewest(settles: Callable[[FloatArray], BoolArray]) -> int | None:
    """The smallest n that settles: the first on a geometric grid, then bisection below it.

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


def _seed_floor(estimate: Estimate, level: float) -> float:
    """Half width with these seeds and endless samples."""
    counts = estimate.seeds[: len(estimate.components.seed_variances)]
    share = np.array([s / k for s, k in zip(estimate.components.seed_variances, counts, strict=True)])
    if not share.any():
        return 0.0
    df = share.sum() ** 2 / sum(v * v / (k - 1.0) for v, k in zip(share, counts, strict=True))
    return float(t_quantile(df, 0.5 + level / 2.0) * np.sqrt(share.sum()))


def _sample_floor(estimate: Estimate, level: float) -> float:
    """Half width with these samples and endless seeds."""
    error = np.sqrt(estimate.components.sample_variance / estimate.samples)
    return float(t_quantile(estimate.samples - 1.0, 0.5 + level / 2.0) * error)
