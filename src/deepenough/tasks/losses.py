"""Losses for uneven classes (weights that let every class count alike, the focal loss) and for pupils of a teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from deepenough.errors import InputError


@dataclass(frozen=True, slots=True)
class Emphasis:
    """What a loss makes more of than plain cross entropy does.

    Args:
        weights: of each class, 1 on average over the training images; None for 1 each.
        focal: gamma of the focal loss (Lin et al. 2017, arXiv 1708.02002, equation 4): an image that is answered with
            probability p counts (1 - p) ** gamma as much. 0 is plain cross entropy.
    """

    weights: tuple[float, ...] | None = None
    focal: float = 0.0

    @property
    def plain(self) -> bool:
        """Whether nothing is emphasised."""
        return self.weights is None and self.focal == 0


PLAIN = Emphasis()


def emphasis(loss: Mapping[str, Any], weights: Sequence[float]) -> Emphasis:
    """What a recipe asks for.

    Args:
        loss: `class_weights` (`none` or `balanced`) and `focal` of the recipe; what is left out is plain.
        weights: the balanced ones.

    Raises:
        InputError: balanced weights where a class has no training image.
    """
    balanced = loss.get("class_weights", "none") == "balanced"
    if balanced and not np.isfinite(weights).all():
        raise InputError("recipe.class_weights: balanced", "training images of every class", "a class without any")
    return Emphasis(tuple(map(float, weights)) if balanced else None, float(loss.get("focal") or 0.0))


def balanced_weights(counts: np.ndarray) -> np.ndarray:
    """Weights with which every class counts alike: n / (classes * images of the class).

    >>> balanced_weights(np.array([30, 10])).round(3).tolist()
    [0.667, 2.0]
    """
    with np.errstate(divide="ignore"):
        return counts.sum() / (len(counts) * counts.astype(np.float64))


def cross_entropy(logits: Tensor, targets: Tensor, smoothing: float, emphasised: Emphasis) -> Tensor:
    """Mean over images of the weighted, focal cross entropy in nats, in fp32.

    The mean is over images, not over their weights: gradients of parts of a batch then add up to the batch's.

    Args:
        logits: float (batch, classes).
        targets: int64 (batch,), or float (batch, classes) probabilities as mixup and CutMix give.
        smoothing: mass spread evenly over all classes, in [0, 1).
        emphasised: weights and gamma.
    """
    logs, classes = logits.float().log_softmax(dim=1), logits.shape[1]
    soft = targets.float() if targets.is_floating_point() else functional.one_hot(targets, classes).float()
    soft = soft * (1.0 - smoothing) + smoothing / classes
    if emphasised.weights is not None:
        soft = soft * torch.tensor(emphasised.weights, device=soft.device)
    if emphasised.focal:
        soft = soft * (1.0 - logs.exp()).clamp(min=0.0) ** emphasised.focal
    return -(soft * logs).sum(dim=1).mean()


def binary_cross_entropy(logits: Tensor, targets: Tensor, smoothing: float, emphasised: Emphasis) -> Tensor:
    """The same for labels that stand alone: mean over images and labels.

    Args:
        logits: float (batch, labels).
        targets: float (batch, labels) of 0 and 1.
        smoothing: targets are drawn to one half by it.
        emphasised: weights of each label's presence, then of each label's absence; gamma.
    """
    values = logits.float()
    soft = targets * (1.0 - smoothing) + 0.5 * smoothing
    there, absent = functional.logsigmoid(values), functional.logsigmoid(-values)
    if emphasised.focal:
        chance = values.sigmoid()
        there = there * (1.0 - chance) ** emphasised.focal
        absent = absent * chance**emphasised.focal
    if emphasised.weights is not None:
        up, down = torch.tensor(emphasised.weights, device=values.device).chunk(2)
        there, absent = there * up, absent * down
    return -(soft * there + (1.0 - soft) * absent).mean()


def classes_apart(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence of a pupil's classes from its teacher's, mean over images, in nats, in fp32.

    Hinton et al. 2015, arXiv 1503.02531, section 2: both softened by the temperature, and times its square.

    Args:
        logits: float (batch, classes), of the pupil.
        taught: float (batch, classes), of the teacher.
        temperature: at least 1; the higher, the more the unlikely classes count.
    """
    own, other = ((values.float() / temperature).log_softmax(dim=1) for values in (logits, taught))
    return temperature**2 * (other.exp() * (other - own)).sum(dim=1).mean()


def labels_apart(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """The same for labels that stand alone: mean over images and labels.

    Args:
        logits: float (batch, labels), of the pupil.
        taught: float (batch, labels), of the teacher.
        temperature: at least 1.
    """
    own, other = logits.float() / temperature, taught.float() / temperature
    there = functional.logsigmoid(other) - functional.logsigmoid(own)
    absent = functional.logsigmoid(-other) - functional.logsigmoid(-own)
    return temperature**2 * (other.sigmoid() * there + (-other).sigmoid() * absent).mean()
