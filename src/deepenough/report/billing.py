"""The bill of the panel in words and in a table, by what the metric counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepenough.comparison.price import Bill
from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.language import say, term
from deepenough.report.tables import Table, numbers
from deepenough.report.tables.model import table


def _counts_errors(verdict: Verdict) -> bool:
    """Whether what is missing from 100 points is a share of images with a wrong answer; no ranking or mAP is that."""
    return verdict.metric == "accuracy"


def at_stake(verdict: Verdict) -> str:
    """What the price of what an image may lose is called."""
    if _counts_errors(verdict):
        return say("Cost of an error")
    return say("Worth of an image from 0 to 100 points of {metric}", metric=term(verdict.metric))


def table_of(verdict: Verdict, latencies: Mapping[str, Any], asked: Bill) -> Table:
    """What both cost a day, and what time and outcomes it is reckoned from.

    Args:
        verdict: names both, with what they reach.
        latencies: `latency_s` holds seconds an image by contender and scale, the scale as text.
        asked: the bill.
    """
    spans = [latencies["latency_s"][name][str(verdict.scale)] for name in (verdict.small, verdict.big)]
    means = {entry.contender: entry.mean for entry in verdict.contenders if entry.scale == verdict.scale}
    rows = [
        (
            words.display_name(name),
            numbers.money(cost),
            numbers.milliseconds(seconds),
            numbers.fixed(100.0 - means[name], words.decimals_of(verdict)),
        )
        for name, seconds, cost in zip((verdict.small, verdict.big), spans, (asked.small, asked.big), strict=True)
    ]
    low, high = (numbers.money(end) for end in asked.interval)
    rows.append((say("difference"), numbers.money(asked.difference), "", ""))
    rows.append(
        (
            say("its {level} interval", level=numbers.confidence(verdict.level)),
            say("{low} to {high}", low=low, high=high),
            "",
            "",
        )
    )
    missing = (
        say("wrong answers, %")
        if _counts_errors(verdict)
        else say("short of 100 points of {metric}", metric=term(verdict.metric))
    )
    heads = ["", say("cost a day"), say("ms an image"), missing]
    return table("money", say("What it costs a day"), heads, rows)


def in_words(verdict: Verdict, machines: Sequence[str]) -> str:
    """How the bill is reckoned; `machines` have measured the times."""
    where = say(" on {machine}", machine=machines[0]) if len(machines) == 1 else ""
    if _counts_errors(verdict):
        return say(
            "Traffic times (time of an image times the price of a millisecond, plus the share of wrong answers times "
            "the cost of one), in any one currency. The times are medians{where}, taken as exact; the interval is that "
            "of the accuracies.",
            where=where,
        )
    return say(
        "Traffic times (time of an image times the price of a millisecond, plus the share of 100 points of {metric} "
        "that is missing times the worth of an image), in any one currency. The times are medians{where}, taken as "
        "exact; the interval is that of {metric}.",
        where=where,
        metric=term(verdict.metric),
    )
