"""Where the gain comes from: the difference per class with its interval."""

from __future__ import annotations

import math

import polars as pl
from matplotlib.figure import Figure

from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.figures.canvas import INK, MUTED, Caption, Picture, colour, picture, printable
from deepenough.report.tables import data, numbers

MOST_CLASSES = 30


def gain_per_class(frame: pl.DataFrame, verdict: Verdict) -> Picture | None:
    """A dot and an interval for each class, the largest gain on top; None where no class has two samples.

    Args:
        frame: as `comparison.per_class` gives it, in the verdict's unit; the `MOST_CLASSES` with the largest
            differences are drawn, the table beside holds more.
        verdict: names the contenders.
    """
    small, big = words.display_name(verdict.small), words.display_name(verdict.big)
    by_size = frame.sort(pl.col("difference").abs().round(9), "target", descending=[True, False], nulls_last=True)
    drawn = by_size.drop_nulls("difference").head(MOST_CLASSES).sort("difference", "target")
    if drawn.is_empty():
        return None
    most, least = drawn.row(-1, named=True), drawn.row(0, named=True)
    caption = Caption(
        key="classes",
        title=f"Gain of {big} over {small} per class at {verdict.scale} px",
        description=(
            f"From {printable(least['target'])} with {numbers.signed(least['difference'], 1)} to "
            f"{printable(most['target'])} with {numbers.signed(most['difference'], 1)} {verdict.unit}."
        ),
        twin=data.classes(by_size, verdict),
    )
    tall = 70 + 24 * drawn.height
    return picture(caption, lambda figure, narrow: _draw(figure, drawn, verdict, narrow), heights=(tall, tall))


def _draw(figure: Figure, frame: pl.DataFrame, verdict: Verdict, narrow: bool) -> None:
    axes = figure.add_subplot()
    axes.axvline(0, color=INK, linewidth=1)
    axes.axvline(verdict.margin, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
    for height, row in enumerate(frame.iter_rows(named=True)):
        tint = colour(1 if row["difference"] > 0 else 0) if row["difference"] else MUTED
        low, high = row["low"], row["high"]
        if low is not None and high is not None and math.isfinite(low) and math.isfinite(high):
            axes.plot([low, high], [height, height], color=tint, alpha=0.45, linewidth=4, solid_capstyle="round")
        axes.plot(row["difference"], height, "o", color=tint, markersize=8)
    names = [printable(name, 14 if narrow else 28) for name in frame["target"]]
    axes.set_yticks(range(frame.height), labels=names)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(-0.7, frame.height - 0.3)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(printable(f"gain of {words.display_name(verdict.big)}, {verdict.unit}", 44))
