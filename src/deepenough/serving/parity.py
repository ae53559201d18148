"""An exported model held against the network that it was made from, picture by picture, from the raw files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from deepenough.comparison.noninferior import NoWorse, no_worse
from deepenough.errors import SourceError
from deepenough.serving.pictures import Found
from deepenough.serving.predicting import Model, Seen, batches

TIE = 1e-4  # two classes whose probabilities differ by less are one to float arithmetic in another order


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of a study, and what the study knows of it."""

    found: Found
    sample_id: str
    target: str
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How the labels of an exported model stand to torch's in fp32, and to those that the study recorded.

    Args:
        images: of the test split, all of them.
        equal: labels as torch in fp32 gives them on the same weights and pictures.
        ties: of the others, those where torch's two greatest probabilities are within `TIE`.
        differing: paths of the others, the first 20.
        largest: greatest difference of a probability.
        recorded: labels as the study recorded them.
        torch_recorded: the same of torch in fp32, which may differ where the study computed in bf16.
        accuracy: of the exported model, in [0, 1].
        torch_accuracy: of torch in fp32.
        recorded_accuracy: of the study's record.
    """

    images: int
    equal: int
    ties: int
    differing: list[str]
    largest: float
    recorded: int
    torch_recorded: int
    accuracy: float
    torch_accuracy: float
    recorded_accuracy: float

    @property
    def proven(self) -> bool:
        """Whether every label is torch's, ties aside."""
        return self.equal + self.ties == self.images


@dataclass(slots=True)
class _Outcomes:
    """Labels on every test picture, in its order, and what else parity needs of each."""

    torch: list[int] = field(default_factory=list)
    model: list[int] = field(default_factory=list)
    tied: list[bool] = field(default_factory=list)
    largest: float = 0.0

    def add(self, torch: tuple[np.ndarray, np.ndarray], model: tuple[np.ndarray, np.ndarray]) -> None:
        self.torch += torch[1].tolist()
        self.model += model[1].tolist()
        first, second = np.sort(torch[0], axis=1)[:, -2:].T[::-1]
        self.tied += (first - second < TIE).tolist()
        self.largest = max(self.largest, float(np.abs(torch[0] - model[0]).max()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What came of it: the labels against each other, and for int8 whether it is no worse than fp32."""

    parity: Parity
    no_worse: NoWorse | None


def hold(
    model: Model,
    torch: Model,
    samples: Sequence[Sample],
    recorded: Mapping[str, str],
    *,
    margin: float | None = None,
    workers: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Held:
    """Ask both about every test picture, from its file.

    Args:
        model: the exported one, opened as anybody would.
        torch: the network it was made from, in fp32.
        samples: the test split.
        recorded: the study's own predictions by sample id.
        margin: points of accuracy; where given, whether the model is no worse than torch is estimated.
        workers: threads that decode.
        progress: told how many pictures were done since it was last told.

    Raises:
        SourceError: a picture is not the one that the study tested.
    """
    outcomes, place = _Outcomes(), 0
    for seen in batches((sample.found for sample in samples), model.about, workers=workers):
        squares = [
            np.stack(column)
            for column in zip(*map(require_same, seen, samples[place : place + len(seen)]), strict=True)
        ]
        outcomes.add(torch(squares), model(squares))
        place += len(seen)
        if progress is not None:
            progress(len(seen))
    names = np.array(model.about.classes, dtype=object)
    answers = {"torch": names[outcomes.torch], "model": names[outcomes.model]}
    targets = np.array([sample.target for sample in samples], dtype=object)
    known = np.array([recorded[sample.sample_id] for sample in samples], dtype=object)
    equal = answers["torch"] == answers["model"]
    tied = np.array(outcomes.tied)
    differing = [sample.found.path for sample, bad in zip(samples, ~equal & ~tied, strict=True) if bad]
    parity = Parity(
        images=len(samples),
        equal=int(equal.sum()),
        ties=int((~equal & tied).sum()),
        differing=differing[:20],
        largest=outcomes.largest,
        recorded=int((answers["model"] == known).sum()),
        torch_recorded=int((answers["torch"] == known).sum()),
        accuracy=float((answers["model"] == targets).mean()),
        torch_accuracy=float((answers["torch"] == targets).mean()),
        recorded_accuracy=float((known == targets).mean()),
    )
    if margin is None:
        return Held(parity=parity, no_worse=None)
    frames = {name: _scores(samples, answer, targets) for name, answer in answers.items()}
    groups = {sample.sample_id: sample.group for sample in samples}
    known_groups = groups if any(group is not None for group in groups.values()) else None
    return Held(parity=parity, no_worse=no_worse(frames["torch"], frames["model"], margin=margin, groups=known_groups))


def require_same(seen: Seen, sample: Sample) -> list[np.ndarray]:
    """The squares of a picture, provided that its file is still the one that the study saw.

    Raises:
        SourceError: it is not.
    """
    if seen.squares is None or seen.sample_id != sample.sample_id:
        expected, got = (
            "the picture that the study saw",
            f"{seen.error}: {seen.detail}" if seen.error else "other bytes",
        )
        raise SourceError(seen.path, expected, got, "put it back, or name the place of the pictures with --source")
    return seen.squares


def _scores(samples: Sequence[Sample], answers: np.ndarray, targets: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "seed": 0,
            "sample_id": [sample.sample_id for sample in samples],
            "score": (answers == targets).astype(np.float64),
            "prediction": answers.tolist(),
            "target": targets.tolist(),
        }
    )
