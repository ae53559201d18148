"""Where the gain comes from: the difference in every slice with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl
from matplotlib.figure import Figure

from deepenough.comparison.slices import FALSE_SHARE
from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.figures.canvas import (
    INK,
    MUTED,
    PAPER,
    Caption,
    Picture,
    colour,
    gain_label,
    in_two_lines,
    picture,
    printable,
)
from deepenough.report.language import say, term
from deepenough.report.tables import numbers
from deepenough.report.tables import slices as tables

MOST_SLICES = 30


def gain_per_slice(frame: pl.DataFrame, verdict: Verdict, links: Mapping[tuple[str, str], str]) -> Picture | None:
    """A dot and an interval for each slice, the largest gain on top; None where there is no slice.

    A filled dot has a q-value of at most `FALSE_SHARE`, a hollow one has not: no colour is needed to tell them apart.

    Args:
        frame: rows of `records.SLICES` at one scale, the clearest first; the first `MOST_SLICES` are drawn.
        verdict: names the contenders.
        links: (column, level) to the id of that slice's images in the page.
    """
    drawn = tables.by_gain(frame.head(MOST_SLICES)).reverse()
    if drawn.is_empty():
        return None
    small, big = words.display_name(verdict.small), words.display_name(verdict.big)
    most, least = drawn.row(-1, named=True), drawn.row(0, named=True)
    marked = drawn.filter(pl.col("q_value") <= FALSE_SHARE).height
    caption = Caption(
        key="slices",
        title=say("Gain of {big} over {small} by slice at {scale} px", big=big, small=small, scale=verdict.scale),
        description=(
            say(
                "From {least} with {difference} to {most} with {highest} {unit}; {marked} of {slices} are marked "
                "with a filled dot.",
                least=printable(tables.name_of(least)),
                difference=numbers.signed(least["difference"], 1),
                most=printable(tables.name_of(most)),
                highest=numbers.signed(most["difference"], 1),
                unit=term(verdict.unit),
                marked=marked,
                slices=drawn.height,
            )
        ),
        twin=tables.slices(frame, verdict, links),
    )
    tall = [70 + (30 if _long(drawn, width) else 24) * drawn.height for width in (34, 18)]
    return picture(caption, lambda figure, narrow: _draw(figure, drawn, verdict, narrow), heights=(tall[0], tall[1]))


def _long(frame: pl.DataFrame, width: int) -> bool:
    return any(len(tables.name_of(row)) > width for row in frame.iter_rows(named=True))


def _draw(figure: Figure, frame: pl.DataFrame, verdict: Verdict, narrow: bool) -> None:
    axes = figure.add_subplot()
    axes.axvline(0, color=INK, linewidth=1)
    axes.axvline(verdict.margin, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
    for height, row in enumerate(frame.iter_rows(named=True)):
        marked = row["q_value"] is not None and row["q_value"] <= FALSE_SHARE
        tint = colour(1 if row["difference"] > 0 else 0) if row["difference"] else MUTED
        low, high = row["low"], row["high"]
        if math.isfinite(low) and math.isfinite(high):
            shade = 0.9 if marked else 0.4
            axes.plot([low, high], [height, height], color=tint, alpha=shade, linewidth=4, solid_capstyle="round")
        face = tint if marked else PAPER
        axes.plot(row["difference"], height, "o", color=tint, markersize=9, markerfacecolor=face, markeredgewidth=2)
    names = [in_two_lines(tables.name_of(row), 18 if narrow else 34) for row in frame.iter_rows(named=True)]
    axes.set_yticks(range(frame.height), labels=names)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(-0.7, frame.height - 0.3)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(gain_label(words.display_name(verdict.big), verdict.unit, 32 if narrow else 60))
