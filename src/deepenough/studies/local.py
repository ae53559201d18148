"""The local executor: trains and tests the cells of a seed in this process, and leaves each in its folder.

A cell's note is written last. What a kill leaves before that is taken up again: trained cells are not trained twice,
and a training goes on from the last saved step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from torch import nn

from deepenough.data.streams import TrainingStream
from deepenough.errors import RecordError, StudyError
from deepenough.networks import save_weights
from deepenough.networks.digests import tensors_sha256
from deepenough.records import HISTORY, write_json, write_table
from deepenough.studies.assembling import assemble, assemble_from
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.studies.kinship import give_teachers
from deepenough.studies.phases import Phase, phases_of
from deepenough.studies.plan import validates_at
from deepenough.studies.starting import file_of, preparation_note, start_of
from deepenough.studies.store import CellFolder
from deepenough.studies.testing import accuracy_of, rounding, rounds, test_on
from deepenough.studies.tuning import begin_tuning, tuning_setting, tuning_stream
from deepenough.studies.whole import sha256_of
from deepenough.training import Cell, Seeds, derive_seed, train_lockstep

SAVE_EVERY_S = 120.0


def run_together(bench: Bench, seeds: Seeds, scales: Sequence[int], *, only: Collection[str] | None = None) -> None:
    """Train every contender that is not done yet with these seeds, on the same batches, and test it at `scales`.

    Contenders of one schedule take each step together. What others are made or taught from is trained first and noted
    last, so that it is there for as long as any of them is not done. `only` leaves all others out, None leaves out
    none. Where several ranks do it together, the first alone writes.
    """
    lines = bench.design.lineage
    asked = [name for name in lines.last_first if only is None or name in only]
    todo = [name for name in asked if not bench.store.cell(seeds.cell(name)).done]
    if not todo:
        return
    cells = {name: _begin(bench, name, seeds) for name in lines.trained if _needed(name, todo)}
    _require_alike(bench, cells)
    phases = phases_of(bench, list(cells.values()), seeds)
    tunings = [name for name in lines.tuned if _needed(name, todo)]
    extra = {name: tuning_stream(bench, name, seeds) for name in tunings}
    steps = sum(len(phase.cells) * phase.stream.total_steps for phase in phases)
    steps += sum(stream.total_steps for stream in extra.values())
    bench.listener.stage(f"{seeds.title}: training", total=steps, done=sum(cell.step for cell in cells.values()))
    for phase in phases:
        give_teachers(phase.cells, cells)
        _train(bench, phase)
    for name, stream in extra.items():
        base = cells[contender(name).trained]
        cells[name] = _resumed(bench, lambda name=name, base=base: begin_tuning(bench, name, base, seeds))
        _require_alike(bench, {name: cells[name]})
        bench.listener.advance(cells[name].step)
        _train(bench, Phase([cells[name]], stream, tuning_setting(bench, name)))
    _test(bench, {name: cells[contender(name).tested] for name in todo}, seeds, scales)


def _needed(name: str, todo: Sequence[str]) -> bool:
    """Whether the cell, done or not, is one of `todo` or what one of them is made or taught from."""
    found = [contender(other) for other in todo]
    return any(name in (each.name, each.tested, each.trained, each.root) for each in found)


def _require_alike(bench: Bench, cells: Mapping[str, Cell]) -> None:
    """Refuse to go on where ranks found other states; when this returns, all of them have looked at the folder."""
    ranks, stand = bench.setting.ranks, {name: (cell.step, cell.status) for name, cell in cells.items()}
    if ranks.summed(float(ranks.told(stand) != stand))[0]:
        where, expected = str(bench.store.root), "a folder that every rank sees as it is"
        ranks.agree(StudyError(where, expected, "other saved states on other ranks", "put it on shared storage"))


def _train(bench: Bench, phase: Phase) -> None:
    train_lockstep(phase.cells, phase.stream, phase.setting, _Keeper(bench, phase.cells, phase.stream))
    for cell in phase.cells:
        if cell.step > 0 and bench.setting.ranks.first:
            cell.save(bench.store.cell(cell.name).resume)  # a kill before the end of the tests then costs no training


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

    def halved(self, cell: Cell, images: int) -> None:
        self.bench.listener.note(
            f"{cell.name}: out of memory; from step {cell.step + 1} on each batch is taken in {cell.parts} parts of at "
            f"most {images} images, their gradients added up; batch norm sees one part at a time"
        )
        cell.save(
            self.bench.store.cell(cell.name).resume
        )  # at once, so that a killed training goes on in the same parts

    def validate(self, cell: Cell) -> float | None:
        bench, epoch = self.bench, round(self.stream.epochs_at(cell.step))
        if cell.status == "diverged" or not validates_at(epoch, self.stream.epochs):
            return None
        self.accuracy[cell.name] = accuracy_of(bench, cell)
        return self.accuracy[cell.name]

    def lockstep(self, cells: Sequence[Cell]) -> None:
        save_in_time(self.bench, self.saved_at, self.save)

    def save(self) -> None:
        for cell in self.cells if self.bench.setting.ranks.first else ():
            cell.save(self.bench.store.cell(cell.name).resume)
        self.saved_at = time.monotonic()


def _begin(bench: Bench, name: str, seeds: Seeds) -> Cell:
    """A cell at its start, or where it was saved."""
    return _resumed(bench, lambda: fresh_cell(bench, name, seeds))


def fresh_cell(bench: Bench, name: str, seeds: Seeds) -> Cell:
    """A cell before its first step, on the machine."""
    network = starting_network(bench, name, seeds)
    cell = Cell.begin(name, seeds, bench.setting.machine.place(network), bench.setting.recipe_of(name))
    if (bench.study.parts or 1) > 1:
        cell.halvings = [{"step": 0, "parts": bench.study.parts or 1}]
    return cell


def starting_network(bench: Bench, name: str, seeds: Seeds) -> nn.Module:
    """A contender before training, on the CPU: from its starting weights, or fresh where it has none."""
    task, network_name = bench.setting.task, contender(name).network
    seed = derive_seed(seeds.initialisation, "initialisation", name)
    origin = start_of(bench.study, name)
    if origin is None:
        return assemble(task, network_name, seed=seed)
    path = file_of(name, origin, bench.listener.note)
    head_seed = derive_seed(seeds.initialisation, "head", name)
    network, report = assemble_from(task, network_name, path, seed=seed, head_seed=head_seed)
    for note in report.notes if seeds == Seeds.of(0) else ():
        bench.listener.note(f"{name}: {note}")
    return network


def _resumed(bench: Bench, begin: Callable[[], Cell]) -> Cell:
    """A cell that `begin` makes, taken to where it was saved if it was."""
    cell = begin()
    resume = bench.store.cell(cell.name).resume
    if resume.is_file():
        try:
            cell.load(resume)
        except RecordError as error:
            bench.listener.note(f"{error}; {cell.name} trains from its start")
            resume.unlink(missing_ok=True)
            return begin()
    return cell


def _test(bench: Bench, cells: Mapping[str, Cell], seeds: Seeds, scales: Sequence[int]) -> None:
    """Test the networks in one pass over validation and one over test, and write each cell's folder.

    Args:
        bench: of the study.
        cells: by the name under which each is tested, in the order in which the folders are to be finished.
        seeds: of the cells.
        scales: image sides in pixels.
    """
    sides = f"at {', '.join(map(str, scales))} px"
    sound = [name for name, cell in cells.items() if cell.status == "trained" and name in bench.design.contenders]
    started = time.monotonic()
    if sound:
        test_on(
            bench, bench.tested, {name: cells[name] for name in sound}, seeds, scales, f"{seeds.title}: {{}} {sides}"
        )
    if not bench.setting.ranks.first:
        return
    rounded: dict[str, dict[str, Any]] = {}
    if sound and seeds == Seeds.of(0) and rounds(bench):
        bench.listener.stage(f"{seeds.title}: {bench.setting.machine.precision} held against fp32 {sides}")
        rounded = rounding(bench, {name: cells[name] for name in sound}, scales)
    evaluation_s = (time.monotonic() - started) / max(1, len(sound))
    for name, cell in cells.items():
        if name not in sound and cell.status == "diverged" and name == cell.contender:
            bench.listener.note(f"{cell.name} diverged at step {cell.step}: kept in the record, not in the verdict")
        folder = bench.store.cell(seeds.cell(name))
        against = {"against_fp32": rounded[name]} if name in rounded else {}
        _finish(bench, name, cell, folder, {"evaluation_s": evaluation_s if name in sound else 0.0, **against})


def _finish(bench: Bench, name: str, cell: Cell, folder: CellFolder, tested: Mapping[str, Any]) -> None:
    """Write the rest of a cell's folder, its note last.

    A name that is only tested otherwise has the training of the cell that it shares, and no training time of its own.
    """
    write_table(folder.history, pl.DataFrame(cell.history, schema_overrides=HISTORY, infer_schema_length=None), HISTORY)
    note: dict[str, Any] = {
        "contender": name,
        "seed": cell.seed,
        "status": cell.status,
        "steps": cell.step,
        "total_steps": cell.total_steps,
        "training_s": cell.elapsed_s if name == cell.contender else 0.0,
        **tested,
    }
    note["learning_rate"] = bench.setting.recipe_of(contender(name).trained).learning_rate
    if bench.setting.ranks.several:
        note |= {"processes": bench.setting.ranks.size, "batch_norm": bench.study.batch_norm}
    if cell.halvings:
        note["halvings"] = cell.halvings
    made_from = contender(name).trained if name == cell.contender else cell.contender
    if made_from != name:
        note["made_from"] = made_from
    if cell.seeds.varied is not None:
        note |= {"source": cell.seeds.varied[0], "run": cell.seeds.varied[1]}
    write_cell(bench, folder, cell.tested_network, note)
    folder.resume.unlink(missing_ok=True)


def write_cell(bench: Bench, folder: CellFolder, network: nn.Module, note: Mapping[str, Any]) -> None:
    """Write the weights that were tested and, last of all, the cell's note with their checksums."""
    said = {name: str(note[name]) for name in ("contender", "seed")}
    said |= preparation_note(bench.setting.preprocessing, bench.design.train_scale)
    save_weights(network, folder.weights, said)
    digest = tensors_sha256(network.state_dict())
    checksums = {"weights_sha256": sha256_of(folder.weights), "tensors_sha256": digest}
    write_json(folder.note, {**note, **checksums})
    bench.listener.finished(folder.root.name, folder.root)


def save_in_time(bench: Bench, saved_at: float, save: Callable[[], None]) -> None:
    """Between two steps: save where the last time lies far enough back, and before any stop that was asked for.

    Args:
        bench: knows of stops.
        saved_at: when it was saved last, by `time.monotonic`.
        save: keeps what training goes on from.
    """
    if time.monotonic() - saved_at >= SAVE_EVERY_S:
        save()
    try:
        bench.check_stop()
    except BaseException:
        save()
        raise
