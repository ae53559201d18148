"""The question put to a test set from elsewhere: it decides nothing, and no study is lost by what it cannot answer."""

from __future__ import annotations

import polars as pl

from deepenough.comparison import decide_study
from deepenough.comparison.pairing import Groups
from deepenough.records import Verdict
from deepenough.stats import Look
from deepenough.tasks.contract import Metric

_DECIDES_NOTHING = (
    "The split test_shifted decides nothing: pair, margin and scale are those of the verdict on test, and neither "
    "training nor any threshold saw it."
)


def decide_shifted(
    scores: pl.DataFrame, verdict: Verdict, *, look: Look, groups: Groups | None, multiplier: float
) -> Verdict:
    """The same question as a verdict's to the same networks; pair and scale are the verdict's.

    Raises:
        InputError: the images allow no estimate, such as a single one or those of a single group.
    """
    found = decide_study(
        scores,
        margin=verdict.margin,
        small=verdict.small,
        big=verdict.big,
        scale=verdict.scale,
        metric=verdict.metric,
        unit=verdict.unit,
        multiplier=multiplier,
        groups=groups,
        caveats=[_DECIDES_NOTHING],
        level=look.level,
        guard=look.guard,
        trained=verdict.trained,
        paired_seeds=verdict.paired_seeds,
    )
    return found.told_by(verdict)


def without_shifted(metric: Metric, why: str) -> str:
    """That a metric cannot be had there, for people."""
    return f"No {metric.name} can be had on the split test_shifted, which decides nothing: {why}."
