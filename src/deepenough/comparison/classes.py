"""Where two contenders differ: by class, by what they confuse, and sample by sample. Descriptive; decides nothing."""

from __future__ import annotations

import numpy as np
import polars as pl

from deepenough.comparison.estimating import estimate_gain
from deepenough.comparison.pairing import align
from deepenough.errors import RecordError
from deepenough.stats import holm

_CLASS_TABLE = {
    "target": pl.String,
    "samples": pl.Int64,
    "small_mean": pl.Float64,
    "big_mean": pl.Float64,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p_value": pl.Float64,
    "p_adjusted": pl.Float64,
}


def per_class(scores: pl.DataFrame, *, small: str, big: str, scale: int, multiplier: float = 100.0) -> pl.DataFrame:
    """Both contenders' mean score for each class, with the difference and its 95 % interval.

    Args:
        scores: `records.SCORES`.
        small: contender; differences are big minus small.
        big: contender.
        scale: at which they are compared.
        multiplier: units for a score of 1.

    Returns:
        A row a class, in order of its name: `target`, `samples`, `small_mean`, `big_mean`, `difference`, `low`, `high`,
        `p_value`, `p_adjusted` (Holm over classes). The last five are null for a class of one sample. The intervals
        are not adjusted: among 20 classes about one leaves out 0 by chance.
    """
    frame = _of_pair(scores, small, big, scale)
    aligned = align(frame)
    targets = _targets(frame, aligned.sample_ids)
    cells = aligned.cells[small, scale].scores, aligned.cells[big, scale].scores
    rows: list[dict[str, object]] = []
    for name in sorted(set(targets.tolist())):
        here = targets == name
        low_scores, high_scores = cells[0][:, here], cells[1][:, here]
        row: dict[str, object] = {
            "target": name,
            "samples": int(here.sum()),
            "small_mean": float(low_scores.mean()) * multiplier,
            "big_mean": float(high_scores.mean()) * multiplier,
        }
        if here.sum() > 1:
            gain = estimate_gain(high_scores, low_scores).scaled(multiplier)
            row |= {
                "difference": gain.difference,
                "low": gain.interval[0],
                "high": gain.interval[1],
                "p_value": gain.p_value,
            }
        rows.append(row)
    table = pl.DataFrame(rows, schema=_CLASS_TABLE)
    known = table["p_value"].is_not_null()
    adjusted = iter(holm(table["p_value"].filter(known).to_numpy()))
    return table.with_columns(p_adjusted=pl.Series([next(adjusted) if k else None for k in known], dtype=pl.Float64))


def confusion(scores: pl.DataFrame, *, contender: str, scale: int) -> pl.DataFrame:
    """How often each target was taken for each prediction, over all seeds: `target`, `prediction`, `count`, `share`.

    `share` is of the target's predictions; pairs that never occur have no row.
    """
    return (
        scores.filter((pl.col("contender") == contender) & (pl.col("scale") == scale))
        .group_by("target", "prediction")
        .agg(pl.len().cast(pl.Int64).alias("count"))
        .with_columns((pl.col("count") / pl.col("count").sum().over("target")).alias("share"))
        .sort("target", "prediction")
    )


def disagreements(scores: pl.DataFrame, *, small: str, big: str, scale: int, limit: int | None = None) -> pl.DataFrame:
    """Samples on which the contenders differ, those on which they differ most first.

    They differ where their predictions by majority over seeds do, or their mean scores; ties in the vote go to the name
    that sorts first.

    Returns:
        `sample_id`, `target`, `small_prediction`, `big_prediction`, `small_score`, `big_score` (means over seeds),
        `small_confidence`, `big_confidence` (means over all seeds), `difference` (big minus small score).
    """
    frame = _of_pair(scores, small, big, scale)
    left = _by_sample(frame.filter(pl.col("contender") == small), "small")
    right = _by_sample(frame.filter(pl.col("contender") == big), "big")
    joined = left.join(right.drop("target"), on="sample_id", how="inner")
    differing = (
        joined.with_columns((pl.col("big_score") - pl.col("small_score")).alias("difference"))
        .filter(pl.col("small_prediction").ne_missing(pl.col("big_prediction")) | (pl.col("difference").abs() > 1e-9))
        .with_columns(pl.col("difference").abs().round(9).alias("size"))
        .sort("size", "sample_id", descending=[True, False])
    )
    columns = ["prediction", "score", "confidence"]
    ordered = differing.select(
        "sample_id", "target", *(f"{side}_{name}" for name in columns for side in ("small", "big")), "difference"
    )
    return ordered if limit is None else ordered.head(limit)


def _by_sample(frame: pl.DataFrame, side: str) -> pl.DataFrame:
    """One row a sample: majority prediction, mean score, mean confidence."""
    votes = (
        frame.group_by("sample_id", "prediction")
        .len()
        .sort("len", "prediction", descending=[True, False])
        .group_by("sample_id")
        .agg(pl.col("prediction").first().alias(f"{side}_prediction"))
    )
    means = frame.group_by("sample_id").agg(
        pl.col("target").first(),
        pl.col("score").mean().alias(f"{side}_score"),
        pl.col("confidence").mean().alias(f"{side}_confidence"),
    )
    return means.join(votes, on="sample_id")


def _of_pair(scores: pl.DataFrame, small: str, big: str, scale: int) -> pl.DataFrame:
    frame = scores.filter(pl.col("contender").is_in([small, big]) & (pl.col("scale") == scale))
    absent = [name for name in (small, big) if name not in frame["contender"]]
    if absent:
        raise RecordError("scores", f"scores of {small} and {big} at scale {scale}", f"none of {', '.join(absent)}")
    return frame


def _targets(frame: pl.DataFrame, sample_ids: pl.Series) -> np.ndarray:
    first = frame.select("sample_id", "target").unique("sample_id")
    return sample_ids.to_frame().join(first, on="sample_id", how="left", maintain_order="left")["target"].to_numpy()
