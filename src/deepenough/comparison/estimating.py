"""The estimator that fits the data at hand: seeds or checkpoints, clusters or not, 0/1 or real-valued."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deepenough.records import PairResult
from deepenough.stats import (
    Estimate,
    agresti_min_interval,
    cluster_scores,
    compare_checkpoints,
    decide,
    is_binary,
    mcnemar_mid_p,
    nested,
    nested_unbalanced,
    paired,
    single,
    wilson_interval,
)
from deepenough.stats.distributions import FloatArray, t_quantile
from deepenough.stats.mrmc import Guard
from deepenough.stats.unbalanced import guard_by_seeds

_METHODS = {
    "nested": "nested-seed multi-reader multi-case (Obuchowski-Rockette) with Hillis' degrees of freedom",
    "paired": "paired-seed multi-reader multi-case (Dorfman-Berbaum-Metz) with guarded degrees of freedom",
    "mcnemar": "two checkpoints: McNemar mid-p with the Agresti-Min interval",
    "paired_t": "two checkpoints: paired t over samples",
}


def method_of(estimate: Estimate, *, clustered: bool, guard: Guard = 1) -> str:
    """The method in words, for the record."""
    guarded = ", guarded" if guard == 2 and estimate.design == "nested" else ""
    if "unequal_seeds" in estimate.warnings:
        guarded = ", more cautious for unequal numbers of seeds"
    if "missing_scores" in estimate.warnings:
        guarded += ", by fitting constants where scores are missing"
    return _METHODS[estimate.design] + guarded + (", on linearised cluster scores" if clustered else "")


def as_pair(estimate: Estimate, small: str, big: str, scale: int, margin: float) -> PairResult:
    """The record of an estimate, big minus small in the margin's unit, with its answer."""
    return PairResult(
        small=small,
        big=big,
        scale=scale,
        answer=decide(estimate.interval, margin).answer,
        difference=estimate.difference,
        interval=estimate.interval,
        p_value=estimate.p_value,
        degrees_of_freedom=estimate.degrees_of_freedom,
        standard_error=estimate.standard_error,
    )


def estimate_gain(
    big: FloatArray,
    small: FloatArray,
    clusters: np.ndarray | None = None,
    *,
    level: float = 0.95,
    guard: Guard = 1,
    pairs: bool = False,
) -> Estimate:
    """Big minus small, in the score's unit.

    Args:
        big: shape (seeds, samples).
        small: shape (seeds, samples), the same samples.
        clusters: label of each sample, or None.
        level: of the interval.
        guard: of the degrees of freedom, where there are seeds.
        pairs: row s of both shares what its seed fixes (`stats.paired`); equal numbers of rows, at least three.

    Scores may be missing (NaN) where there are no clusters: then runs are compared through the samples that they share
    (`stats.unbalanced`), and checkpoints on those that all scored.

    Unequal numbers of seeds make the degrees of freedom more cautious (`stats.unbalanced`). The interval of 0/1 scores
    stays within [-1, 1]. Where they leave no variance (every run gave every sample the same gain) interval and p-value
    are those of two checkpoints, since a width of zero would claim to know samples that nobody has seen.
    """
    first, second = big, small
    if clusters is not None:
        first, second = cluster_scores(big, clusters), cluster_scores(small, clusters)
    complete = not (np.isnan(big).any() or np.isnan(small).any())
    if min(len(big), len(small)) < 2:
        shared = ~(np.isnan(first).any(0) | np.isnan(second).any(0))
        estimate = compare_checkpoints(first[:, shared], second[:, shared], level=level)
    elif pairs:
        estimate = paired(first, second, level=level)
    elif len(big) == len(small) and complete:
        estimate = nested(first, second, level=level, guard=guard)
    else:
        cautious = guard if len(big) == len(small) else np.maximum(guard_by_seeds((len(big), len(small))), guard)
        estimate = nested_unbalanced(first, second, guard=cautious, level=level)
    if not all(is_binary(scores[~np.isnan(scores)]) for scores in (big, small)):
        return estimate
    if "no_variance" not in estimate.warnings:
        low, high = estimate.interval
        return replace(estimate, interval=(max(low, -1.0), min(high, 1.0)))
    gain = round(estimate.difference * estimate.samples)
    only_big, only_small = max(gain, 0), max(-gain, 0)
    return replace(
        estimate,
        interval=agresti_min_interval(only_big, only_small, estimate.samples, level=level),
        p_value=mcnemar_mid_p(only_big, only_small),
    )


def for_planning(estimate: Estimate, *, level: float = 0.95) -> Estimate:
    """The estimate with components that predict its own interval, where that rests on counts and not on a variance.

    Few or no discordant samples make the observed variance too small to plan with: no discordance at all would call for
    a test set of two samples. `level` is that of the estimate's interval.
    """
    if estimate.design != "mcnemar" and "no_variance" not in estimate.warnings:
        return estimate
    low, high = estimate.interval
    error = (high - low) / 2.0 / float(t_quantile(max(estimate.samples - 1.0, 1.0), 0.5 + level / 2.0))
    sample_variance = max(estimate.components.sample_variance, error * error * estimate.samples)
    return replace(estimate, components=replace(estimate.components, sample_variance=sample_variance))


def interval_of_mean(
    scores: FloatArray, clusters: np.ndarray | None = None, *, level: float = 0.95
) -> tuple[float, float] | None:
    """Interval of one contender's mean over fresh seeds and new samples (over new samples only, with one seed).

    None where there is one sample with a real-valued score. The ends of 0/1 scores stay within [0, 1].
    """
    binary, size = is_binary(scores), scores.shape[1]
    wilson = wilson_interval(float(scores.mean()) * size, size, level=level) if binary else None
    units = scores if clusters is None else cluster_scores(scores, clusters)
    if units.shape[1] < 2 or (len(scores) == 1 and clusters is None and binary):
        return wilson
    if len(scores) == 1:
        row = units[0]
        half = float(t_quantile(len(row) - 1.0, 0.5 + level / 2.0) * row.std(ddof=1) / np.sqrt(len(row)))
        low, high = float(row.mean()) - half, float(row.mean()) + half
    else:
        estimate = single(units, level=level)
        if binary and "no_variance" in estimate.warnings:
            return wilson
        low, high = estimate.interval
    return (max(low, 0.0), min(high, 1.0)) if binary else (low, high)
