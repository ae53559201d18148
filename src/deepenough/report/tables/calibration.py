"""Tables of calibration: how sure the contenders are and how right."""

from __future__ import annotations

from collections.abc import Sequence

from deepenough.comparison.calibration import Calibration
from deepenough.report.language import say
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table, text_column


def errors(found: Sequence[Calibration]) -> Table:
    """One row a contender: its error, what chance alone makes of it, and which way it errs."""
    rows = [
        (
            display_name(each.contender),
            numbers.share(each.error),
            numbers.share(each.by_chance),
            numbers.share(each.confidence),
            numbers.share(each.right),
            say("too sure") if each.confidence > each.right else say("not sure enough"),
        )
        for each in found
    ]
    heads = [
        say("contender"),
        say("calibration error"),
        say("by chance alone"),
        say("mean confidence"),
        say("right"),
        text_column(say("on the whole")),
    ]
    note = say(
        "The error (ECE, 15 bins) is the mean distance of confidence and share of right answers, over training "
        "runs. By chance alone: what a network whose confidences are all right would show on as many images. "
        "Confidences are kept to 1 part in 254."
    )
    return table("calibration-errors", say("How far confidence and outcome are apart"), heads, rows, note=note)


def bins(found: Sequence[Calibration]) -> Table:
    """The data behind the picture: one row a contender and bin."""
    rows = [
        (
            display_name(each.contender),
            say("{low} to {high}", low=numbers.share(low, 0), high=numbers.share(high, 0)),
            numbers.count(answers),
            numbers.share(confidence),
            numbers.share(right),
        )
        for each in found
        for low, high, answers, confidence, right in each.bins.iter_rows()
    ]
    heads = [say("contender"), say("confidence"), say("answers"), say("mean confidence"), say("right")]
    return table("calibration", say("Confidence against outcome"), heads, rows)
