"""How the contenders learned: training loss and validation accuracy, one thin line a cell."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.evidence import CellRecord
from deepenough.report.figures.canvas import Caption, Picture, colour, dashes, legend_above, picture, printable
from deepenough.report.language import say, term
from deepenough.report.tables import machine, numbers, results

MOST_POINTS = 200


def training_curves(cells: Sequence[CellRecord], verdict: Verdict) -> Picture | None:
    """Loss and the metric on validation over epochs; None where no cell left a history."""
    drawn = [cell for cell in cells if cell.history is not None and not cell.history.is_empty()]
    if not drawn:
        return None
    unit, metric = numbers.level_unit(verdict.unit), term(verdict.metric)
    ends = "; ".join(
        say(
            "{contender} seed {seed} {reached} {unit}",
            contender=words.display_name(cell.contender),
            seed=cell.seed,
            reached=numbers.fixed(results.last_validation(cell, verdict), 1),
            unit=unit,
        )
        for cell in drawn
    )
    caption = Caption(
        key="training",
        title=say("Training loss and validation {metric} over epochs", metric=metric),
        description=say("One line a training run. Validation {metric} at the end: {ends}.", metric=metric, ends=ends),
        twin=machine.training(drawn, verdict),
    )
    return picture(caption, lambda figure, narrow: _draw(figure, drawn, verdict, narrow), heights=(300, 480))


def _draw(figure: Figure, cells: Sequence[CellRecord], verdict: Verdict, narrow: bool) -> None:
    loss, accuracy = figure.subplots(2, 1, sharex=True) if narrow else figure.subplots(1, 2)
    order = results.contender_order(verdict)
    places = {cell.contender: order.index(cell.contender) if cell.contender in order else len(order) for cell in cells}
    for cell in cells:
        _line(loss, cell, "loss", 1.0, places[cell.contender])
        _line(accuracy, cell, "val_accuracy", results.factor(verdict), places[cell.contender])
    loss.set_title(say("training loss"))
    metric, unit = term(verdict.metric), numbers.level_unit(verdict.unit)
    accuracy.set_title(say("validation {metric}, {unit}", metric=metric, unit=unit))
    for axes in (loss, accuracy):
        axes.grid(visible=True, axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # half an epoch is nothing to read off
        if axes is accuracy or not narrow:
            axes.set_xlabel(say("epoch"))
    ranked = sorted(places.items(), key=lambda item: item[1])
    handles = [
        Line2D([], [], color=colour(place), linestyle=dashes(place), label=printable(words.display_name(name), 44))
        for name, place in ranked
    ]
    legend_above(figure, handles, narrow)


def _line(axes: Axes, cell: CellRecord, column: str, factor: float, place: int) -> None:
    if cell.history is None:
        return
    rows = cell.history.filter(pl.col(column).is_not_null() & pl.col(column).is_finite())
    rows = rows.gather_every(max(1, -(-rows.height // MOST_POINTS)))
    mark = "o" if rows.height == 1 else ""  # a line of one point shows nothing
    style = {"marker": mark, "color": colour(place), "linestyle": dashes(place), "linewidth": 1.4, "alpha": 0.85}
    axes.plot(rows["epoch"].to_numpy(), factor * rows[column].to_numpy(), **style)
