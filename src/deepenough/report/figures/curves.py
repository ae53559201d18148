"""Curves: a line a depth over what is spent, bands, where they cross, and what the power law says beyond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from deepenough.report.figures.canvas import (
    INK,
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
from deepenough.report.language import say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import curves as tables
from deepenough.report.tables import numbers


def along(record: Mapping[str, Any], found: Mapping[str, Any]) -> Picture:
    """The curves of one axis."""
    caption = Caption(
        key=f"curve{found['axis']}",
        title=say(tables.TITLES[found["axis"]], metric=term(record["metric"])),
        description=" ".join(tables.sentences(record, found)),
        twin=tables.settings(record, found),
    )
    return picture(caption, lambda figure, narrow: _draw(figure, record, found, narrow), heights=(340, 320))


def _draw(figure: Figure, record: Mapping[str, Any], found: Mapping[str, Any], narrow: bool) -> None:
    axes = figure.add_subplot()
    for place, base in enumerate(found["bases"]):
        own = [each for each in found["points"] if each["base"] == base]
        x = [each["x"] for each in own]
        low, high = ([each["interval"][end] for each in own] for end in (0, 1))
        axes.fill_between(x, low, high, color=colour(place), alpha=0.15, linewidth=0)
        style = {"color": colour(place), "marker": marker(place), "linestyle": dashes(place)}
        axes.plot(x, [each["mean"] for each in own], markersize=5, **style)
        beyond = found["beyond"][base]
        if beyond and beyond["rows"]:
            far, mean, least, most = zip(*beyond["rows"], strict=True)
            axes.fill_between(far, least, most, color=colour(place), alpha=0.08, linewidth=0)
            axes.plot(far, mean, color=colour(place), linestyle=":", linewidth=1.4)
    _mark(axes, found)
    axes.set_xscale("log")
    ticks = sorted({each["x"] for each in found["points"]})
    shown = ticks[:: 2 if narrow and len(ticks) > 5 else 1]
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(shown, labels=[tables.shown_x(found["axis"], x) for x in shown])
    axes.set_xlabel(say(tables.UNITS[found["axis"]]))
    axes.set_ylabel(f"{term(record['metric'])}, {numbers.level_unit(record['unit'])}")
    axes.grid(visible=True, axis="y")
    handles = [
        Line2D(
            [], [], color=colour(at), marker=marker(at), linestyle=dashes(at), label=printable(display_name(base), 44)
        )
        for at, base in enumerate(found["bases"])
    ]
    legend_above(figure, handles, narrow)


def _mark(axes: Axes, found: Mapping[str, Any]) -> None:
    """An upright line where the curves cross, a shade over its interval."""
    crossing = found["crossing"]
    if crossing is None:
        return
    places = [row[0] for row in found["difference"]]
    low = places[0] if crossing["low"] is None else crossing["low"]
    high = places[-1] if crossing["high"] is None else crossing["high"]
    axes.axvspan(low, high, color=MUTED, alpha=0.1, linewidth=0)
    axes.axvline(crossing["x"], color=INK, linewidth=1, linestyle=":")
