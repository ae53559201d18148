"""How many new samples would need a label: only those on which runs differ in class.

Where all runs of both contenders give a sample the same class, all get the same score whatever its label is, and a
score that all share moves neither the difference nor its variance nor the degrees of freedom. What each contender
reaches by itself does need all labels.
"""

from __future__ import annotations

import polars as pl


def labels_share(scores: pl.DataFrame, pair: tuple[str, str], scale: int) -> float | None:
    """The share of samples on which any two runs of the pair predict different classes; in [0, 1].

    Args:
        scores: columns `contender`, `scale`, `sample_id`, `score`, and `prediction` where there is one.
        pair: the deciding contenders.
        scale: the deciding scale.

    Returns:
        None where the share is not known: without predictions for every sample, or where runs that predict alike are
        scored apart, so that the prediction alone does not decide the score.

    >>> frame = pl.DataFrame({"contender": ["a", "b"] * 2, "scale": 0, "sample_id": ["x", "x", "y", "y"],
    ...     "prediction": ["cat", "cat", "cat", "dog"], "score": [1.0, 1.0, 0.0, 1.0]})
    >>> labels_share(frame, ("a", "b"), 0)
    0.5
    """
    if "prediction" not in scores.columns:
        return None
    chosen = scores.filter(pl.col("contender").is_in(pair) & (pl.col("scale") == scale))
    if chosen.is_empty() or chosen["prediction"].null_count():
        return None
    by_sample = chosen.group_by("sample_id").agg(
        differ=pl.col("prediction").min() != pl.col("prediction").max(),
        scored_apart=pl.col("score").min() != pl.col("score").max(),
    )
    if by_sample.filter(pl.col("scored_apart") & ~pl.col("differ")).height:
        return None
    return by_sample.filter(pl.col("differ")).height / by_sample.height
