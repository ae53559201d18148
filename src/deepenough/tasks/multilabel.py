"""Multi-label classification: one image, any number of labels; judged by how each label ranks the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from deepenough.errors import InputError
from deepenough.stats.linearise import auroc_scores, average_precision_scores
from deepenough.tasks.answering import SEPARATOR, SURE
from deepenough.tasks.contract import Given, Metric, Run, Targets, Task
from deepenough.tasks.losses import PLAIN, Emphasis, binary_cross_entropy, emphasis, labels_apart
from deepenough.tasks.options import one_of, refuse_unknown

FEWEST = 2  # images with a label, and without it, that a ranking needs to have an error
_POINTS = {"unit": "points", "multiplier": 100.0, "lowest": 0.0, "highest": 1.0, "alone": False}
METRICS: dict[str, Metric] = {
    "auroc": Metric(name="AUROC", **_POINTS),
    "average_precision": Metric(name="average precision", **_POINTS),
}
_RANKED: dict[str, Callable[..., np.ndarray]] = {"auroc": auroc_scores, "average_precision": average_precision_scores}


@dataclass(frozen=True)
class MultiLabel(Task):
    """The task of saying which of `classes` an image shows.

    The metric is the mean over labels, each with the same weight, of AUROC or average precision. Labels that fewer than
    two test images have, or lack, cannot be ranked and are left out of the mean, of all networks alike.

    Args:
        classes: the labels' names, in the order of the network's outputs.
        measure: a key of `METRICS`.
        emphasised: of the loss; weights of each label's presence, then of each label's absence.
    """

    classes: tuple[str, ...]
    measure: str = "auroc"
    emphasised: Emphasis = PLAIN

    name = "multilabel"
    averages = True
    teaches = True
    emphasises = True

    @classmethod
    def of(cls, given: Given) -> MultiLabel:
        """The task of the source's labels, each shown by two images of val and of test at least, or it is refused."""
        refuse_unknown(cls.name, given.options, ("metric",))
        task = cls(given.classes, one_of(given.options, "metric", "auroc", tuple(METRICS)))
        trained = task.targets(given.samples.filter(pl.col("split") == "train"))
        there = trained.sum(axis=0)
        with np.errstate(divide="ignore"):
            weights = np.concatenate([len(trained) / (2.0 * there), len(trained) / (2.0 * (len(trained) - there))])
        task = replace(task, emphasised=emphasis(given.loss, weights.tolist()))
        for split in ("val", "test"):
            there = task.targets(given.samples.filter(pl.col("split") == split))
            if not _ranked(there).any():
                expected = f"a label that two images of {split} have and two have not"
                raise InputError(f"source, split {split}", expected, "none", "add images to it")
        return task

    @classmethod
    def again(cls, classes: tuple[str, ...], kept: Mapping[str, Any]) -> MultiLabel:
        """By AUROC, since nothing is judged."""
        del kept
        return cls(classes)

    @property
    def metric(self) -> Metric:
        """AUROC or average precision."""
        return METRICS[self.measure]

    @property
    def row(self) -> np.dtype:
        """The probability of each label."""
        return np.dtype([("probabilities", "<f4", (len(self.classes),))])

    @property
    def outputs(self) -> int:
        """One logit a label."""
        return len(self.classes)

    def targets(self, samples: pl.DataFrame) -> np.ndarray:
        """Whether each picture has each label, float32 (pictures, labels) of 0 and 1."""
        numbers = {name: index for index, name in enumerate(self.classes)}
        found = np.zeros((samples.height, len(self.classes)), np.float32)
        for place, text in enumerate(samples["target"]):
            for label in labels_in(text):
                found[place, numbers[label]] = 1.0
        return found

    def example(self, images: Tensor) -> Tensor:
        """Every second label, in turn."""
        return ((torch.arange(len(images))[:, None] + torch.arange(self.outputs)) % 2).float()

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Mean binary cross entropy over images and labels in nats, targets drawn to one half by `smoothing`."""
        return binary_cross_entropy(outputs, targets, smoothing, self.emphasised)

    def apart(self, outputs: Tensor, taught: Tensor, temperature: float) -> Tensor:
        """See `losses.labels_apart`."""
        return labels_apart(outputs, taught, temperature)

    def outcomes(self, outputs: Tensor, targets: Targets, squares: np.ndarray) -> np.ndarray:
        """The probability of each label, 0 where the network's outputs are not finite."""
        del targets, squares
        rows = np.empty(len(outputs), self.row)
        rows["probabilities"] = outputs.float().sigmoid().nan_to_num(0.0).numpy()
        return rows

    def judged(self, run: Run, reference: Run | None = None) -> pl.DataFrame:
        """One influence value an image, the mean over labels; predicted are labels of a probability above one half.

        `confidence` is that of all the labels together, each as it was predicted.

        Raises:
            InputError: no label can be ranked.
        """
        del reference
        chances, true = run.rows["probabilities"].astype(np.float64), np.asarray(run.targets) > 0.5
        rank, ranked = _RANKED[self.measure], np.flatnonzero(_ranked(true))
        if not ranked.size:
            expected = f"a label that {FEWEST} of them have and {FEWEST} have not, for {self.metric.name}"
            raise InputError("images", expected, "none")
        values = [rank(chances[:, label], true[:, label])[0] for label in ranked]
        said = chances > SURE
        return pl.DataFrame(
            {
                "target": [self._named(row) for row in true],
                "prediction": [self._named(row) for row in said],
                "score": np.mean(values, axis=0),
                "confidence": np.where(said, chances, 1.0 - chances).prod(axis=1),
            }
        )

    def also(self) -> tuple[MultiLabel, ...]:
        """The same by the other metric."""
        return tuple(replace(self, measure=name) for name in METRICS if name != self.measure)

    def decisions(self, outputs: Tensor) -> Tensor:
        """Whether each label is predicted."""
        return (outputs > 0).long()

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Of each label by itself, float32 (batch, labels)."""
        return outputs.float().sigmoid()

    def from_probabilities(self, mean: Tensor) -> Tensor:
        """Their log odds."""
        return mean.logit(eps=torch.finfo(torch.float32).eps)

    def said(self, outputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Probabilities, the mean over the sides, and whether each label is predicted, int64 (batch, labels)."""
        chances = [self.probabilities(each) for each in outputs]
        probability = torch.stack(chances).mean(dim=0) if len(chances) > 1 else chances[0]
        return probability, (probability > SURE).long()

    def outputs_of(self, said: Sequence[Tensor]) -> Tensor:
        """The log odds of the probabilities."""
        return self.from_probabilities(said[0])

    def _named(self, there: np.ndarray) -> str:
        return SEPARATOR.join(name for name, has in zip(self.classes, there, strict=True) if has)


def labels_in(text: str) -> tuple[str, ...]:
    """The labels of a target, sorted; empty for an image without any.

    >>> labels_in("oedema| mass"), labels_in("")
    (('mass', 'oedema'), ())
    """
    return tuple(sorted({part.strip() for part in text.split(SEPARATOR) if part.strip()}))


def _ranked(true: np.ndarray) -> np.ndarray:
    """Which labels enough images have and have not, bool (labels,)."""
    there = (true > 0.5).sum(axis=0)
    return (there >= FEWEST) & (len(true) - there >= FEWEST)
