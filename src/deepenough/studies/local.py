"""The local executor: trains and tests the cells of a seed in this process, and leaves each in its folder.

A cell's note is written last. What a kill leaves before that is taken up again: trained cells are not trained twice,
and a training goes on from the last saved step.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from deepenough.data import Prepared, TestPixels, TrainPixels
from deepenough.data.streams import TrainingStream
from deepenough.errors import RecordError
from deepenough.evaluation import evaluate
from deepenough.networks import build, load_weights, save_weights
from deepenough.records import HISTORY, SCORES, write_json, write_table
from deepenough.studies.design import Design
from deepenough.studies.environment import note_change
from deepenough.studies.listener import Listener
from deepenough.studies.plan import validates_at
from deepenough.studies.store import CellFolder, StudyFolder
from deepenough.studies.study import Study
from deepenough.training import Cell, Seeds, Setting, derive_seed, train_lockstep

SAVE_EVERY_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything that the cells of a study share: the study, its design, its pictures, the setting, the folder."""

    study: Study
    design: Design
    store: StudyFolder
    prepared: Prepared
    train: TrainPixels
    val: TestPixels
    test: TestPixels
    setting: Setting
    listener: Listener
    check_stop: Callable[[], None]  # raises Interrupted where the user asked to stop

    def labels(self, sample_ids: Sequence[str]) -> np.ndarray:
        """Class index of each sample, int64 (samples,)."""
        numbers = {name: index for index, name in enumerate(self.prepared.classes)}
        targets = dict(self.prepared.samples.select("sample_id", "target").iter_rows())
        return np.array([numbers[targets[sample]] for sample in sample_ids], dtype=np.int64)


def run_seed(bench: Bench, seed: int) -> None:
    """Train and test every contender of a seed that is not done yet."""
    run_together(bench, Seeds.of(seed), bench.design.scales)


def run_together(bench: Bench, seeds: Seeds, scales: Sequence[int]) -> None:
    """Train every contender that is not done yet with these seeds, all on the same batches, and test it at `scales`."""
    todo = [name for name in bench.design.contenders if not bench.store.cell(seeds.cell(name)).done]
    if not todo:
        return
    note_change(bench.store, bench.setting.machine)
    cells = [_begin(bench, name, seeds) for name in todo]
    stream = _stream(bench, seeds)
    done = sum(cell.step for cell in cells)
    bench.listener.stage(f"{seeds.title}: training", total=len(cells) * stream.total_steps, done=done)
    train_lockstep(cells, stream, bench.setting, _Keeper(bench, cells, stream))
    for cell in cells:
        folder = bench.store.cell(cell.name)
        if cell.step > 0:
            cell.save(folder.resume)  # a kill during the test then costs no training
    _test(bench, cells, seeds, scales, stream.total_steps)


@dataclass(slots=True)
class _Keeper:
    """Watches a training: validates, tells the listener, saves from time to time and on the way out."""

    bench: Bench
    cells: Sequence[Cell]
    stream: TrainingStream
    saved_at: float = field(default_factory=time.monotonic)
    accuracy: dict[str, float] = field(default_factory=dict)

    def stepped(self, cell: Cell, *, loss: float, images_per_s: float) -> None:
        latest = self.accuracy.get(cell.name)
        self.bench.listener.trained(
            cell.name,
            step=cell.step,
            steps=self.stream.total_steps,
            loss=loss,
            accuracy=latest,
            images_per_s=images_per_s,
        )
        self.bench.listener.advance(1)

    def validate(self, cell: Cell) -> float | None:
        bench, epoch = self.bench, cell.step // self.stream.steps_per_epoch
        if cell.status == "diverged" or not validates_at(epoch, bench.design.epochs):
            return None
        scores = _scores(bench, [cell], bench.val, cell.seed, [bench.design.train_scale])
        self.accuracy[cell.name] = float(scores["score"].mean())  # pyright: ignore[reportArgumentType]
        return self.accuracy[cell.name]

    def lockstep(self, cells: Sequence[Cell]) -> None:
        if time.monotonic() - self.saved_at >= SAVE_EVERY_S:
            self.save()
        try:
            self.bench.check_stop()
        except BaseException:
            self.save()
            raise

    def save(self) -> None:
        for cell in self.cells:
            cell.save(self.bench.store.cell(cell.name).resume)
        self.saved_at = time.monotonic()


