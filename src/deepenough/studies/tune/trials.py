"""A trial of a search: one contender trained on the search's own seed, held against the others at every rung.

It computes as a cell of a study does (same batches, same engine), so that what is searched for is what will be trained.
What it trained is read off the network, the optimiser and the batches in use, never off what was asked for.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from deepenough.data.streams import TrainingStream
from deepenough.evaluation import Outcomes, examine
from deepenough.networks.digests import structure_sha256
from deepenough.search.rungs import Judgement, judge
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.studies.design import design_of
from deepenough.studies.local import fresh_cell, save_in_time
from deepenough.studies.phases import phases_of
from deepenough.studies.planning import setting_of
from deepenough.tasks.tested import outline
from deepenough.training import Cell, Seeds, derive_seed, train_lockstep
from deepenough.training.recipe import learning_rate

SEEDS = Seeds.of(derive_seed("tune"))  # of every trial: the same batches, and none that a study's seeds draw
Scores = npt.NDArray[np.float64]


class Ended(Exception):  # noqa: N818  no error: the search goes on with the next trial
    """The trial was shown to be worse and is not trained to its end."""


@dataclass(slots=True, kw_only=True)
class Trial:
    """One contender on its way.

    Args:
        bench: laid out for it alone (`bench_for`).
        cell: as it stands.
        stream: of its batches.
        rungs: epochs after which it is held against others, ascending; the last are all.
        folder: where its state is saved.
        rivals: scores of the other trials at a rung, by number, at the moment of asking.
        told: what a rung said, with the scores; called before the trial goes on.
        judged: what each rung said, by its epochs.
    """

    bench: Bench
    cell: Cell
    stream: TrainingStream
    rungs: Sequence[int]
    folder: Path
    rivals: Callable[[int], Mapping[int, Scores]]
    told: Callable[[int, Judgement, Scores], None]
    judged: dict[int, Judgement] = field(default_factory=dict)
    saved_at: float = field(default_factory=time.monotonic)

    @property
    def resume(self) -> Path:
        """Where its state lies."""
        return self.folder / "resume.safetensors"

    def train(self) -> None:
        """Train it to its end, or to the rung that ends it."""
        if self.judged and not all(each.kept for each in self.judged.values()):
            return
        try:
            train_lockstep([self.cell], self.stream, self.bench.setting, self)
        except Ended:
            self.cell.status = "trained"

    def stepped(self, cell: Cell, *, loss: float, images_per_s: float) -> None:
        """See `training.engine.Watcher`."""
        steps = self.stream.total_steps
        self.bench.listener.trained(
            self.folder.name, step=cell.step, steps=steps, loss=loss, accuracy=None, images_per_s=images_per_s
        )
        self.bench.listener.advance(1)

    def halved(self, cell: Cell, images: int) -> None:
        """See `training.engine.Watcher`."""
        said = f"{self.folder.name}: out of memory; from step {cell.step + 1} on in parts of at most {images} images"
        self.bench.listener.note(said)

    def validate(self, cell: Cell) -> float | None:
        """At a rung: its scores, and whether it goes on."""
        epoch = round(self.stream.epochs_at(cell.step))
        if cell.status == "diverged" or epoch not in self.rungs or epoch in self.judged:
            return None
        scores = scores_of(self.bench, cell)
        early = max(1, len(self.rungs) - 1)
        judgement = judge(scores, self.rivals(epoch), rungs=early)
        if epoch == self.rungs[-1]:
            judgement = replace(judgement, kept=True)  # it is trained already
        self.judged[epoch] = judgement
        self.told(epoch, judgement, scores)
        return judgement.mean

    def lockstep(self, cells: Sequence[Cell]) -> None:
        """See `training.engine.Watcher`."""
        if any(not each.kept for each in self.judged.values()):
            raise Ended
        save_in_time(self.bench, self.saved_at, self.save)

    def save(self) -> None:
        """Keep its state, from which it goes on."""
        self.cell.save(self.resume)
        self.saved_at = time.monotonic()


def bench_for(bench: Bench, name: str, side: int) -> Bench:
    """The search's bench laid out for one contender at one image side."""
    study = bench.study.model_copy(update={"contenders": (name,), "train_scale": side, "scales": (side,)})
    design = design_of(study)
    setting = setting_of(study, bench.prepared, bench.setting.machine, design.recipe)
    return replace(bench, study=study, design=design, setting=replace(setting, recipes=design.recipes))


