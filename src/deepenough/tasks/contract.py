"""What a task must say for itself; everything after it (training, scores, verdict, report) is the same for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How the mean of a task's per-sample scores is called and shown; higher is better.

    Args:
        name: what the mean is, for example `accuracy`.
        unit: the unit of differences and margins as shown.
        multiplier: shown value = mean score * multiplier.
        lowest: smallest score that a sample can have.
        highest: largest score that a sample can have.
    """

    name: str
    unit: str
    multiplier: float
    lowest: float
    highest: float


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


class Task(Protocol):
    """One kind of question put to images.

    A task is a frozen value: it holds what the data decides (the classes) and no state. `loss` teaches, `scores`
    judges.
    """

    @property
    def name(self) -> str:
        """The task's name, as a study file writes it."""
        ...

    @property
    def sample(self) -> str:
        """What one sample is, in a word for people: image, pair, ..."""
        ...

    @property
    def outputs(self) -> int:
        """How many outputs the network's head needs."""
        ...

    @property
    def metric(self) -> Metric:
        """What the mean of the scores is called."""
        ...

    def loss(self, logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """The scalar to minimise, a mean over the batch, with gradient."""
        ...

    def scores(self, logits: Tensor, labels: Tensor) -> Scores:
        """The outcome of each sample, without gradient; does not depend on the other samples of the batch."""
        ...

    def probabilities(self, logits: Tensor) -> Tensor:
        """What is averaged where a sample is seen at several scales; its logarithm is scored as logits are."""
        ...
