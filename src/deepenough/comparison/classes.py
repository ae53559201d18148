"""What each contender takes for what, and the samples on which two differ. Descriptive; decides nothing."""

from __future__ import annotations

import polars as pl

from deepenough.errors import RecordError


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
