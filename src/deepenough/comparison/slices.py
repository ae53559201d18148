"""Who wins where: the gain of big over small in every class, size, shape and column of the manifest.

A slice holds samples alike in something that was known before any network saw them. Confidence, predictions, scores
and how hard an image proved to be are outcomes: slicing by them picks the images on which one contender happened to do
well, and finds gains where there are none. They are refused.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from deepenough.comparison.estimating import estimate_gain
from deepenough.comparison.levels import Partition, partitions
from deepenough.comparison.pairing import Aligned, Groups, align, cluster_labels
from deepenough.errors import RecordError
from deepenough.records import SLICES
from deepenough.stats import benjamini_yekutieli, is_binary
from deepenough.stats.distributions import FloatArray, t_two_sided
from deepenough.stats.grouped import cluster_scores_by_group, nested_spread_by_group, sum_by_group
from deepenough.stats.unbalanced import guard_by_seeds

FEWEST = 2  # samples (and clusters) of a slice that is estimated
FEW = 10  # samples below which a slice is flagged
FALSE_SHARE = 0.05  # of the marked slices that may be marked by chance, on average
_SAME = 1e-9  # mean scores nearer than this are equal


def slice_table(
    scores: pl.DataFrame,
    samples: pl.DataFrame | None = None,
    *,
    small: str,
    big: str,
    groups: Groups | None = None,
    multiplier: float = 100.0,
) -> pl.DataFrame:
    """The gain in every slice at every scale, with its 95 % interval, p- and q-value.

    Difference, interval and p-value are those of `estimate_gain` on the slice's samples alone. q-values are over all
    rows together, by Benjamini and Yekutieli, whom dependence does not trouble: slices overlap and share images, seeds
    and scales. They rest on the guarded degrees of freedom, because far in the tail the published ones claim too much
    where seeds vary by slice. With two seeds even these do not hold and there are no q-values; see docs/slices.md.

    Args:
        scores: `records.SCORES`; the scales that both contenders have are used.
        samples: `records.SAMPLES` with any further columns; without it there are only classes.
        small: contender; differences are big minus small.
        big: contender.
        groups: cluster of each sample id, where samples are not independent.
        multiplier: units for a score of 1.

    Returns:
        `records.SLICES`, by scale, column and level; slices of one sample (or cluster) have no row.
    """
    frame = scores.filter(pl.col("contender").is_in([small, big]))
    aligned = _of_pair(frame, small, big)
    clusters = cluster_labels(aligned.sample_ids, groups)
    if clusters is not None:
        clusters = np.unique(clusters, return_inverse=True)[1].astype(np.int64).reshape(clusters.shape)
    parts = partitions(frame, samples, aligned.sample_ids)
    rows: list[pl.DataFrame] = []
    guarded: list[FloatArray] = []
    for scale in _scales(aligned, small, big):
        first, second = (aligned.cells[name, scale].scores for name in (big, small))
        for part in parts:
            table, tails = _rows(part, first, second, clusters, multiplier)
            rows.append(table.with_columns(scale=pl.lit(scale, dtype=pl.Int32)))
            guarded.append(tails)
    if not rows:
        return pl.DataFrame(schema=SLICES)
    fewest = min(len(cell.seeds) for cell in aligned.cells.values())
    tails = np.concatenate(guarded)
    q_values = [None] * len(tails) if fewest == 2 else benjamini_yekutieli(tails)
    named = pl.concat(rows).with_columns(
        q_value=pl.Series(q_values, dtype=pl.Float64), small=pl.lit(small), big=pl.lit(big)
    )
    return named.select(pl.col(name).cast(kind) for name, kind in SLICES.items())


def differing_samples(
    scores: pl.DataFrame,
    samples: pl.DataFrame | None = None,
    *,
    small: str,
    big: str,
    scale: int,
    most: int | None = None,
) -> dict[tuple[str, str], list[str]]:
    """The samples behind each slice's gain: (column, level) to the ids whose mean scores differ, largest first.

    Args:
        scores: as in `slice_table`.
        samples: as in `slice_table`.
        small: contender.
        big: contender.
        scale: at which they are compared.
        most: ids a slice; all where None.
    """
    frame = scores.filter(pl.col("contender").is_in([small, big]) & (pl.col("scale") == scale))
    aligned = _of_pair(frame, small, big)
    gains = aligned.cells[big, scale].scores.mean(0) - aligned.cells[small, scale].scores.mean(0)
    ids = aligned.sample_ids.to_numpy()
    order = np.lexsort((ids, -np.abs(gains).round(9)))
    order = order[np.abs(gains[order]) > _SAME]
    found: dict[tuple[str, str], list[str]] = {}
    for part in partitions(frame, samples, aligned.sample_ids):
        by_level: list[list[str]] = [[] for _ in part.levels]
        for place in order:
            level = by_level[part.codes[place]]
            if most is None or len(level) < most:
                level.append(str(ids[place]))
        found |= {(part.column, name): level for name, level in zip(part.levels, by_level, strict=True)}
    return found


def _of_pair(frame: pl.DataFrame, small: str, big: str) -> Aligned:
    absent = [name for name in (small, big) if name not in frame["contender"]]
    if absent:
        raise RecordError("scores", f"scores of {small} and {big}", f"none of {', '.join(absent)}")
    return align(frame)


def _scales(aligned: Aligned, small: str, big: str) -> list[int]:
    return [scale for scale in aligned.scales if all((name, scale) in aligned.cells for name in (small, big))]


def _rows(
    part: Partition, big: FloatArray, small: FloatArray, clusters: np.ndarray | None, multiplier: float
) -> tuple[pl.DataFrame, FloatArray]:
    """The slices of one column at one scale, and the guarded p-values behind their q-values."""
    count = len(part.levels)
    sizes = np.bincount(part.codes, minlength=count)
    units = sizes
    if clusters is not None:
        each = clusters.reshape(len(part.codes), -1)
        of_each = np.stack([np.repeat(part.codes, each.shape[1]), each.ravel()])
        pairs = np.unique(of_each, axis=1)[0]
        units = np.bincount(pairs, minlength=count) - (each.shape[1] - 1)  # of pairs three people are the fewest
    gains = big.mean(0) - small.mean(0)
    wins = sum_by_group(np.stack([gains > _SAME, gains < -_SAME]).astype(np.float64), part.codes, count)
    means = sum_by_group(np.stack([small.mean(0), big.mean(0)]), part.codes, count) / np.maximum(sizes, 1)
    estimate = _estimates(part, big, small, clusters)
    table = pl.DataFrame(
        {
            "column": [part.column] * count,
            "level": list(part.levels),
            "samples": sizes,
            "difference": estimate[0] * multiplier,
            "low": estimate[1] * multiplier,
            "high": estimate[2] * multiplier,
            "p_value": estimate[3],
            "only_big": wins[0],
            "only_small": wins[1],
            "small_mean": means[0] * multiplier,
            "big_mean": means[1] * multiplier,
        }
    )
    enough = units >= FEWEST
    return table.filter(pl.Series(enough)), estimate[4][enough]


def _estimates(part: Partition, big: FloatArray, small: FloatArray, clusters: np.ndarray | None) -> FloatArray:
    """Difference, low, high, p and guarded p of each level, shape (5, levels): as `estimate_gain` on it alone."""
    count = len(part.levels)
    found = np.full((5, count), np.nan)
    left, binary = np.ones(count, bool), is_binary(big) and is_binary(small)
    two = clusters is not None and clusters.ndim == 2  # each level by itself, as a sample stands in two clusters
    if min(len(big), len(small)) >= 2 and not two:
        codes, sides = part.codes, (big, small)
        if clusters is not None:
            (first, units), (second, _) = (cluster_scores_by_group(x, codes, clusters) for x in sides)
            codes, sides = units, (first, second)
        guard = 1 if len(big) == len(small) else guard_by_seeds((len(big), len(small)))  # as in `estimate_gain`
        spread = nested_spread_by_group(*sides, codes, count, guard)
        cautious = replace(spread, guard=np.maximum(guard, 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            half = spread.half_width()
            found[:3] = spread.difference, spread.difference - half, spread.difference + half
            statistic = spread.difference / np.sqrt(spread.variance)
            found[3:] = [t_two_sided(statistic, each.degrees_of_freedom) for each in (spread, cautious)]
        if binary:
            found[1:3] = np.clip(found[1:3], -1.0, 1.0)
        left = spread.variance == 0
    order = np.argsort(part.codes, kind="stable")
    ends = np.cumsum(np.bincount(part.codes, minlength=count))
    for level in np.flatnonzero(left):
        here = order[ends[level - 1] if level else 0 : ends[level]]
        of_level = None if clusters is None else clusters[here]
        if len(here) >= FEWEST and (of_level is None or len(np.unique(of_level)) >= FEWEST + two):
            gain = estimate_gain(big[:, here], small[:, here], of_level)
            cautious_p = estimate_gain(big[:, here], small[:, here], of_level, guard=2).p_value if two else gain.p_value
            shown = binary or gain.standard_error > 0  # two equal real-valued gains prove nothing
            found[:, level] = gain.difference, *gain.interval, gain.p_value, cautious_p if shown else 1.0
    return found
