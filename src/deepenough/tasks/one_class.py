"""Telling classes apart: what every such task shares, however it is judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch.nn import functional

from deepenough.errors import InputError
from deepenough.tasks.contract import Given, Task
from deepenough.tasks.losses import Emphasis, balanced_weights, classes_apart, cross_entropy, emphasis


class OneClass(Task):
    """One image, one class of several; how that is judged is the subclass's.

    Raises:
        InputError: fewer than two classes, or a name twice.
    """

    classes: tuple[str, ...]
    emphasised: Emphasis

    name = "classification"
    one_class = True
    confidence_is_probability = True
    mixes = True
    averages = True
    probed = True
    teaches = True
    emphasises = True

    def __post_init__(self) -> None:
        require_classes(self.classes)

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
        """See `loss`; where the recipe emphasises, `losses.cross_entropy`."""
        if self.emphasised.plain:
            return loss(outputs, targets, smoothing)
        return cross_entropy(outputs, targets, smoothing, self.emphasised)

    def apart(self, outputs: Tensor, taught: Tensor, temperature: float) -> Tensor:
        """See `losses.classes_apart`."""
        return classes_apart(outputs, taught, temperature)

    def hits(self, outputs: Tensor, targets: Tensor) -> int | None:
        """How many were right; under mixup and CutMix no single class is the right one."""
        return None if targets.is_floating_point() else int((outputs.detach().argmax(1) == targets).sum())

    def decisions(self, outputs: Tensor) -> Tensor:
        """The predicted classes."""
        return first_of_largest(usable(outputs)[0])

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Softmax over the classes, float32 (batch, classes)."""
        return outputs.float().softmax(dim=1)

    def from_probabilities(self, mean: Tensor) -> Tensor:
        """Their logarithm, which is scored as logits are."""
        return mean.clamp(min=torch.finfo(torch.float32).tiny).log()

    def said(self, outputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Probabilities, the mean over the sides, and the index of the greatest, int64 (batch,): of equal the first."""
        if len(outputs) == 1:  # softmax may round two unequal logits to one probability, so the label is the logits'
            return outputs[0].softmax(dim=1), outputs[0].argmax(dim=1)
        probability = torch.stack([each.softmax(dim=1) for each in outputs]).mean(dim=0)
        return probability, probability.argmax(dim=1)

    def outputs_of(self, said: Sequence[Tensor]) -> Tensor:
        """The logarithm of the probabilities."""
        return self.from_probabilities(said[0])


def emphasis_of(given: Given) -> Emphasis:
    """What the recipe asks of the loss, with the balanced weights of the training pictures."""
    trained = given.samples.filter(pl.col("split") == "train")["target"]
    counts = np.array([int((trained == name).sum()) for name in given.classes])
    return emphasis(given.loss, balanced_weights(counts).tolist())


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


def usable(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Logits in fp32, 0 in rows that are not finite, and which rows are, bool (batch,)."""
    finite = torch.isfinite(logits).all(dim=1)
    return torch.where(finite[:, None], logits.float(), 0.0), finite


def first_of_largest(values: Tensor) -> Tensor:
    """Place of each row's largest value, the first of equal ones.

    argmax leaves open which of equal values it takes, and the answer differs between devices and memory layouts.
    """
    largest = values == values.amax(dim=1, keepdim=True)
    places = torch.arange(values.shape[1], device=values.device)
    return torch.where(largest, places, values.shape[1]).amin(dim=1)
