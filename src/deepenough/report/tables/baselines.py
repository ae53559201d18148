"""The table of what methods without a trained network reach."""

from __future__ import annotations

from deepenough.records import BaselineResult, Verdict
from deepenough.report.headlines import decimals_of
from deepenough.report.language import say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Cell, Table, table, text_column


def reached(verdict: Verdict) -> Table:
    """One row a baseline: what it reaches, and what each contender gains over it; intervals below."""
    decimals, unit = decimals_of(verdict), numbers.level_unit(verdict.unit)
    names = list(dict.fromkeys(name for each in verdict.baselines for name in each.gains))
    heads = [text_column(say("method")), f"{term(verdict.metric)}, {unit}", say("samples")]
    heads += [say("gain of {big}", big=display_name(name)) for name in names]
    rows = [
        [
            Cell(term(each.baseline)),
            Cell(numbers.fixed(each.mean, decimals), sub=_ends(each.interval, decimals)),
            Cell(numbers.count(each.samples)),
            *(_gain(each, name, decimals) for name in names),
        ]
        for each in verdict.baselines
    ]
    title = say("Methods without a trained network at {scale} px", scale=verdict.scale)
    note = say(
        "Below: {level} intervals, each by itself; gains are over the same samples.",
        level=numbers.confidence(verdict.level),
    )
    return table("baselines", title, heads, rows, note=note)


def _gain(each: BaselineResult, name: str, decimals: int) -> Cell:
    if name not in each.gains:
        return Cell(numbers.ABSENT)
    return Cell(numbers.signed(each.gains[name], decimals), sub=_ends(each.intervals[name], decimals))


def _ends(ends: tuple[float, float] | None, decimals: int) -> str:
    return "" if ends is None else numbers.interval(ends, decimals)
