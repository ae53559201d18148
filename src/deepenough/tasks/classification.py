"""Classification: one image, one class of several; a sample scores 1 when its most probable class is the right one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from deepenough.errors import InputError
from deepenough.tasks.contract import Metric, Scores

ACCURACY = Metric(name="accuracy", unit="points", multiplier=100.0, lowest=0.0, highest=1.0)


@dataclass(frozen=True, slots=True)
class Classification:
    """The task of telling `classes` apart.

    Args:
        classes: the class names, in the order of the network's outputs; at least two, no two alike.

    Raises:
        InputError: fewer than two classes, or a name twice.
    """

    classes: tuple[str, ...]

    name = "classification"
    sample = "image"
    metric = ACCURACY

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise InputError("classes", "at least two", f"{len(self.classes)} ({', '.join(self.classes) or 'none'})")
        twice = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if twice:
            raise InputError("classes", "every name once", f"{', '.join(twice)} more than once")

    @property
    def outputs(self) -> int:
        """One logit per class."""
        return len(self.classes)

    def loss(self, logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """See `loss`."""
        return loss(logits, targets, smoothing)

    def scores(self, logits: Tensor, labels: Tensor) -> Scores:
        """See `scores`."""
        return scores(logits, labels)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Softmax over the classes, float32 (batch, classes)."""
        return logits.float().softmax(dim=1)


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
