"""The table of slices: which network wins where, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from deepenough.comparison.levels import MISSING, OTHER
from deepenough.comparison.slices import FALSE_SHARE, FEW
from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.language import recorded, say, term
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Cell, Table, table, text_column

MOST_ROWS = 60


def name_of(row: Mapping[str, str]) -> str:
    """A slice's name: a class by itself, any other level with its column."""
    return row["level"] if row["column"] == "class" else f"{column_of(row)}: {level_of(row)}"


def column_of(row: Mapping[str, str]) -> str:
    """What a slice is one of: `class`, `size`, `aspect`, or a column of a manifest, which is called as it is there."""
    column = row["column"]
    return term(column) if column in ("class", "size", "aspect") else column


def level_of(row: Mapping[str, str]) -> str:
    """A slice within its column; a class and what a manifest says stay as they are."""
    level = row["level"]
    if row["column"] in ("size", "aspect") or level in (MISSING, OTHER):
        return recorded(term(level))
    return level


def by_gain(frame: pl.DataFrame) -> pl.DataFrame:
    """Slices in the order in which they are shown, the largest gain first."""
    return frame.sort("difference", "column", "level", descending=True)


def slices(frame: pl.DataFrame, verdict: Verdict, links: Mapping[tuple[str, str], str]) -> Table:
    """One row a slice, the largest gain first; those with a q-value of at most `FALSE_SHARE` are set off.

    Args:
        frame: rows of `records.SLICES` at one scale, in the verdict's unit, the clearest first.
        verdict: names the contenders.
        links: (column, level) to the id of that slice's images in the page.
    """
    small, big = words.display_name(verdict.small), words.display_name(verdict.big)
    shown = by_gain(frame.head(MOST_ROWS)).to_dicts()
    rows = [
        (
            Cell(level_of(row), link=links.get((row["column"], row["level"]), "")),
            column_of(row),
            Cell(numbers.signed(row["difference"], 1), sub=numbers.interval((row["low"], row["high"]), 1)),
            numbers.probability(row["q_value"]),
            f"{numbers.count(row['only_big'])} : {numbers.count(row['only_small'])}",
            Cell(numbers.count(row["samples"]), sub=say("few") if row["samples"] < FEW else ""),
            numbers.fixed(row["small_mean"], 1),
            numbers.fixed(row["big_mean"], 1),
        )
        for row in shown
    ]
    unit = numbers.level_unit(verdict.unit)
    heads = [
        say("slice"),
        text_column(say("of")),
        say("gain, {unit}", unit=term(verdict.unit)),
        say("q"),
        say("wins"),
        say("test images"),
    ]
    marked = [place for place, row in enumerate(shown) if row["q_value"] is not None and row["q_value"] <= FALSE_SHARE]
    note = say(
        "Wins: images that {big} gets right in more of its runs : those that {small} does. q is the false "
        "discovery rate at which the slice would be marked, over all slices and scales (Benjamini-Yekutieli).",
        big=big,
        small=small,
    )
    if frame.height > MOST_ROWS:
        note += say(
            " These are the {shown} clearest of {slices} slices; all are in slices.parquet.",
            shown=MOST_ROWS,
            slices=numbers.count(frame.height),
        )
    at = say(" at {scale} px", scale=verdict.scale) if verdict.scale > 0 else ""
    return table(
        "slices",
        say("Every slice{at}, the largest gain first", at=at),
        [*heads, f"{small}, {unit}", f"{big}, {unit}"],
        rows,
        note=note,
        strong_rows=marked,
    )
