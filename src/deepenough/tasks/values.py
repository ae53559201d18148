"""What goes into a task and comes out of it: what it is made from, what is kept of a run, how its metric is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

#: One target a picture; it has a length and can be sliced.
Targets = Sequence[Any] | np.ndarray
#: One random view of a training picture: (uint8 (3, height, width), its target) -> (uint8 (3, side, side), target).
View = Callable[["Tensor", Any], "tuple[Tensor, Any]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How the mean of a task's per-sample scores is called and shown; higher is better.

    Args:
        name: what the mean is, for example `accuracy`.
        unit: the unit of differences and margins as shown: `points` (a score of 1 is 100 of them), else its own.
        multiplier: shown value = mean score * multiplier; 100 for points, 1 for any other unit.
        lowest: smallest value that the mean can have.
        highest: largest value that the mean can have.
        alone: each sample's score is known without the others; else a run is judged as a whole.
    """

    name: str
    unit: str
    multiplier: float
    lowest: float
    highest: float
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Scores:
    """The outcome of each sample of a batch, in its order; all of shape (batch,).

    Args:
        prediction: int64, what the network said.
        score: float64, higher is better, within the metric's range.
        confidence: float64, in [0, 1], how sure the network was of its prediction.
    """

    prediction: Tensor
    score: Tensor
    confidence: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a task is made from.

    Args:
        classes: the names in the targets, sorted; empty where a source names none.
        samples: `records.SAMPLES` with the source's further columns, of all splits.
        options: of the study file, by name; a task refuses those that it does not know.
        loss: what the recipe asks of the loss (`class_weights`, `focal`), where it asks for anything.
    """

    classes: tuple[str, ...]
    samples: pl.DataFrame
    options: Mapping[str, Any] = field(default_factory=dict)
    loss: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """What one network said of every picture of a split at one scale.

    Args:
        rows: as `Task.outcomes` gives them, (pictures,).
        targets: of the pictures, in the same order.
        units: the samples that they make, as `Task.units` gives them; None where each picture is one.
    """

    rows: np.ndarray
    targets: Targets
    units: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The test pictures at one scale, and what two networks of one seed said of them.

    Args:
        contenders: their names.
        squares: uint8 (pictures, side, side, 3), before `Task.inputs`.
        sample_ids: of each picture.
        targets: of each picture.
        run: what a contender said of all of them, as its scores rest on it.
        reference: the same of validation.
        outputs: what each contender gave of the picture at a place, (1, ...), `completed`, asked anew; none where the
            networks are not there.
    """

    contenders: tuple[str, ...]
    squares: np.ndarray
    sample_ids: Sequence[str]
    targets: Targets
    run: Callable[[str], Run]
    reference: Callable[[str], Run]
    outputs: Callable[[int], Mapping[str, Tensor]]


@dataclass(frozen=True, slots=True)
class Box:
    """A box on a picture, in its pixels.

    Args:
        box: left, top, right, bottom.
        label: its class.
        score: that a network gave it; None where it is true.
    """

    box: tuple[float, float, float, float]
    label: str
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One of the things that people are shown of a sample: a picture, a figure, or both.

    Args:
        what: it is, a word that the report knows (`report.exhibits`).
        contender: whose it is; None where it is no network's.
        pixels: uint8 (height, width, 3); None where it is a figure alone.
        exact: every pixel is to be seen as it is; others may be shrunk.
        value: a figure about it.
        unit: of the figure.
        threshold: above which such a figure, or the score of a box, counts.
        boxes: on the picture, those that are true and those that were found; None where it is not about boxes.
    """

    what: str
    contender: str | None = None
    pixels: np.ndarray | None = None
    exact: bool = False
    value: float | None = None
    unit: str | None = None
    threshold: float | None = None
    boxes: tuple[Box, ...] | None = None
