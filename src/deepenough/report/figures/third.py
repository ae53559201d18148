"""Accuracy against the time of an image: a cascade at every share passed on, both networks, their average."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from deepenough.records import CASCADE, ThirdAnswers
from deepenough.report.figures.canvas import MUTED, Caption, Picture, colour, legend_above, marker, picture, printable
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables import third as tables


def accuracy_over_cost(found: ThirdAnswers) -> Picture | None:
    """One point a contender, and the line on which the cascade moves with its threshold; None without costs."""
    if not found.costs:
        return None
    small, big = display_name(found.small), display_name(found.big)
    caption = Caption(
        key="third",
        title=f"Test {found.metric} of the third answers against the time for one image, {found.scale} px",
        description=f"The line is the cascade from {small} alone (nothing passed on) to everything passed on to {big}, "
        "the least sure test images first; it is drawn from the test images and decided nothing. Bars: "
        f"{numbers.confidence(found.level)} intervals.",
        twin=tables.curve(found),
    )
    return picture(caption, lambda figure, narrow: _draw(figure, found, narrow), heights=(340, 320))


def _draw(figure: Figure, found: ThirdAnswers, narrow: bool) -> None:
    axes = figure.add_subplot()
    first, second = (1000 * found.costs[name]["latency_s"] for name in (found.small, found.big))
    axes.plot(
        [first + point["share"] * second for point in found.curve],
        [point["mean"] for point in found.curve],
        color=MUTED,
        linewidth=1.6,
        linestyle=(0, (4, 2)),
        zorder=1,
    )
    handles = []
    for place, each in enumerate(found.contenders):
        style: dict[str, Any] = {"color": colour(place), "marker": marker(place)}
        span = 1000 * found.costs[each.contender]["latency_s"]
        if each.interval is not None:
            axes.plot([span, span], each.interval, color=colour(place), linewidth=1.4, alpha=0.6, zorder=2)
        axes.plot([span], [each.mean], markersize=9, linestyle="none", zorder=3, **style)
        name = display_name(each.contender)
        passed = f", {numbers.share(found.share, 0)} passed on" if each.contender == CASCADE else ""
        handles.append(Line2D([], [], linestyle="none", label=printable(name + passed, 44), **style))
    handles.append(Line2D([], [], color=MUTED, linestyle=(0, (4, 2)), label="cascade at any share"))
    axes.margins(x=0.08, y=0.1)
    axes.grid(visible=True, axis="y")
    axes.set_xlabel("ms for one image" if narrow else "median time for one image, of the cascade expected, ms")
    axes.set_ylabel(f"{found.metric}, {numbers.level_unit(found.unit)}")
    legend_above(figure, handles, narrow)
