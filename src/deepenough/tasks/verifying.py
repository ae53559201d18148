"""What verification pairs are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepenough.errors import InputError
from deepenough.stats.linearise import auroc_scores, balanced_accuracy_scores
from deepenough.stats.verifying import best_threshold, tar_at_far_scores
from deepenough.tasks.contract import Metric
from deepenough.tasks.options import number, one_of

FOLDS = 10
FEWEST_ACCEPTED = 10  # impostor pairs that a false accept rate must let through, as in `stats.weighted`
FAR = (1e-1, 1e-2, 1e-3)
_TITLES = {
    "auc": "AUC",
    "accuracy": "pair accuracy",
    "fold_accuracy": "pair accuracy by ten folds",
    "tar_at_far": "TAR at FAR",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric of pairs.

    Args:
        kind: `auc`, `accuracy` (the mean of both kinds' shares of right answers, at validation's threshold),
            `fold_accuracy` (the same, each tenth of the pairs at the threshold that is best on the other nine, as G. B.
            Huang et al., "Labeled Faces in the Wild", 2007, section III, has it) or `tar_at_far`.
        far: false accept rate of `tar_at_far`.
    """

    kind: str = "auc"
    far: float = FAR[0]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Measure:
        """From the options `metric` and `far`."""
        kind = one_of(options, "metric", "auc", tuple(_TITLES))
        if "far" in options and kind != "tar_at_far":
            raise InputError("task_options: far", "metric tar_at_far beside it", f"metric {kind}")
        return cls(kind, number(options, "far", FAR[0], above=0.0, below=1.0))

    @property
    def metric(self) -> Metric:
        """By its name for people."""
        far = f" {self.far:g}" if self.kind == "tar_at_far" else ""
        return Metric(
            name=_TITLES[self.kind] + far, unit="points", multiplier=100.0, lowest=0.0, highest=1.0, alone=False
        )

    def told_by(self, impostors: int) -> bool:
        """Whether so many impostor pairs can tell it."""
        return self.kind != "tar_at_far" or self.far * impostors >= FEWEST_ACCEPTED

    def require(self, split: str, impostors: int) -> None:
        """Refuse what so many impostor pairs of a split cannot tell; on validation a scale is chosen by it too.

        Raises:
            InputError: fewer than 10 of them would be accepted.
        """
        if not self.told_by(impostors):
            least = int(np.ceil(FEWEST_ACCEPTED / self.far - 1e-9))
            expected = f"at least {least:,} impostor pairs for FAR {self.far:g}, so that {FEWEST_ACCEPTED} are accepted"
            remedy = "ask for a higher FAR or for all pairs, or add people or pictures to it"
            raise InputError(f"source, split {split}", expected, f"{impostors:,}", remedy)

    def scores(self, similarity: np.ndarray, genuine: np.ndarray, threshold: float | None) -> np.ndarray:
        """One value a pair, (pairs,), of mean the metric.

        Args:
            similarity: of each pair.
            genuine: whether it is of one identity.
            threshold: of validation; None on validation itself, where each of ten folds takes that of the others.
        """
        if self.kind == "auc":
            return auroc_scores(similarity, genuine)[0]
        if self.kind in ("accuracy", "fold_accuracy"):
            in_folds = threshold is None or self.kind == "fold_accuracy"
            accepted = _by_folds(similarity, genuine) if in_folds else similarity > threshold
            return balanced_accuracy_scores(accepted.astype(np.int64), genuine.astype(np.int64))[0]
        return tar_at_far_scores(similarity, genuine, self.far)[0]


MEASURES = (*map(Measure, ("auc", "accuracy", "fold_accuracy")), *(Measure("tar_at_far", far) for far in FAR))


def threshold_of(similarity: np.ndarray, genuine: np.ndarray) -> float:
    """The threshold that is best on these pairs."""
    return best_threshold(similarity, genuine)


def _by_folds(similarity: np.ndarray, genuine: np.ndarray) -> np.ndarray:
    """Which pairs are accepted, each fold at the threshold that is best on the others; both kinds are dealt evenly."""
    fold = np.empty(len(genuine), np.int64)
    for kind in (genuine, ~genuine):
        fold[kind] = np.arange(kind.sum()) % min(FOLDS, int(kind.sum()))
    accepted = np.zeros(len(genuine), bool)
    for number_ in range(FOLDS):
        here = fold == number_
        if here.any():
            accepted[here] = similarity[here] > best_threshold(similarity[~here], genuine[~here])
    return accepted
