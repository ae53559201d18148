"""The metric over the severity of corruptions, and the gain under each of them."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from deepenough.records.robustness import Robustness
from deepenough.report.figures.canvas import (
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
from deepenough.report.tables import numbers
from deepenough.report.tables import robustness as tables


def metric_over_severity(found: Robustness) -> Picture:
    """One bold line a contender, the mean over all corruptions, over thin ones of each; severity 0 is clean."""
    caption = Caption(
        key="robustness",
        title=say(
            "Test {metric} over the severity of {corruptions} corruptions, {scale} px",
            metric=term(found.metric),
            corruptions=len(found.corruptions),
            scale=found.scale,
        ),
        description=say("Bold: the mean over all corruptions. Thin: each of them. Severity 0: the images as they are."),
        twin=tables.severities(found),
    )
    return picture(caption, lambda figure, narrow: _draw(figure, found, narrow), heights=(340, 320))


def _draw(figure: Figure, found: Robustness, narrow: bool) -> None:
    axes = figure.add_subplot()
    handles = []
    steps = [0, *found.severities]
    for place, name in enumerate((found.small, found.big)):
        style: dict[str, Any] = {"color": colour(place), "linestyle": dashes(place)}
        for each in found.corruptions:
            axes.plot(steps, [found.clean[name], *each.by_severity[name]], linewidth=0.8, alpha=0.3, **style)
        means = [found.clean[name], *found.overall.by_severity[name]]
        axes.plot(steps, means, marker=marker(place), markersize=8, linewidth=2.4, **style)
        handles.append(Line2D([], [], marker=marker(place), label=printable(display_name(name), 44), **style))
    axes.set_xticks(steps, [say("clean"), *map(str, found.severities)])
    axes.grid(visible=True, axis="y")
    axes.set_xlabel(say("severity"))
    axes.set_ylabel(f"{term(found.metric)}, {numbers.level_unit(found.unit)}")
    legend_above(figure, handles, narrow)
