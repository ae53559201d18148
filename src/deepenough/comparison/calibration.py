"""How far a contender's confidence can be believed: of answers it was 80 % sure of, are 80 % right?

M. Naeini, G. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015, give
the expected calibration error (ECE); C. Guo et al., "On calibration of modern neural networks", ICML 2017, the diagram.
Descriptive; decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

BINS = 15  # of equal width, as in Guo et al.


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """One contender at one scale, its runs taken together in `bins` and one by one in the errors; all are shares.

    `bins` has the columns `low`, `high`, `answers`, `confidence` and `right` (means of the answers in the bin), without
    empty bins.
    """

    contender: str
    bins: pl.DataFrame
    error: float  # expected calibration error: mean over runs
    by_chance: float  # what it would be on as many images if every confidence were right
    confidence: float
    right: float


def as_answered(scores: pl.DataFrame) -> pl.DataFrame:
    """Scores that say whether the prediction was the target, where they are not 0 and 1 by themselves.

    Where a score is an influence value, the answer still was right or wrong; where there is no prediction it was
    neither, and the scores stay as they are.

    >>> kept = pl.DataFrame({"target": ["a", "b"], "prediction": ["a", "a"], "score": [1.3, 0.2]})
    >>> as_answered(kept)["score"].to_list()
    [1.0, 0.0]
    """
    answers = ("target", "prediction")
    if scores["score"].is_in([0.0, 1.0]).all() or any(
        name not in scores.columns or scores[name].null_count() for name in answers
    ):
        return scores
    right = pl.col("prediction").cast(pl.String) == pl.col("target").cast(pl.String)
    return scores.with_columns(score=right.cast(pl.Float64))


def calibration_of(scores: pl.DataFrame, *, contender: str, scale: int) -> Calibration | None:
    """Hold confidences against outcomes; None where they are not on record, or scores are not 0 and 1.

    The error by chance is that of a network whose confidences are all right: in a bin of n answers that are right with
    probability p, the share of right ones is off by sqrt(2 p (1 - p) / (pi n)) on average.

    Args:
        scores: `records.SCORES`.
        contender: whose.
        scale: at which it was tested.

    >>> run = {"contender": "a", "seed": 0, "scale": 64}
    >>> sure = pl.DataFrame({**run, "confidence": [0.9] * 4, "score": [1.0, 1, 1, 0]})
    >>> found = calibration_of(sure, contender="a", scale=64)
    >>> round(found.error, 3), found.bins["answers"].to_list()
    (0.15, [4])
    """
    own = scores.filter((pl.col("contender") == contender) & (pl.col("scale") == scale))
    known = own.select("seed", "confidence", "score").drop_nulls()
    if known.is_empty() or known.height < own.height or not known["score"].is_in([0.0, 1.0]).all():
        return None
    if not known["confidence"].is_between(0.0, 1.0).all():
        return None
    place = (pl.col("confidence") * BINS).ceil().clip(1, BINS).cast(pl.Int64) - 1
    binned = known.with_columns(bin=place)
    means = [pl.len().alias("answers"), pl.col("confidence").mean(), pl.col("score").mean().alias("right")]
    of_runs = binned.group_by("seed", "bin").agg(means).sort("seed", "bin")
    weight = of_runs["answers"].to_numpy() / known.height
    sure, right = of_runs["confidence"].to_numpy(), of_runs["right"].to_numpy()
    luck = np.sqrt(2.0 * sure * (1.0 - sure) / (np.pi * of_runs["answers"].to_numpy()))
    together = binned.group_by("bin").agg(means).sort("bin")
    return Calibration(
        contender=contender,
        bins=together.select(
            low=pl.col("bin") / BINS,
            high=(pl.col("bin") + 1) / BINS,
            answers="answers",
            confidence="confidence",
            right="right",
        ),
        error=float((weight * np.abs(sure - right)).sum()),
        by_chance=float((weight * luck).sum()),
        confidence=float(known["confidence"].mean()),  # pyright: ignore[reportArgumentType]
        right=float(known["score"].mean()),  # pyright: ignore[reportArgumentType]
    )
