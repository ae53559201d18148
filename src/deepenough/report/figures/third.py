"""Accuracy against the time of an image: a cascade at every share passed on, both networks, their average."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from deepenough.records import CASCADE, ThirdAnswers
from deepenough.report.figures.canvas import MUTED, Caption, Picture, colour, legend_above, marker, picture, printable
from deepenough.report.language import say, term
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
        title=say(
            "Test {metric} of the third answers against the time for one image, {scale} px",
            metric=term(found.metric),
            scale=found.scale,
        ),
        description=say(
            "The line is the cascade from {small} alone (nothing passed on) to everything passed on to {big}, the "
            "least sure test images first; it is drawn from the test images and decided nothing. Bars: {level} "
            "intervals.",
            small=small,
            big=big,
            level=numbers.confidence(found.level),
        ),
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
        name = tables.name_of(each.contender)
        passed = say(", {share} passed on", share=numbers.share(found.share, 0)) if each.contender == CASCADE else ""
        handles.append(Line2D([], [], linestyle="none", label=printable(name + passed, 44), **style))
    handles.append(Line2D([], [], color=MUTED, linestyle=(0, (4, 2)), label=say("cascade at any share")))
    axes.margins(x=0.08, y=0.1)
    axes.grid(visible=True, axis="y")
    axes.set_xlabel(
        say("ms for one image") if narrow else say("median time for one image, of the cascade expected, ms")
    )
    axes.set_ylabel(f"{term(found.metric)}, {numbers.level_unit(found.unit)}")
    legend_above(figure, handles, narrow)
