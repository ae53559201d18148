"""An exported model held against the network that it was made from, picture by picture, from the raw files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import torch

from deepenough.comparison.noninferior import NoWorse, no_worse
from deepenough.errors import SourceError
from deepenough.serving.pictures import Found
from deepenough.serving.predicting import Model, Seen, batches
from deepenough.tasks.answering import Answers, Arrays, Decided
from deepenough.tasks.contract import Task
from deepenough.tasks.pairs import PLACES
from deepenough.tasks.values import Run, Targets

TIE = 1e-4  # what is nearer than this to another decision is one with it to float arithmetic in another order


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of a study, and what the study knows of it."""

    found: Found
    sample_id: str
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a study knows of its test, to hold answers against.

    Args:
        task: of the study.
        rows: `records.SAMPLES` with further columns, of the test pictures in their order.
        recorded: the study's own predictions by sample id; None where its task makes none.
        score: mean of its own scores.
        reference: the same network on validation; None where the study keeps no rows of it.
    """

    task: Task
    rows: pl.DataFrame
    recorded: Mapping[str, str | None]
    score: float
    reference: Run | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How the answers of an exported model stand to torch's in fp32, and to those that the study recorded.

    Args:
        images: of the test split, all of them.
        samples: that they make: images, or pairs of them.
        decides: what is counted, for people: labels, decisions on pairs, ...
        equal: samples decided as torch in fp32 decides them on the same weights and pictures.
        ties: of the others, those where torch's own values are within `TIE` of the other decision.
        differing: paths or ids of the others, the first 20.
        largest: greatest difference of what the model gives.
        measured: of what that is, for people.
        recorded: predictions as the study recorded them; None where its task makes none.
        torch_recorded: the same of torch in fp32, which may differ where the study computed in bf16.
        metric: of the study.
        unit: of the values.
        value: of the exported model, as shown.
        torch_value: of torch in fp32.
        recorded_value: of the study's record.
    """

    images: int
    samples: int
    decides: str
    equal: int
    ties: int
    differing: list[str]
    largest: float
    measured: str
    recorded: int | None
    torch_recorded: int | None
    metric: str
    unit: str
    value: float
    torch_value: float
    recorded_value: float

    @property
    def proven(self) -> bool:
        """Whether every decision is torch's, ties aside."""
        return self.equal + self.ties == self.samples


