"""Accuracy over the number of dimensions, with bands over seeds, and how alike the stages of two networks are."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from deepenough.records.embedding import EmbeddingReport
from deepenough.report.figures.canvas import (
    INK,
    MUTED,
    PAPER,
    Caption,
    Picture,
    colour,
    legend_above,
    marker,
    picture,
    printable,
)
from deepenough.report.naming import display_name
from deepenough.report.tables import embedding as tables
from deepenough.report.tables import numbers

_DASHES: dict[str, Any] = {"pca": "-", "random": (0, (2, 1.4)), "learned": (0, (6, 2)), "umap": (0, (6, 2, 1, 2))}


_TITLES = {
    "knn": "Accuracy of 5 nearest neighbours",
    "probe": "Accuracy of a linear probe",
    "recall_at_1": "Recall@1",
}


def accuracy_over_dimensions(found: EmbeddingReport, judge: str) -> Picture:
    """A line a network and projection, the mean over seeds, in a band from the least seed to the greatest."""
    twin = tables.curve(found, judge)
    caption = Caption(
        key=twin.key,
        title=f"{_TITLES[judge]} over the number of dimensions, {found.scale} px",
        description="Solid: principal components; dotted: random projection; dashed: learned from the labels; "
        "dashes and dots: UMAP, where it was asked for. Bands: "
        "least to greatest seed.",
        twin=twin,
    )
    return picture(caption, lambda figure, narrow: _draw(figure, found, judge, narrow), heights=(360, 340))


def _draw(figure: Figure, found: EmbeddingReport, judge: str, narrow: bool) -> None:
    axes = figure.add_subplot()
    axes.set_xscale("log", base=2)
    handles = []
    drawn = {kind: dashes for kind, dashes in _DASHES.items() if kind in found.runs[0].curves}
    for place, name in enumerate((found.small, found.big)):
        own = tables.runs_of(found, name)
        for kind, dashes in drawn.items():
            counts = [each for each in own[0].dimensions[kind] if all(each in run.dimensions[kind] for run in own)]
            values = 100 * np.array(
                [[run.curves[kind][judge][run.dimensions[kind].index(each)] for each in counts] for run in own]
            )
            axes.plot(counts, values.mean(0), color=colour(place), linestyle=dashes, linewidth=1.8)
            if len(own) > 1 and kind == "pca":
                axes.fill_between(counts, values.min(0), values.max(0), color=colour(place), alpha=0.15, linewidth=0)
            if kind == "pca":
                axes.plot(counts, values.mean(0), marker(place), color=colour(place), markersize=5)
        label = printable(display_name(name), 44)
        handles.append(Line2D([], [], color=colour(place), marker=marker(place), label=label))
    for kind, dashes in drawn.items():
        handles.append(Line2D([], [], color=MUTED, linestyle=dashes, label=tables.PROJECTIONS[kind]))
    axes.xaxis.set_major_formatter(lambda value, _: numbers.shortest(value))
    axes.grid(visible=True, axis="y")
    axes.set_xlabel("dimensions")
    axes.set_ylabel("recall@1, %" if judge == "recall_at_1" else "accuracy, %")
    legend_above(figure, handles, narrow)


def stages_alike(found: EmbeddingReport) -> Picture | None:
    """Linear CKA of every stage of one network with every one of the other; None without a seed that both have."""
    matrices = list(found.similarity.values())
    if not matrices:
        return None
    mean = np.mean(matrices, axis=0)
    caption = Caption(
        key="embed-cka",
        title=f"How alike the stages of the two networks are, {found.scale} px",
        description="Linear CKA, 1 where two stages hold the same up to rotation and scale; mean over seeds.",
        twin=tables.similarity(found),
    )
    return picture(caption, lambda figure, _narrow: _matrix(figure, found, mean), heights=(330, 320))


def _matrix(figure: Figure, found: EmbeddingReport, mean: np.ndarray) -> None:
    axes = figure.add_subplot()
    size = len(found.stages)
    for row in range(size):
        for column in range(size):
            shade = float(mean[row, column])
            axes.add_patch(_square(column, row, shade))
            ink = PAPER if shade > 0.6 else INK
            axes.annotate(numbers.fixed(shade, 2), (column, row), ha="center", va="center", size=11, color=ink)
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(-0.5, size - 0.5)
    axes.set_aspect("equal")
    axes.set_xticks(range(size), found.stages)
    axes.set_yticks(range(size), found.stages)
    axes.grid(visible=False)
    axes.set_xlabel(printable(display_name(found.big), 30))
    axes.set_ylabel(printable(display_name(found.small), 30))


def _square(column: int, row: int, shade: float) -> Any:  # noqa: ANN401  a matplotlib patch
    from matplotlib.patches import Rectangle

    alpha = min(max(shade, 0.0), 1.0)
    return Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour(0), alpha=alpha, linewidth=0)
