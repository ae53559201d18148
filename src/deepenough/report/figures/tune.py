"""The trials of a search: what each scored on validation over what it costs, and those that nothing beats at less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from deepenough.report.figures.canvas import INK, MUTED, Caption, Picture, colour, picture
from deepenough.report.language import say, term
from deepenough.report.tables import numbers
from deepenough.report.tables import tune as tables


def frontier(record: Mapping[str, Any]) -> Picture | None:
    """A dot a trial that came to its end, a line through the frontier; None where fewer than two did."""
    done = tables.best_first(record)
    if len(done) < 2:
        return None
    last, unit = str(record["rungs"][-1]), record["multiplier"]
    points = [(each["macs"] / 1e6, unit * each["rungs"][last]["mean"]) for each in done]
    caption = Caption(
        key="searched",
        title=say("Trials: {metric} on validation over multiply-accumulates", metric=term(record["metric"])),
        description=say(
            "{count} trials that came to their end; the line joins those that none beats at less. The best has {macs} "
            "million multiply-accumulates and {mean}.",
            count=len(done),
            macs=numbers.millions(done[0]["macs"]),
            mean=numbers.level(points[0][1], record["unit"], 1),
        ),
        twin=tables.trials(record),
    )
    return picture(caption, lambda figure, narrow: _draw(figure, record, points), heights=(320, 320))


def on_frontier(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other has at least as high at no larger a cost, by cost.

    >>> on_frontier([(3, 9), (1, 5), (2, 4), (4, 8)])
    [(1, 5), (3, 9)]
    """
    found: list[tuple[float, float]] = []
    for cost, mean in sorted(points, key=lambda point: (point[0], -point[1])):
        if not found or mean > found[-1][1]:
            found.append((cost, mean))
    return found


def _draw(figure: Figure, record: Mapping[str, Any], points: Sequence[tuple[float, float]]) -> None:
    axes = figure.add_subplot()
    axes.plot(*zip(*points, strict=True), "o", color=colour(0), markersize=6, alpha=0.75)
    axes.plot(*zip(*on_frontier(points), strict=True), color=MUTED, linewidth=1.2)
    axes.plot(*points[0], "o", markerfacecolor="none", markeredgecolor=INK, markersize=11)
    if "macs" in record["budget"]:
        axes.axvline(record["budget"]["macs"] / 1e6, color=INK, linewidth=1, linestyle=":")
    axes.set_xlabel(say("multiply-accumulates, millions"))
    axes.set_ylabel(say("{metric} on validation", metric=term(record["metric"])))
    axes.grid(visible=True)
