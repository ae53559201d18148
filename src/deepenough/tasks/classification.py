"""Classification: one image, one class of several; a sample scores 1 when its most probable class is the right one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from deepenough.errors import InputError
from deepenough.tasks.contract import Given, Metric, Run, Targets, Task
from deepenough.tasks.graded import MEASURES, Graded
from deepenough.tasks.losses import PLAIN, Emphasis
from deepenough.tasks.one_class import OneClass, emphasis_of, first_of_largest, loss, usable
from deepenough.tasks.options import one_of, refuse_unknown
from deepenough.tasks.values import Scores

__all__ = ["ACCURACY", "Classification", "loss", "rows_of", "scores"]

ACCURACY = Metric(name="accuracy", unit="points", multiplier=100.0, lowest=0.0, highest=1.0)
ROW = np.dtype([("prediction", "<i4"), ("score", "<f8"), ("confidence", "<f8")])


@dataclass(frozen=True)
class Classification(OneClass):
    """The task of telling `classes` apart.

    Args:
        classes: the class names, in the order of the network's outputs; at least two, no two alike.
        emphasised: of the loss.

    Raises:
        InputError: fewer than two classes, or a name twice.
    """

    classes: tuple[str, ...]
    emphasised: Emphasis = PLAIN

    @classmethod
    def of(cls, given: Given) -> Task:
        """The task of the source's classes: by accuracy, or by the measure among the options.

        Raises:
            InputError: an option that does not fit, or too few images of a kind for the measure.
        """
        refuse_unknown(cls.name, given.options, ("metric", "positive", "specificity"))
        measure = one_of(given.options, "metric", "accuracy", ("accuracy", *MEASURES))
        if measure != "accuracy":
            return Graded.of(given)
        unused = [name for name in ("positive", "specificity") if name in given.options]
        if unused:
            expected, remedy = "nothing, since accuracy looks for no class", "leave it out, or name a metric"
            raise InputError(f"task_options: {unused[0]}", expected, repr(given.options[unused[0]]), remedy)
        return cls(given.classes, emphasis_of(given))

    @classmethod
    def again(cls, classes: tuple[str, ...], kept: Mapping[str, Any]) -> Classification:
        """By accuracy, since nothing is judged."""
        del kept
        return cls(classes)

    @property
    def metric(self) -> Metric:
        """Accuracy."""
        return ACCURACY

    @property
    def row(self) -> np.dtype:
        """Prediction, score and confidence."""
        return ROW

    def outcomes(self, outputs: Tensor, targets: Targets, squares: np.ndarray) -> np.ndarray:
        """The rows of `scores`."""
        del squares
        return rows_of(scores(outputs, torch.as_tensor(targets)))

    def judged(self, run: Run, reference: Run | None = None) -> pl.DataFrame:
        """Predictions by name; the score is as it was counted."""
        del reference
        names = pl.Series(list(self.classes), dtype=pl.String)
        return pl.DataFrame(
            {
                "target": names.gather(np.asarray(run.targets)),
                "prediction": names.gather(run.rows["prediction"]),
                "score": run.rows["score"],
                "confidence": run.rows["confidence"],
            }
        )


def rows_of(found: Scores) -> np.ndarray:
    """Outcomes as records of `prediction`, `score` and `confidence`, (samples,)."""
    rows = np.empty(len(found.prediction), ROW)
    for column in ROW.names or ():
        rows[column] = getattr(found, column).numpy()
    return rows


@torch.no_grad()
def scores(logits: Tensor, labels: Tensor) -> Scores:
    """Whether each image's most probable class is the right one.

    Logits that are not finite are never right: the prediction of such a row is class 0 at confidence 0 and its score
    is 0, so that a diverged network cannot gain by chance.

    Args:
        logits: float (batch, classes).
        labels: int64 (batch,), the right classes' indices.

    Returns:
        Predictions (on a tie, the lower index), scores of 0 or 1, and the softmax probability of the prediction, taken
        in fp32.

    >>> found = scores(torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 1]))
    >>> found.prediction.tolist(), found.score.tolist(), [round(value, 3) for value in found.confidence.tolist()]
    ([0, 0], [1.0, 0.0], [0.881, 0.5])
    """
    clean, finite = usable(logits)
    prediction = first_of_largest(clean)
    confidence = clean.softmax(dim=1).gather(1, prediction[:, None]).squeeze(1)
    right = (prediction == labels) & finite
    return Scores(prediction, right.double(), torch.where(finite, confidence, 0.0).double())