@dataclass(slots=True)
class _Outcomes:
    """What both say of every test picture, in its order, as far as parity needs it."""

    answers: Answers
    pairs: np.ndarray | None  # places of the pictures of each sample, where a sample is a pair
    rows: dict[str, list[np.ndarray]] = field(default_factory=lambda: {"torch": [], "model": []})
    held: dict[str, list[np.ndarray]] = field(default_factory=lambda: {"torch": [], "model": []})
    equal: list[bool] = field(default_factory=list)
    tied: list[bool] = field(default_factory=list)
    largest: float = 0.0

    def add(self, said: Mapping[str, Arrays], rows: Mapping[str, np.ndarray]) -> None:
        self.largest = max(self.largest, float(np.abs(said["torch"][0] - said["model"][0]).max()))
        for name, found in rows.items():
            self.rows[name].append(found)
        if self.pairs is None:
            self._hold(*(self.answers.decided(said[name]) for name in ("torch", "model")))
            return
        for name, arrays in said.items():
            self.held[name].append(arrays[0])

    def close(self) -> None:
        """Decide what is decided on pairs, now that all pictures were asked about."""
        if self.pairs is not None:
            both = (np.concatenate(self.held[name]) for name in ("torch", "model"))
            self._hold(*(self.answers.decided((vectors,), self.pairs) for vectors in both))

    def _hold(self, torch: Decided, model: Decided) -> None:
        same = (torch.choices == model.choices).reshape(len(torch.choices), -1)
        near = torch.room.reshape(same.shape) < TIE
        self.equal += same.all(axis=1).tolist()
        self.tied += ((same | near).all(axis=1) & ~same.all(axis=1)).tolist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What came of it: the labels against each other, and for int8 whether it is no worse than fp32."""

    parity: Parity
    no_worse: NoWorse | None


def hold(
    model: Model,
    reference: Model,
    samples: Sequence[Sample],
    known: Known,
    *,
    margin: float | None = None,
    workers: int = 0,
) -> Held:
    """Ask both about every test picture, from its file.

    Args:
        model: the exported one, opened as anybody would.
        reference: the network it was made from, in fp32, run by torch.
        samples: the test split.
        known: of it.
        margin: points of accuracy; where given, whether the model is no worse than torch is estimated.
        workers: threads that decode.

    Raises:
        SourceError: a picture is not the one that the study tested.
    """
    units, answers = known.task.units(known.rows), model.about.answers()
    outcomes = _Outcomes(answers, None if units is None else units[PLACES].to_numpy())
    targets, place, models = known.task.targets(known.rows), 0, {"torch": reference, "model": model}
    for seen in batches((sample.found for sample in samples), model.about, workers=workers):
        own = samples[place : place + len(seen)]
        squares = [np.stack(column) for column in zip(*map(require_same, seen, own), strict=True)]
        shown = [known.task.inputs(each, [sample.sample_id for sample in own]) for each in squares]
        said = {name: each(shown) for name, each in models.items()}
        part = targets[place : place + len(seen)]
        outcomes.add(said, {name: _rows(known.task, found, part, squares, shown) for name, found in said.items()})
        place += len(seen)
    outcomes.close()
    judged = {
        name: known.task.judged(Run(np.concatenate(rows), targets, units), known.reference)
        for name, rows in outcomes.rows.items()
    }
    ids = [sample.sample_id for sample in samples] if units is None else units["sample_id"].to_list()
    parity = _parity(outcomes, judged, ids, known, samples)
    if margin is None:
        return Held(parity=parity, no_worse=None)
    frames = {name: _scores(ids, frame) for name, frame in judged.items()}
    groups = {sample.sample_id: sample.group for sample in samples}
    known_groups = groups if any(group is not None for group in groups.values()) else None
    return Held(parity=parity, no_worse=no_worse(frames["torch"], frames["model"], margin=margin, groups=known_groups))


def _rows(
    task: Task, said: Arrays, targets: Targets, squares: Sequence[np.ndarray], shown: Sequence[np.ndarray]
) -> np.ndarray:
    """What a study would keep of these pictures."""
    outputs = task.outputs_of([torch.from_numpy(np.array(each)) for each in said])
    return task.outcomes(task.completed(outputs, shown[0]), targets, squares[0])


def _parity(
    outcomes: _Outcomes,
    judged: Mapping[str, pl.DataFrame],
    ids: Sequence[str],
    known: Known,
    samples: Sequence[Sample],
) -> Parity:
    metric, answers = known.task.metric, outcomes.answers
    names = [sample.found.path for sample in samples] if outcomes.pairs is None else list(ids)
    bad = ~(np.array(outcomes.equal) | np.array(outcomes.tied))
    recorded = [known.recorded[each] for each in ids]
    predicts = any(each is not None for each in recorded)
    as_recorded = {
        name: sum(a == b for a, b in zip(frame["prediction"], recorded, strict=True)) if predicts else None
        for name, frame in judged.items()
    }
    means = {name: float(frame["score"].to_numpy().mean()) * metric.multiplier for name, frame in judged.items()}
    return Parity(
        images=len(samples),
        samples=len(ids),
        decides=answers.decides,
        equal=sum(outcomes.equal),
        ties=sum(outcomes.tied),
        differing=[name for name, differs in zip(names, bad, strict=True) if differs][:20],
        largest=outcomes.largest,
        measured=answers.measured,
        recorded=as_recorded["model"],
        torch_recorded=as_recorded["torch"],
        metric=metric.name,
        unit=metric.unit,
        value=means["model"],
        torch_value=means["torch"],
        recorded_value=known.score * metric.multiplier,
    )


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


def _scores(ids: Sequence[str], judged: pl.DataFrame) -> pl.DataFrame:
    """Whether each prediction is right, whatever the study was decided by."""
    right = (judged["prediction"] == judged["target"]).cast(pl.Float64)
    return judged.select("prediction", "target", seed=0, sample_id=pl.Series(ids, dtype=pl.String), score=right)
