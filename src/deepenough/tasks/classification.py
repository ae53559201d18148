"""Classification: one image, one class of several; a sample scores 1 when its most probable class is the right one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch.nn import functional

from deepenough.errors import InputError
from deepenough.tasks.contract import Given, Metric, Run, Scores, Targets, Task
from deepenough.tasks.options import refuse_unknown

ACCURACY = Metric(name="accuracy", unit="points", multiplier=100.0, lowest=0.0, highest=1.0)
ROW = np.dtype([("prediction", "<i4"), ("score", "<f8"), ("confidence", "<f8")])


@dataclass(frozen=True)
class Classification(Task):
    """The task of telling `classes` apart.

    Args:
        classes: the class names, in the order of the network's outputs; at least two, no two alike.

    Raises:
        InputError: fewer than two classes, or a name twice.
    """

    classes: tuple[str, ...]

    name = "classification"
    mixes = True
    averages = True
    probed = True

    def __post_init__(self) -> None:
        require_classes(self.classes)

    @classmethod
    def of(cls, given: Given) -> Classification:
        """The task of the source's classes."""
        refuse_unknown(cls.name, given.options, ())
        return cls(given.classes)

    @property
    def metric(self) -> Metric:
        """Accuracy."""
        return ACCURACY

    @property
    def row(self) -> np.dtype:
        """Prediction, score and confidence."""
        return ROW

    @property
    def outputs(self) -> int:
        """One logit per class."""
        return len(self.classes)

    def targets(self, samples: pl.DataFrame) -> np.ndarray:
        """Class index of each picture, int64 (pictures,)."""
        numbers = {name: index for index, name in enumerate(self.classes)}
        return samples["target"].replace_strict(numbers, return_dtype=pl.Int64).to_numpy(writable=True)

    def example(self, images: Tensor) -> Tensor:
        """The classes in turn."""
        return torch.arange(len(images)) % self.outputs

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """See `loss`."""
        return loss(outputs, targets, smoothing)

    def hits(self, outputs: Tensor, targets: Tensor) -> int | None:
        """How many were right; under mixup and CutMix no single class is the right one."""
        return None if targets.is_floating_point() else int((outputs.detach().argmax(1) == targets).sum())

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

    def decisions(self, outputs: Tensor) -> Tensor:
        """The predicted classes."""
        return scores(outputs, torch.zeros(len(outputs), dtype=torch.int64)).prediction  # the truth plays no part

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Softmax over the classes, float32 (batch, classes)."""
        return outputs.float().softmax(dim=1)

    def from_probabilities(self, mean: Tensor) -> Tensor:
        """Their logarithm, which is scored as logits are."""
        return mean.clamp(min=torch.finfo(torch.float32).tiny).log()


def require_classes(classes: tuple[str, ...]) -> None:
    """Refuse what makes no question.

    Raises:
        InputError: fewer than two classes, or a name twice.
    """
    if len(classes) < 2:
        raise InputError("classes", "at least two", f"{len(classes)} ({', '.join(classes) or 'none'})")
    twice = sorted({name for name in classes if classes.count(name) > 1})
    if twice:
        raise InputError("classes", "every name once", f"{', '.join(twice)} more than once")


def rows_of(found: Scores) -> np.ndarray:
    """Outcomes as records of `prediction`, `score` and `confidence`, (samples,)."""
    rows = np.empty(len(found.prediction), ROW)
    for column in ROW.names or ():
        rows[column] = getattr(found, column).numpy()
    return rows


def loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean cross entropy in nats, with label smoothing (Szegedy et al. 2016, arXiv 1512.00567, section 7).

    Args:
        logits: float (batch, classes); computed on in fp32 whatever they come in, since bf16 has 8 bits of mantissa.
        targets: int64 (batch,) class indices, or float (batch, classes) probabilities as mixup and cutmix give.
        smoothing: mass spread evenly over all classes, in [0, 1).

    Returns:
        A scalar, at least 0.
    """
    if targets.is_floating_point():
        targets = targets.float()
    return functional.cross_entropy(logits.float(), targets, label_smoothing=smoothing)


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
    finite = torch.isfinite(logits).all(dim=1)
    usable = torch.where(finite[:, None], logits.float(), 0.0)
    prediction = _first_of_largest(usable)
    confidence = usable.softmax(dim=1).gather(1, prediction[:, None]).squeeze(1)
    right = (prediction == labels) & finite
    return Scores(prediction, right.double(), torch.where(finite, confidence, 0.0).double())


def _first_of_largest(values: Tensor) -> Tensor:
    # argmax leaves open which of equal values it takes, and the answer differs between devices and memory layouts.
    largest = values == values.amax(dim=1, keepdim=True)
    places = torch.arange(values.shape[1], device=values.device)
    return torch.where(largest, places, values.shape[1]).amin(dim=1)
