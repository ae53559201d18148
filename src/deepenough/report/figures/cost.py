"""Accuracy against measured latency: which contender and which image side a millisecond buys."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from deepenough.comparison import Turn
from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.figures.canvas import (
    HALO,
    MUTED,
    Caption,
    Picture,
    colour,
    dashes,
    legend_above,
    marker,
    picture,
    printable,
)
from deepenough.report.figures.ticks import round_ticks
from deepenough.report.language import say, term
from deepenough.report.tables import machine, numbers, results


def accuracy_against_latency(
    frame: pl.DataFrame, verdict: Verdict, where: str, crossings: Sequence[Turn] = (), key: str = "frontier"
) -> Picture:
    """One line a contender through its image sides, the frontier that nothing beats, and where the pair's order turns.

    Args:
        frame: as `comparison.frontier` gives it.
        verdict: gives order, colours and unit.
        where: the machine on which the latency was measured.
        crossings: as `comparison.turns` gives them; the first is where the shading begins.
        key: of the figure in the page.
    """
    best = frame.filter(pl.col("on_frontier")).sort("latency_s")
    listed = "; ".join(
        say(
            "{contender} at {scale} px ({span}, {mean})",
            contender=words.display_name(row["contender"]),
            scale=row["scale"],
            span=numbers.duration(row["latency_s"]),
            mean=numbers.level(row["mean"], verdict.unit, 1),
        )
        for row in best.iter_rows(named=True)
    )
    caption = Caption(
        key=key,
        title=say(
            "Depth or pixels: test {metric} against the time for one image, {where}",
            metric=term(verdict.metric),
            where=where,
        ),
        description=say(
            "On the frontier, where nothing is both faster and better: {listed}.{turning}",
            listed=listed,
            turning=_turning(crossings),
        ),
        twin=machine.accuracy_against_latency(frame, verdict),
    )
    return picture(
        caption, lambda figure, narrow: _draw(figure, (frame, crossings), verdict, narrow), heights=(360, 330)
    )


def _turning(crossings: Sequence[Turn]) -> str:
    said = [
        say(
            "from {span} on {contender}",
            span=numbers.duration(turn.latency_s),
            contender=words.display_name(turn.contender),
        )
        for turn in crossings[1:]
    ]
    if not crossings:
        return ""
    first = words.display_name(crossings[0].contender)
    return say(
        " The background has the colour of who reaches most within a time: {listed}.", listed=", ".join([first, *said])
    )


def _shade(axes: Axes, crossings: Sequence[Turn], verdict: Verdict) -> None:
    """The background in the colour of who is ahead, and a line where that turns."""
    order = results.contender_order(verdict)
    low, high = axes.get_xlim()
    ends = [1000 * turn.latency_s for turn in crossings[1:]] + [high]
    for place, (turn, end) in enumerate(zip(crossings, ends, strict=True)):
        start = low if place == 0 else 1000 * turn.latency_s
        axes.axvspan(start, end, color=colour(order.index(turn.contender)), alpha=0.07, linewidth=0, zorder=-1)
        if place:
            axes.axvline(start, color=MUTED, linewidth=1.2, linestyle=(0, (2, 2)), zorder=0)
            axes.annotate(
                say("from {span}", span=numbers.duration(turn.latency_s)),
                (start, 1),
                (3, -4 - 15 * ((place - 1) % 2)),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                va="top",
                size=11,
                color=MUTED,
                gid=HALO,
            )
    axes.set_xlim(low, high)


def _draw(figure: Figure, data: tuple[pl.DataFrame, Sequence[Turn]], verdict: Verdict, narrow: bool) -> None:
    frame, crossings = data
    axes = figure.add_subplot()
    axes.set_xscale("log")
    handles = []
    for place, name in enumerate(results.contender_order(verdict)):
        points = frame.filter(pl.col("contender") == name).sort("scale")
        if points.is_empty():
            continue
        spans, means = 1000 * points["latency_s"].to_numpy(), points["mean"].to_numpy()
        style = {"color": colour(place), "marker": marker(place), "linestyle": dashes(place)}
        axes.plot(spans, means, markersize=8, **style)
        handles.append(Line2D([], [], label=printable(words.display_name(name), 44), **style))
        below = place % 2 == 1
        for side, span, mean in zip(points["scale"], spans, means, strict=True):
            axes.annotate(
                str(side),
                (span, mean),
                (0, -9 if below else 9),
                textcoords="offset points",
                ha="center",
                va="top" if below else "bottom",
                size=11,
                color=colour(place),
                gid=HALO,
            )
    best = frame.filter(pl.col("on_frontier")).sort("latency_s")
    spans, means = 1000 * best["latency_s"].to_numpy(), best["mean"].to_numpy()
    axes.plot(spans, means, color=MUTED, linewidth=9, alpha=0.22, solid_capstyle="round", zorder=0)
    handles.append(Line2D([], [], color=MUTED, linewidth=7, alpha=0.22, label=say("frontier")))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.06, y=0.14)
    _shade(axes, crossings, verdict)
    axes.set_xticks(round_ticks(*axes.get_xlim(), room=0.1 if narrow else 0.05))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.shortest(value)))
    axes.grid(visible=True, axis="y")
    axes.set_xlabel(
        say("ms for one image (labels: px)")
        if narrow
        else say("median time for one image, ms (labels: image side, px)")
    )
    axes.set_ylabel(f"{term(verdict.metric)}, {numbers.level_unit(verdict.unit)}")
    legend_above(figure, handles, narrow)
