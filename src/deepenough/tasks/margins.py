"""Losses that teach an embedding: a softmax over the angles to one centre an identity, with a margin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from deepenough.errors import InputError
from deepenough.tasks.options import number, one_of

MARGINS: dict[str, float] = {"arcface": 0.5, "cosface": 0.35, "softmax": 0.0}  # of the papers
SHARPNESS = 64.0
_TINY = 1e-6  # squared sine below which its root has no slope to speak of


@dataclass(frozen=True, slots=True)
class MarginLoss:
    """How far the right centre must be nearer than the others.

    Args:
        kind: `arcface` adds the margin to the angle (Deng et al. 2019, arXiv 1801.07698, equation 3), `cosface` takes
            it from the cosine (Wang et al. 2018, arXiv 1801.09414, equation 4), `softmax` has none.
        margin: of `arcface` in radians, of `cosface` in cosine.
        sharpness: by what cosines are multiplied, s in both papers.
    """

    kind: str = "arcface"
    margin: float = 0.5
    sharpness: float = SHARPNESS

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> MarginLoss:
        """From the options `loss`, `angular_margin` and `sharpness` of a study file."""
        kind = one_of(options, "loss", "arcface", tuple(MARGINS))
        margin = 0.0 if kind == "softmax" else number(options, "angular_margin", MARGINS[kind], above=0.0, below=1.5)
        if kind == "softmax" and "angular_margin" in options:
            raise InputError("task_options: angular_margin", "none, since softmax has no margin", "one")
        return cls(kind, margin, number(options, "sharpness", SHARPNESS, above=0.0, below=1000.0))

    def logits(self, cosines: Tensor, targets: Tensor) -> Tensor:
        """Cosines to the centres with the margin at the right one, times the sharpness; (batch, identities).

        Beyond the angle of pi minus the margin, where the cosine would rise again, ArcFace goes on in a straight line,
        as its authors' code does.

        >>> MarginLoss("cosface", 0.35, 10.0).logits(torch.tensor([[0.5, 0.5]]), torch.tensor([1])).tolist()
        [[5.0, 1.5]]
        """
        own = cosines.gather(1, targets[:, None])
        return self.sharpness * cosines.scatter(1, targets[:, None], self._harder(own))

    def __call__(self, cosines: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Mean cross entropy in nats; cosines float (batch, identities), targets int64 (batch,)."""
        return functional.cross_entropy(self.logits(cosines.float(), targets), targets, label_smoothing=smoothing)

    def _harder(self, cosine: Tensor) -> Tensor:
        if self.kind == "cosface":
            return cosine - self.margin
        if self.kind == "softmax":
            return cosine
        sine = (1.0 - cosine.square()).clamp(min=_TINY).sqrt()
        turned = cosine * math.cos(self.margin) - sine * math.sin(self.margin)
        return torch.where(cosine > -math.cos(self.margin), turned, cosine - self.margin * math.sin(self.margin))


ARCFACE = MarginLoss()
