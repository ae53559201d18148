"""Multi-label classification: one image, any number of labels; judged label by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from deepenough.errors import InputError
from deepenough.stats.linearise import balanced_accuracy_scores
from deepenough.tasks.answering import SEPARATOR, SURE
from deepenough.tasks.contract import Given, Metric, Run, Targets, Task
from deepenough.tasks.graded import FEWEST, MEASURES, POINTS, RANKED, title_of
from deepenough.tasks.losses import PLAIN, Emphasis, binary_cross_entropy, emphasis, labels_apart
from deepenough.tasks.options import number, one_of, refuse_unknown
from deepenough.tasks.thresholds import sensitivity_scores, threshold_at


@dataclass(frozen=True)
class MultiLabel(Task):
    """The task of saying which of `classes` an image shows.

    The metric is the mean over labels, each with the same weight, of AUROC, average precision, sensitivity at a
    specificity, or balanced accuracy. Labels that fewer than two test images have, or lack, cannot be judged and are
    left out of the mean, of all networks alike.

    Args:
        classes: the labels' names, in the order of the network's outputs.
        measure: one of `MEASURES`.
        specificity: share of the validation images without a label that must stay below its threshold of `sensitivity`.
        only: a label that is judged alone; None for the mean over all.
        each: labels that validation and test can judge alone.
        emphasised: of the loss; weights of each label's presence, then of each label's absence.
    """

    classes: tuple[str, ...]
    measure: str = "auroc"
    specificity: float = 0.95
    only: str | None = None
    each: tuple[str, ...] = ()
    emphasised: Emphasis = PLAIN

    name = "multilabel"
    confidence_is_probability = True  # of all labels together
    averages = True
    teaches = True
    emphasises = True

    @classmethod
    def of(cls, given: Given) -> MultiLabel:
        """The task of the source's labels, each shown by two images of val and of test at least, or it is refused."""
        refuse_unknown(cls.name, given.options, ("metric", "specificity"))
        measure = one_of(given.options, "metric", "auroc", MEASURES)
        task = cls(given.classes, measure, number(given.options, "specificity", 0.95, above=0.0, below=1.0))
        trained = task.targets(given.samples.filter(pl.col("split") == "train"))
        there = trained.sum(axis=0)
        with np.errstate(divide="ignore"):
            weights = np.concatenate([len(trained) / (2.0 * there), len(trained) / (2.0 * (len(trained) - there))])
        judged = np.ones(len(task.classes), bool)
        for split in ("val", "test"):
            enough = _ranked(task.targets(given.samples.filter(pl.col("split") == split)))
            if not enough.any():
                expected = f"a label that two images of {split} have and two have not"
                raise InputError(f"source, split {split}", expected, "none", "add images to it")
            judged &= enough
        each = tuple(name for name, enough in zip(task.classes, judged, strict=True) if enough)
        if measure == "sensitivity" and not each:
            expected = "a label that two images of val and two of test have, and two of each have not"
            raise InputError("source", expected, "none", "add images, or use metric: auroc")
        return replace(task, each=each, emphasised=emphasis(given.loss, weights.tolist()))

    @classmethod
    def again(cls, classes: tuple[str, ...], kept: Mapping[str, Any]) -> MultiLabel:
        """By AUROC, since nothing is judged."""
        del kept
        return cls(classes)

    @property
    def metric(self) -> Metric:
        """By its name for people."""
        title = title_of(self.measure, self.specificity)
        return Metric(name=title + (f" of {self.only}" if self.only is not None else ""), **POINTS)

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

        `confidence` is that of all the labels together, each as it was predicted. The thresholds of `sensitivity` are
        those of the reference.

        Raises:
            InputError: no label can be judged.
        """
        chances, true = _read(run)
        chosen_on = (chances, true) if reference is None else _read(reference)
        enough = _ranked(true) & ~chosen_on[1].all(axis=0)  # a threshold needs images without the label
        judged = [label for label in np.flatnonzero(enough) if self.only in (None, self.classes[label])]
        if not judged:
            expected = f"a label that {FEWEST} of them have and {FEWEST} have not, for {self.metric.name}"
            raise InputError("images", expected, "none")
        values = [
            self._scores(chances[:, label], true[:, label], (chosen_on[0][:, label], chosen_on[1][:, label]))
            for label in judged
        ]
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
        """The same by the other metrics, and AUROC of each label alone."""
        others = [replace(self, measure=name) for name in MEASURES if name != self.measure]
        return (*others, *(replace(self, measure="auroc", only=name) for name in self.each))

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

    def _scores(self, chances: np.ndarray, true: np.ndarray, chosen_on: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """One influence value an image, of one label."""
        if self.measure == "balanced_accuracy":
            return balanced_accuracy_scores((chances > SURE).astype(np.int64), true.astype(np.int64))[0]
        if self.measure == "sensitivity":
            return sensitivity_scores(chances, true, threshold_at(*chosen_on, self.specificity))
        return RANKED[self.measure](chances, true)[0]

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


def _read(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """The probability of each label, and whether it is there, (images, labels) each."""
    return run.rows["probabilities"].astype(np.float64), np.asarray(run.targets) > 0.5
