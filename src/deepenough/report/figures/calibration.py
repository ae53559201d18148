"""The reliability diagram: of answers given with a confidence, the share that was right."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from deepenough.comparison.calibration import Calibration
from deepenough.records import Verdict
from deepenough.report.figures.canvas import (
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
from deepenough.report.language import say
from deepenough.report.naming import display_name
from deepenough.report.tables import calibration as tables
from deepenough.report.tables import numbers, results

FEWEST = 10  # answers of a bin that is drawn full size


def reliability(found: Sequence[Calibration], verdict: Verdict) -> Picture:
    """One line a contender over the bins of its confidence; on the diagonal, confidence can be taken at its word."""
    errors = "; ".join(f"{display_name(each.contender)} {numbers.share(each.error)}" for each in found)
    caption = Caption(
        key="calibration",
        title=say("Share of right answers against confidence at {scale} px", scale=verdict.scale),
        description=say(
            "On the diagonal confidence can be taken at its word; below it, too sure. Errors (ECE): {errors}. "
            "Small marks: bins of fewer than {fewest} answers.",
            errors=errors,
            fewest=FEWEST,
        ),
        twin=tables.bins(found),
    )
    return picture(caption, lambda figure, narrow: _draw(figure, found, verdict, narrow), heights=(340, 320))


def _draw(figure: Figure, found: Sequence[Calibration], verdict: Verdict, narrow: bool) -> None:
    axes = figure.add_subplot()
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    order = results.contender_order(verdict)
    handles = []
    for each in found:
        place = order.index(each.contender)
        sure, right = 100 * each.bins["confidence"].to_numpy(), 100 * each.bins["right"].to_numpy()
        style = {"color": colour(place), "linestyle": dashes(place)}
        axes.plot(sure, right, linewidth=2, **style)
        many = each.bins["answers"].to_numpy() >= FEWEST
        for chosen, size in ((many, 8), (~many, 3.5)):
            axes.plot(sure[chosen], right[chosen], marker(place), color=colour(place), markersize=size)
        label = printable(display_name(each.contender), 44)
        handles.append(Line2D([], [], label=label, marker=marker(place), **style))
    handles.append(Line2D([], [], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label=say("taken at its word")))
    low = min((float(each.bins["confidence"].min()) for each in found), default=0.0)  # pyright: ignore[reportArgumentType]
    axes.set_xlim(max(100 * low - 4, 0), 101)
    axes.set_ylim(-3, 103)
    axes.grid(visible=True, axis="y")
    axes.set_xlabel(say("confidence, %"))
    axes.set_ylabel(say("right, %"))
    legend_above(figure, handles, narrow)
