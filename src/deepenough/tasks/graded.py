"""Classification judged by more than the share of right answers: rankings, sensitivity, every class alike.

What is kept of an image is the probability of each class, so that thresholds, temperatures and further measures can be
had from the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from torch import Tensor

from deepenough.errors import InputError
from deepenough.stats.linearise import auroc_scores, average_precision_scores, balanced_accuracy_scores
from deepenough.tasks.contract import Given, Metric, Run, Targets
from deepenough.tasks.losses import PLAIN, Emphasis
from deepenough.tasks.one_class import OneClass, emphasis_of
from deepenough.tasks.options import number, one_of
from deepenough.tasks.thresholds import sensitivity_scores, threshold_at

POINTS = {"unit": "points", "multiplier": 100.0, "lowest": 0.0, "highest": 1.0, "alone": False}
MEASURES = ("auroc", "average_precision", "sensitivity", "balanced_accuracy")
RANKED: dict[str, Callable[..., np.ndarray]] = {"auroc": auroc_scores, "average_precision": average_precision_scores}
SEPARATOR = "|"  # between positive classes
FEWEST = 2  # test images of a kind, below which its error is not known


@dataclass(frozen=True)
class Graded(OneClass):
    """The task of telling `classes` apart, judged by `measure`.

    Args:
        classes: the class names, in the order of the network's outputs.
        measure: one of `MEASURES`. `auroc` and `average_precision` rank the images by the probability of the positive
            classes together; without any they are the mean over classes, each against all others.
        positive: the classes that are looked for.
        specificity: share of the negative validation images that must stay below the threshold of `sensitivity`.
        emphasised: of the loss.
    """

    classes: tuple[str, ...]
    measure: str
    positive: tuple[str, ...] = ()
    specificity: float = 0.95
    emphasised: Emphasis = PLAIN

    @classmethod
    def of(cls, given: Given) -> Graded:
        """The task of the source's classes by the measure among the options.

        Raises:
            InputError: an option that does not fit, or too few images of a kind for the measure.
        """
        measure = one_of(given.options, "metric", "auroc", MEASURES)
        specificity = number(given.options, "specificity", 0.95, above=0.0, below=1.0)
        task = cls(given.classes, measure, _positive(given, measure), specificity, emphasis_of(given))
        task.require_enough(given.samples)
        return task

    @classmethod
    def again(cls, classes: tuple[str, ...], kept: Mapping[str, Any]) -> Graded:
        """By AUROC, since nothing is judged."""
        del kept
        return cls(classes, MEASURES[0])

    @property
    def metric(self) -> Metric:
        """By its name for people."""
        return Metric(name=title_of(self.measure, self.specificity), **POINTS)

    @property
    def row(self) -> np.dtype:
        """The probability of each class."""
        return np.dtype([("probabilities", "<f4", (len(self.classes),))])

    def outcomes(self, outputs: Tensor, targets: Targets, squares: np.ndarray) -> np.ndarray:
        """Softmax; of outputs that are not finite all are 0."""
        del targets, squares
        rows = np.zeros(len(outputs), self.row)
        finite = outputs.isfinite().all(dim=1).numpy()
        rows["probabilities"][finite] = self.probabilities(outputs).numpy()[finite]
        return rows

    def judged(self, run: Run, reference: Run | None = None) -> pl.DataFrame:
        """One influence value an image; the prediction is the most probable class.

        Raises:
            InputError: too few images of a kind for the measure.
        """
        chances, true = run.rows["probabilities"].astype(np.float64), np.asarray(run.targets)
        said, names = chances.argmax(axis=1), pl.Series(list(self.classes), dtype=pl.String)
        wrong = np.where(chances.max(axis=1) > 0, said, (true + 1) % len(self.classes))  # what is no number is no hit
        return pl.DataFrame(
            {
                "target": names.gather(true),
                "prediction": names.gather(wrong),
                "score": self._scores(chances, true, wrong, reference),
                "confidence": chances.max(axis=1),
            }
        )

    def also(self) -> tuple[Graded, ...]:
        """The same by the other measures that these classes allow, for the record beside the verdict."""
        allowed = [name for name in MEASURES if self.positive or name != "sensitivity"]
        return tuple(replace(self, measure=name) for name in allowed if name != self.measure)

    def require_enough(self, samples: pl.DataFrame) -> None:
        """Refuse a test or validation split with too few images of a kind.

        Raises:
            InputError: it has.
        """
        for split in ("val", "test"):
            true = self.targets(samples.filter(pl.col("split") == split))
            counts = np.bincount(true, minlength=len(self.classes))
            if self.positive and self.measure != "balanced_accuracy":
                up = int(self._is_positive(true).sum())
                counts, kinds = np.array([up, len(true) - up]), ("positive", "negative")
            else:
                kinds = self.classes
            few = [f"{count} {kind}" for kind, count in zip(kinds, counts, strict=True) if count < FEWEST]
            if few:
                expected = f"at least {FEWEST} images of each kind for {self.metric.name}"
                raise InputError(f"source, split {split}", expected, ", ".join(few), "add images, or use accuracy")

    def _scores(self, chances: np.ndarray, true: np.ndarray, said: np.ndarray, reference: Run | None) -> np.ndarray:
        if self.measure == "balanced_accuracy":
            return balanced_accuracy_scores(said, true)[0]
        if self.measure == "sensitivity":
            up, other = self._is_positive(true), (chances, true) if reference is None else _read(reference)
            if up.sum() < FEWEST:
                raise InputError("images", f"at least {FEWEST} positive ones for {self.metric.name}", str(up.sum()))
            threshold = threshold_at(self._chance(other[0]), self._is_positive(other[1]), self.specificity)
            return sensitivity_scores(self._chance(chances), up, threshold)
        rank = RANKED[self.measure]
        if self.positive:
            return rank(self._chance(chances), self._is_positive(true))[0]
        there = np.bincount(true, minlength=len(self.classes))
        ranked = [label for label, count in enumerate(there) if FEWEST <= count <= len(true) - FEWEST]
        if not ranked:
            expected = f"a class that {FEWEST} of them show and {FEWEST} do not, for {self.metric.name}"
            raise InputError("images", expected, "none")
        return np.mean([rank(chances[:, label], true == label)[0] for label in ranked], axis=0)

    def _chance(self, chances: np.ndarray) -> np.ndarray:
        """The probability of the positive classes together, (images,)."""
        return chances[:, [self.classes.index(name) for name in self.positive]].sum(axis=1)

    def _is_positive(self, true: np.ndarray) -> np.ndarray:
        return np.isin(true, [self.classes.index(name) for name in self.positive])


def title_of(measure: str, specificity: float) -> str:
    """A measure's name for people.

    >>> title_of("sensitivity", 0.95)
    'sensitivity at 95 % specificity'
    """
    titles = {
        "auroc": "AUROC",
        "average_precision": "average precision",
        "sensitivity": f"sensitivity at {100 * specificity:g} % specificity",
        "balanced_accuracy": "balanced accuracy",
    }
    return titles[measure]


def _positive(given: Given, measure: str) -> tuple[str, ...]:
    """The classes that are looked for, in the order of all."""
    named = {part.strip() for part in str(given.options.get("positive", "")).split(SEPARATOR) if part.strip()}
    unknown = sorted(named - set(given.classes))
    where = "task_options: positive"
    if unknown or (named and len(named) == len(given.classes)):
        expected = f"some but not all of the classes {', '.join(given.classes)}, joined by {SEPARATOR}"
        raise InputError(where, expected, ", ".join(unknown) or "all of them")
    if measure == "sensitivity" and not named:
        raise InputError(where, f"the classes that are looked for, of {', '.join(given.classes)}", "none", "name them")
    return tuple(name for name in given.classes if name in named)


def _read(run: Run) -> tuple[np.ndarray, np.ndarray]:
    return run.rows["probabilities"].astype(np.float64), np.asarray(run.targets)