def _begin(bench: Bench, contender: str, seeds: Seeds) -> Cell:
    """A cell at its start, or where it was saved."""
    task = bench.setting.task
    network = build(contender, task.outputs, seed=derive_seed(seeds.initialisation, "initialisation", contender))
    if contender in bench.study.weights:
        head_seed = derive_seed(seeds.initialisation, "head", contender)
        report = load_weights(network, Path(bench.study.weights[contender]), seed=head_seed)
        for note in report.notes if seeds == Seeds.of(0) else ():
            bench.listener.note(f"{contender}: {note}")
    cell = Cell.begin(contender, seeds, bench.setting.machine.place(network), bench.setting.recipe)
    resume = bench.store.cell(cell.name).resume
    if resume.is_file():
        try:
            cell.load(resume)
        except RecordError as error:
            bench.listener.note(f"{error}; {cell.name} trains from its start")
            resume.unlink()
            return _begin(bench, contender, seeds)
    return cell


def _stream(bench: Bench, seeds: Seeds) -> TrainingStream:
    design = bench.design
    return TrainingStream(
        bench.train,
        bench.labels(bench.train.sample_ids),
        design.augmentation,
        side=design.train_scale,
        batch=design.batch,
        epochs=design.epochs,
        seed=seeds.augmentation,
        order_seed=seeds.order,
        workers=bench.study.workers,
        classes=len(bench.prepared.classes),
    )


def _scores(bench: Bench, cells: Sequence[Cell], pixels: TestPixels, seed: int, scales: Sequence[int]) -> pl.DataFrame:
    return evaluate(
        {cell.contender: cell.tested_network for cell in cells},
        pixels,
        bench.labels(pixels.sample_ids),
        bench.prepared.classes,
        seed=seed,
        scales=scales,
        task=bench.setting.task,
        machine=bench.setting.machine,
        preprocessing=bench.setting.preprocessing,
    )


def _test(bench: Bench, cells: Sequence[Cell], seeds: Seeds, scales: Sequence[int], total_steps: int) -> None:
    """Test the networks in one pass over validation and one over test, and write each cell's folder."""
    bench.listener.stage(f"{seeds.title}: test at {', '.join(map(str, scales))} px")
    sound = [cell for cell in cells if cell.status == "trained"]
    started = time.monotonic()
    frames = {"validation": pl.DataFrame(), "test": pl.DataFrame()}
    if sound:
        frames = {
            "validation": _scores(bench, sound, bench.val, seeds.study, scales),
            "test": _scores(bench, sound, bench.test, seeds.study, scales),
        }
    evaluation_s = (time.monotonic() - started) / max(1, len(sound))
    for cell in cells:
        folder = bench.store.cell(cell.name)
        if cell.status == "trained":
            for name, path in (("validation", folder.validation), ("test", folder.test)):
                write_table(path, frames[name].filter(pl.col("contender") == cell.contender), SCORES)
        else:
            bench.listener.note(f"{cell.name} diverged at step {cell.step}: kept in the record, not in the verdict")
        _finish(cell, folder, total_steps, evaluation_s)


def _finish(cell: Cell, folder: CellFolder, total_steps: int, evaluation_s: float) -> None:
    write_table(folder.history, pl.DataFrame(cell.history, schema_overrides=HISTORY, infer_schema_length=None), HISTORY)
    save_weights(cell.tested_network, folder.weights, {"contender": cell.contender, "seed": str(cell.seed)})
    note = {
        "contender": cell.contender,
        "seed": cell.seed,
        "status": cell.status,
        "steps": cell.step,
        "total_steps": total_steps,
        "training_s": cell.elapsed_s,
        "evaluation_s": evaluation_s,
        "weights_sha256": hashlib.sha256(folder.weights.read_bytes()).hexdigest(),
    }
    if cell.seeds.varied is not None:
        note |= {"source": cell.seeds.varied[0], "run": cell.seeds.varied[1]}
    write_json(folder.note, note)
    folder.resume.unlink(missing_ok=True)
