"""What scores mean: accuracy in points where all are 0 or 1, else a score in its own unit."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from deepenough.errors import InputError
from deepenough.stats import check_margin, is_binary


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric, the unit of its differences, and how many of them a score of 1 is."""

    metric: str
    unit: str
    multiplier: float

    def margin(self, given: float | None, default: float) -> float:
        """The margin that was given, else the default, which is in points.

        Raises:
            InputError: if it is no number above 0, or none was given for scores in a unit of their own.
        """
        if given is None and self.metric == "score":
            got = "no margin for scores that are not 0 and 1"
            raise InputError("--margin", "the gain too small to pay for, in the unit of the scores", got)
        margin = default if given is None else given
        check_margin(margin, "--margin")
        return margin


ACCURACY = Measure("accuracy", "points", 100.0)


def measure_of(scores: pl.DataFrame, metric: str | None = None) -> Measure:
    """The measure of a table of scores, or of a metric that somebody wishes for.

    Args:
        scores: with a column `score`, higher is better.
        metric: `score` takes 0/1 as plain numbers; any other metric is in points; None goes by the scores.

    Raises:
        InputError: if accuracy is wished for and a score is not 0 or 1.

    >>> measure_of(pl.DataFrame({"score": [0.0, 1.0]}))
    Measure(metric='accuracy', unit='points', multiplier=100.0)
    >>> measure_of(pl.DataFrame({"score": [0.25, 1.0]}))
    Measure(metric='score', unit='units', multiplier=1.0)
    """
    binary = is_binary(scores["score"].to_numpy())
    if metric == "accuracy" and not binary:
        raise InputError("--metric", "scores of 0 and 1 for accuracy", "others", "leave the option out")
    chosen = metric or ("accuracy" if binary else "score")
    return Measure(chosen, "units", 1.0) if chosen == "score" else Measure(chosen, "points", 100.0)