def begin_trial(bench: Bench, name: str, side: int, **parts: Any) -> Trial:  # noqa: ANN401  the rest of a Trial
    """A trial at its start, or where it was saved."""
    own = bench_for(bench, name, side)
    cell = fresh_cell(own, contender(name).trained, SEEDS)
    phase = phases_of(own, [cell], SEEDS)[0]
    trial = Trial(bench=own, cell=cell, stream=phase.stream, **parts)
    if trial.resume.is_file():
        cell.load(trial.resume)
    return trial


def scores_of(bench: Bench, cell: Cell) -> Scores:
    """Scores on validation at the training scale, in the order of the samples' ids."""
    scale, task = bench.design.train_scale, bench.setting.task
    with io.BytesIO() as stream:
        outcomes = Outcomes(stream, bench.shown(bench.val), [cell.contender], [scale], task)
        networks = {cell.contender: cell.tested_network}
        examine(networks, bench.val, outcomes, batches=bench.batches, exact=bench.study.exact)
        rows = pl.concat(list(outcomes.tables(cell.contender, seed=0)))
    return rows.sort("sample_id")["score"].cast(pl.Float64).to_numpy()


def proof(trial: Trial, name: str, side: int) -> dict[str, Any]:
    """The configuration that ran, with its digest `config_sha256`.

    Read off the network, the optimiser, the batches and the rates of every epoch in use, and held against what the
    contender's name says: a network built anew from it, and its factors of the study's recipe.

    Raises:
        RuntimeError: something else was trained than what was asked for.
    """
    cell, stream, design = trial.cell, trial.stream, trial.bench.design
    regime, base = contender(name).regime, design.recipe
    recipe = replace(
        base, learning_rate=regime.rate * base.learning_rate, weight_decay=regime.decay * base.weight_decay
    )
    schedule = {"steps_per_epoch": stream.steps_per_epoch, "total_steps": stream.total_steps}
    ran = {
        "structure_sha256": structure_sha256(cell.network),
        "sides": list(stream.sides),
        "steps": cell.step,
        "optimizer": type(cell.optimizer).__name__.lower(),
        "weight_decays": sorted({float(group["weight_decay"]) for group in cell.optimizer.param_groups}),
        "rates": {row["step"]: row["learning_rate"] for row in _whole_epochs(cell)},
        "augmentation": asdict(stream.augmentation),
    }
    asked = {
        **ran,
        "structure_sha256": structure_sha256(outline(trial.bench.setting.task, contender(name).network)),
        "sides": [side],
        "optimizer": recipe.optimizer,
        "weight_decays": sorted({0.0, recipe.weight_decay}),
        "rates": {step: learning_rate(recipe, step - 1, **schedule) for step in ran["rates"]},
        "augmentation": asdict(design.augmentation_of(name)),
    }
    wrong = [f"{key} {ran[key]} for {value}" for key, value in asked.items() if ran[key] != value]
    if wrong:
        raise RuntimeError(f"{trial.folder.name} trained something else than {name}: {'; '.join(wrong)}")
    fixed = {key: value for key, value in ran.items() if key not in ("steps", "rates")}
    fixed |= {"learning_rate": recipe.learning_rate, "total_steps": stream.total_steps, "batch": design.batch}
    digest = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()
    return {**fixed, "steps": cell.step, "config_sha256": digest}


def _whole_epochs(cell: Cell) -> list[dict[str, Any]]:
    """The rows of a history but that of the step at which it diverged, which was never taken."""
    return cell.history[:-1] if cell.status == "diverged" else cell.history
