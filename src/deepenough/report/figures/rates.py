"""Range tests of the learning rate: the loss over growing rates, what was taken, and the interval around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from deepenough.records import Verdict
from deepenough.report.figures.canvas import Caption, Picture, colour, dashes, legend_above, picture, printable
from deepenough.report.language import say
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers, results
from deepenough.report.tables.rates import curves
from deepenough.search.ranges import smoothed


def range_tests(rates: Mapping[str, Any], verdict: Verdict) -> Picture | None:
    """A smoothed line a test, a shade over each interval, an upright line at each rate taken; None without tests."""
    drawn = {name: found for name, found in rates.items() if found["tests"]}
    if not drawn:
        return None
    taken = "; ".join(f"{display_name(name)} {numbers.plain(float(found['rate']))}" for name, found in drawn.items())
    caption = Caption(
        key="rangetests",
        title=say("Training loss over a growing learning rate"),
        description=say("One line a test. Upright lines at what was taken: {taken}.", taken=taken),
        twin=curves(drawn),
    )
    order = results.contender_order(verdict)
    places = {name: order.index(name) if name in order else len(order) for name in drawn}
    return picture(caption, lambda figure, narrow: _draw(figure, drawn, places, narrow), heights=(320, 320))


def _draw(figure: Figure, drawn: Mapping[str, Any], places: Mapping[str, int], narrow: bool) -> None:
    axes = figure.add_subplot()
    for name, found in drawn.items():
        tint, style = colour(places[name]), dashes(places[name])
        starts = [sum(test["losses"][:5]) / 5 for test in found["tests"]]
        for test, start in zip(found["tests"], starts, strict=True):
            line = smoothed([min(loss, 1.5 * start) for loss in test["losses"]])
            axes.plot(test["rates"], line, color=tint, linestyle=style, linewidth=1.4, alpha=0.85)
        axes.axvspan(found["low"], found["high"], color=tint, alpha=0.07, linewidth=0)
        axes.axvline(found["rate"], color=tint, linestyle=style, linewidth=1.2)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda rate, _: numbers.plain(float(rate)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(say("learning rate"))
    axes.set_ylabel(say("training loss"))
    axes.grid(visible=True, axis="y")
    handles = [
        Line2D([], [], color=colour(place), linestyle=dashes(place), label=printable(display_name(name), 44))
        for name, place in places.items()
    ]
    legend_above(figure, handles, narrow)
