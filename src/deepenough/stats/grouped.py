"""The nested estimator for many groups of samples at once: a class, a size, any slice is a group.

The same numbers as `nested` on each group's samples alone, in one pass over the scores: 1,000 groups cost no more than
one. Seeds are shared between groups, so the groups' estimates are correlated; each is right by itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from deepenough.stats.distributions import FloatArray
from deepenough.stats.estimate import ROUNDING as _ROUNDING
from deepenough.stats.mrmc import Guard, Spread

Codes = npt.NDArray[np.int64]


def sum_by_group(values: FloatArray, codes: Codes, groups: int) -> FloatArray:
    """Sums over the samples of each group: (..., samples) to (..., groups).

    >>> sum_by_group(np.array([[1.0, 2.0, 3.0]]), np.array([0, 1, 0]), 2).tolist()
    [[4.0, 2.0]]
    """
    rows = values.reshape(-1, values.shape[-1])
    summed = np.stack([np.bincount(codes, weights=row, minlength=groups) for row in rows]).astype(np.float64)
    return summed.reshape(*values.shape[:-1], groups)


def cluster_scores_by_group(scores: FloatArray, codes: Codes, clusters: Codes) -> tuple[FloatArray, Codes]:
    """`cluster_scores` of every group: a cluster that lies in two groups is a cluster in each.

    Args:
        scores: shape (seeds, samples).
        codes: group of each sample, from 0.
        clusters: cluster of each sample, from 0.

    Returns:
        Linearised scores of shape (seeds, units), and each unit's group; a unit is a cluster within a group.

    >>> codes, clusters = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0])
    >>> units, group = cluster_scores_by_group(np.array([[1.0, 1.0, 0.0, 1.0]]), codes, clusters)
    >>> units.round(4).tolist(), group.tolist()
    ([[1.1111, 0.2222, 1.0]], [0, 0, 1])
    """
    pairs = codes * (int(clusters.max()) + 1) + clusters
    keys, units = np.unique(pairs, return_inverse=True)
    of_unit = keys // (int(clusters.max()) + 1)
    groups = int(codes.max()) + 1
    sizes = np.bincount(units).astype(np.float64)
    samples, counts = np.bincount(codes, minlength=groups), np.bincount(of_unit, minlength=groups)
    totals = sum_by_group(scores, units, len(keys))
    with np.errstate(invalid="ignore"):
        means = (sum_by_group(scores, codes, groups) / samples)[:, of_unit]
        share = (counts / samples)[of_unit]
    return (totals - means * sizes) * share + means, of_unit


def nested_spread_by_group(
    a: FloatArray, b: FloatArray, codes: Codes, groups: int, guard: Guard | FloatArray = 1
) -> Spread:
    """`nested_spread` of every group's samples, one entry a group; unchecked.

    Args:
        a: scores of A, shape (seeds of A, samples), at least two seeds.
        b: scores of B, shape (seeds of B, samples), the same samples.
        codes: group of each sample, in range(groups), shape (samples,).
        groups: how many; an entry of fewer than two samples is NaN in its variances.
        guard: as in `nested`, or one for each contender.

    >>> a, b = np.array([[1.0, 1, 0, 1], [1, 0, 1, 1]]), np.array([[0.0, 1, 0, 1], [1, 0, 0, 1]])
    >>> nested_spread_by_group(a, b, np.array([0, 0, 1, 1]), 2).difference.tolist()
    [0.25, 0.25]
    """
    size = np.bincount(codes, minlength=groups).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = [sum_by_group(x, codes, groups) / size for x in (a, b)]
        sides = [_residual(x, own, codes, size) for x, own in zip((a, b), means, strict=True)]
        counts = (len(a), len(b))
        scale = np.maximum(*(np.abs(own).max(0) for own in means))
        observed = np.stack([own.var(0, ddof=1) for own in means], -1)
        observed = np.where(observed > np.square(_ROUNDING * scale)[:, None], observed, 0.0)
        residuals = np.stack(sides, -1)
        per_seed = residuals / counts
        seeds = observed / counts
        tied = seeds.sum(-1, keepdims=True) == 0
        seeds = np.where(tied, per_seed / size[:, None], seeds)
        difference = means[0].mean(0) - means[1].mean(0)
        gains = a.mean(0) - b.mean(0) - difference[codes]
        spread = sum_by_group(gains * gains, codes, groups) / (size - 1.0)
        samples = np.maximum(spread - per_seed.sum(-1), 0.0) / size
    return Spread(difference, seeds, samples, residuals, observed, counts, size, guard)


def _residual(x: FloatArray, means: FloatArray, codes: Codes, size: FloatArray) -> FloatArray:
    """Mean square of seed by sample within each group."""
    left = x - x.mean(0) - (means - means.mean(0))[:, codes]
    total = sum_by_group(np.square(left).sum(0), codes, len(size))
    square = total / ((len(x) - 1) * (size - 1.0))
    floor = np.square(_ROUNDING * np.abs(means).max(0))
    return np.where(square > floor, square, 0.0)
