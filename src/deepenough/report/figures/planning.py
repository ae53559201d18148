"""The smallest margin that is sure to be decided, over the number of test images, a line for each number of seeds."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from deepenough.comparison.planning import Prospect, Scenario
from deepenough.report.figures.alone import svg_file
from deepenough.report.figures.canvas import (
    INK,
    MUTED,
    Caption,
    colour,
    dashes,
    legend_above,
)
from deepenough.report.tables import numbers, planning

PANEL = 300  # CSS pixels, height


def margin_over_images(prospect: Prospect) -> str:
    """The picture as the text of an SVG file that stands by itself; one panel a scenario."""
    reached = "; ".join(
        f"{_title(prospect, scenario)}: "
        + ", ".join(f"{numbers.rounded_up(scenario.margins[k])} with {k} seeds" for k in prospect.seeds)
        for scenario in prospect.scenarios
    )
    caption = Caption(
        key="plan",
        title="Smallest margin that is sure to be decided, over the number of test images",
        description=f"In {prospect.unit}. With {numbers.count(prospect.images)} test images: {reached}.",
        twin=planning.curves(prospect),
    )
    rows = (len(prospect.scenarios) + 1) // 2
    return svg_file(caption, lambda figure, _narrow: _draw(figure, prospect), height=PANEL * rows + 60)


def _title(prospect: Prospect, scenario: Scenario) -> str:
    return f"seed SD {scenario.name}" + (" points" if prospect.pilot is None else "")


def _draw(figure: Figure, prospect: Prospect) -> None:
    count = len(prospect.scenarios)
    columns = min(count, 2)
    panels = figure.subplots(-(-count // columns), columns, sharex=True, sharey=True, squeeze=False)
    for axes, scenario in zip(panels.flat, prospect.scenarios, strict=False):
        _panel(axes, prospect, scenario)
    handles = [
        Line2D([], [], color=colour(place), linestyle=dashes(place), label=f"{k} seeds")
        for place, k in enumerate(prospect.seeds)
    ]
    figure.supxlabel("test images", size=12, color=MUTED)
    figure.supylabel(f"smallest margin sure to be decided, {prospect.unit}", size=12, color=MUTED)
    legend_above(figure, handles, narrow=False)


def _panel(axes: Axes, prospect: Prospect, scenario: Scenario) -> None:
    for place, k in enumerate(prospect.seeds):
        axes.plot(prospect.grid, scenario.curves[k], color=colour(place), linestyle=dashes(place))
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.shortest(value)))
        axis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.count(value)))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.axhline(prospect.margin, color=INK, linewidth=1)
    axes.axvline(prospect.images, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
    marks = {"size": 11, "color": MUTED, "textcoords": "offset points"}
    axes.annotate("your margin", (1, prospect.margin), (-2, 3), xycoords=("axes fraction", "data"), ha="right", **marks)
    axes.annotate("your images", (prospect.images, 0), (4, 5), xycoords=("data", "axes fraction"), **marks)
    axes.grid(visible=True, axis="y")
    axes.set_title(_title(prospect, scenario))
