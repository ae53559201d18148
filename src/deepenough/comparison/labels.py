"""How many new samples would need a label: only those on which runs differ in class.

Where all runs of both contenders give a sample the same class, all get the same score whatever its label is, and a
score that all share moves neither the difference nor its variance nor the degrees of freedom. What each contender
reaches by itself does need all labels.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from deepenough.comparison.stored import StoredScores


def labels_share(scores: pl.DataFrame | StoredScores, pair: tuple[str, str], scale: int) -> float | None:
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
    if isinstance(scores, StoredScores):
        return _of_stored(scores, pair, scale)
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


def _of_stored(stored: StoredScores, pair: tuple[str, str], scale: int) -> float | None:
    """As `labels_share`, one run's predictions at a time."""
    cells = [stored.aligned.cells[name, scale] for name in pair]
    scores = np.concatenate([cell.scores for cell in cells])
    differ, first = np.zeros(scores.shape[1], bool), None
    for name, cell in zip(pair, cells, strict=True):
        for seed in cell.seeds:
            rows = stored.run(name, seed, scale, ["prediction"])
            if rows.is_empty() or rows["prediction"].null_count():
                return None
            answered = rows["prediction"]
            first = answered if first is None else first
            differ |= (answered != first).to_numpy()
    apart = scores.min(0) != scores.max(0)
    return None if bool((apart & ~differ).any()) else float(differ.mean())
