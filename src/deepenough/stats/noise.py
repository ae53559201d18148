"""Where the error of a difference comes from, how it stands beside the gap, and how far one training can be trusted.

An estimate's squared standard error is a sum: training seeds, samples, and what is left over, single samples that
single trainings get right or wrong. X. Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks",
MLSys 2021 (abstract read), ask for such an account, source by source, and for the probability that one method beats
another; both are reported here and neither decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.distributions import chi_square_quantile
from deepenough.stats.estimate import Estimate
from deepenough.stats.mrmc import single

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisePart:
    """One part of a difference's squared standard error, in squared units of the score.

    `seeds` falls with seeds alone, `samples` with samples alone, `seed_by_sample` with both.
    """

    source: Literal["seeds", "samples", "seed_by_sample"]
    side: int | None  # 0 for A, 1 for B, None where both share the part
    variance: float  # at least 0
    share: float | None  # of the squared standard error, in [0, 1]; None where that is 0
    clipped: bool  # estimated at or below 0 and set to 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpread:
    """How far one set of trainings spreads, as standard deviations in the score's unit with 95 % intervals.

    `sd` is that of their means on these very samples, `own_sd` what would be left of it on endless samples.
    """

    runs: int
    sd: float
    interval: tuple[float, float]
    own_sd: float
    own_interval: tuple[float, float]
    clipped: bool  # the samples alone explain all that was seen


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseBudget:
    """The account of one estimate; `parts` add up to the squared standard error."""

    standard_error: float
    gap: float | None  # |difference| / standard error; None where nothing varies
    parts: tuple[NoisePart, ...]
    spreads: tuple[RunSpread, ...]  # one a set of seeds: (A, B), the differences where paired, none for checkpoints
    single_run_sd: float | None  # of the difference of one training each, on these samples
    luck: float | None  # P(such a difference at least as large as the gap), were A and B alike
    superiority: float | None  # P(a fresh training of A beats one of B on endless samples); None without seed variance


def noise_budget(estimate: Estimate) -> NoiseBudget:
    """Split an estimate's squared standard error into its sources.

    The interaction's part is what the seeds' part as seen owes to the finite samples, so the parts add up even where a
    component was estimated below zero and set to 0.

    Args:
        estimate: of `nested`, `paired` or `compare_checkpoints`; for checkpoints all is due to the samples, since how
            far new trainings would differ is unknown.

    Raises:
        InputError: the estimate is of scores with gaps, whose parts do not add up.

    >>> from deepenough.stats.mrmc import nested
    >>> a = [[1, 1, 0, 1, 1, 0], [1, 1, 1, 1, 1, 0], [1, 0, 1, 1, 1, 0]]
    >>> b = [[1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 1, 1]]
    >>> found = noise_budget(nested(a, b))
    >>> [(part.source, part.side, round(part.share, 2)) for part in found.parts]
    [('seeds', 0, 0.0), ('seeds', 1, 0.2), ('samples', None, 0.58), ('seed_by_sample', None, 0.22)]
    >>> round(sum(part.variance for part in found.parts) / found.standard_error**2, 9), round(found.gap, 2)
    (1.0, 1.46)
    """
    if "missing_scores" in estimate.warnings:
        raise InputError("estimate", "scores without gaps", "missing scores", "take the samples that all runs scored")
    parts, size = estimate.components, estimate.samples
    counts = estimate.seeds[: len(parts.seed_variances)]
    residuals = [left / size for left in parts.residual_variances]
    seen = estimate.seed_sd or tuple(math.sqrt(o + r) for o, r in zip(parts.seed_variances, residuals, strict=True))
    tied = "tied_seeds" in estimate.warnings  # the estimator then takes the residual in the seeds' place
    interaction = sum(
        (left if tied else min(sd * sd, left)) / k for sd, left, k in zip(seen, residuals, counts, strict=True)
    )
    total = estimate.standard_error**2
    sides = range(len(counts)) if len(counts) == 2 else (None,)
    split = [
        _part("seeds", side, own / k, total, clipped=own == 0 and left > 0)
        for side, own, left, k in zip(sides, parts.seed_variances, residuals, counts, strict=False)
    ]
    nothing_left = parts.sample_variance == 0 and any(residuals)
    split.append(_part("samples", None, parts.sample_variance / size, total, clipped=nothing_left))
    if counts:
        split.append(_part("seed_by_sample", None, interaction, total, clipped=False))
    of_one = math.sqrt(sum(parts.seed_variances) + sum(residuals))
    own = math.sqrt(sum(parts.seed_variances))
    return NoiseBudget(
        standard_error=estimate.standard_error,
        gap=abs(estimate.difference) / estimate.standard_error if total > 0 else None,
        parts=tuple(split),
        spreads=tuple(_spread(sd, left, k) for sd, left, k in zip(seen, residuals, counts, strict=True)),
        single_run_sd=of_one if counts else None,
        luck=math.erfc(abs(estimate.difference) / of_one / math.sqrt(2.0)) if of_one > 0 else None,
        superiority=_NORMAL.cdf(estimate.difference / own) if own > 0 else None,
    )


def run_spread(scores: npt.ArrayLike, *, level: float = 0.95) -> RunSpread:
    """How far trainings of one network differ, from their scores on the same samples.

    Args:
        scores: shape (runs, samples), at least two of each, such as runs that vary one source of randomness alone.
        level: of the intervals.

    Raises:
        InputError: on NaN, or fewer than two runs or samples.

    >>> same = run_spread([[1, 0, 1], [1, 0, 1]])
    >>> same.sd, same.interval
    (0.0, (0.0, 0.0))
    """
    estimate = single(scores)
    residual = estimate.components.residual_variances[0] / estimate.samples
    return _spread(estimate.seed_sd[0], residual, estimate.seeds[0], level)


def sd_interval(sd: float, df: int, *, level: float = 0.95) -> tuple[float, float]:
    """Interval of a standard deviation of normal values: `df s^2 / sigma^2` is chi-square with `df` degrees of freedom.

    Args:
        sd: as seen, at least 0.
        df: degrees of freedom, at least 1: one less than the values.
        level: of the interval.

    >>> tuple(round(end, 2) for end in sd_interval(1.0, 2))
    (0.52, 6.28)
    """
    if df < 1 or not 0.0 < level < 1.0:
        got = f"df {df}, level {level}"
        raise InputError("sd_interval", "at least 1 degree of freedom and a level between 0 and 1", got)
    tails = (0.5 + level / 2.0, 0.5 - level / 2.0)
    low, high = (sd * math.sqrt(df / float(chi_square_quantile(df, tail))) for tail in tails)
    return low, high


def _part(
    source: Literal["seeds", "samples", "seed_by_sample"],
    side: int | None,
    variance: float,
    total: float,
    *,
    clipped: bool,
) -> NoisePart:
    share = min(variance / total, 1.0) if total > 0 else None
    return NoisePart(source=source, side=side, variance=variance, share=share, clipped=clipped)


def _spread(sd: float, residual: float, runs: int, level: float = 0.95) -> RunSpread:
    """Of `runs` means with this SD as seen, of whose variance the samples explain `residual`.

    The residual has (runs - 1)(samples - 1) degrees of freedom and is taken as known beside the seeds' runs - 1.
    """
    interval = sd_interval(sd, runs - 1, level=level)
    low, own, high = (math.sqrt(max(end * end - residual, 0.0)) for end in (interval[0], sd, interval[1]))
    return RunSpread(
        runs=runs,
        sd=sd,
        interval=interval,
        own_sd=own,
        own_interval=(low, high),
        clipped=own == 0.0 and residual > 0.0,
    )
