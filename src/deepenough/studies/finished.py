"""A finished study opened again: its records, its trained networks and its pictures, for what is asked afterwards.

Nothing is checked twice: the pictures are those of samples.parquet, from the study's own cache where it is still there,
else from the files, each of which must still hold the bytes that the study saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import torch
from torch import nn

from deepenough.data import Entry, Prepared, TestPixels, build_test_pixels, open_source
from deepenough.data.readings import READINGS
from deepenough.data.threads import Progress
from deepenough.errors import InputError, RecordError, SourceError, StudyError
from deepenough.evaluation import Batches, Shown
from deepenough.evaluation.outcomes import kept_fields, rows_of
from deepenough.machine import choose_machine
from deepenough.records import (
    OUTCOMES,
    QUARANTINE,
    SAMPLES,
    SCORES,
    Verdict,
    audit_from_json,
    read_json,
    read_table,
    verdict_from_json,
)
from deepenough.studies.contenders import contender
from deepenough.studies.design import Design, design_of
from deepenough.studies.planning import setting_of
from deepenough.studies.store import StudyFolder
from deepenough.studies.study import Study
from deepenough.studies.whole import sha256_of, stored_study
from deepenough.tasks.contract import Run
from deepenough.tasks.registry import entry
from deepenough.tasks.tested import tested_network
from deepenough.training import Setting, cell_name


class _Entries(dict[str, Entry]):
    """The files of a study's samples; the source is opened when the first of them is asked for."""

    def __init__(self, study: Study, samples: pl.DataFrame, source: str | None) -> None:
        super().__init__()
        self._study, self._source = study, source or study.source
        self._paths = dict(samples.select("sample_id", "path").iter_rows())
        self._found: dict[str, Entry] | None = None

    def __missing__(self, sample_id: str) -> Entry:
        remedy = "name the place where the pictures are now: --source"
        if self._found is None:
            try:
                reads = entry(self._study.task).reads
                opened = open_source(self._source, allow_outside=self._study.allow_outside, reads=reads)
            except SourceError as error:
                raise SourceError(error.where, f"the study's pictures ({error.expected})", error.got, remedy) from None
            self._found = {entry.path: entry for entry in opened.entries}
        path = self._paths[sample_id]
        if path not in self._found:
            raise SourceError(self._source, f"the study's picture {path}", "no such file", remedy)
        return self._found[path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A finished study, ready to answer further questions."""

    store: StudyFolder
    study: Study
    design: Design
    verdict: Verdict
    prepared: Prepared
    setting: Setting

    @property
    def samples(self) -> pl.DataFrame:
        """The table of its samples."""
        return self.prepared.samples

    @property
    def batches(self) -> Batches:
        """How networks are shown pictures at test."""
        return Batches(self.setting.machine, self.setting.preprocessing)

    def scores(self, split: str) -> pl.DataFrame:
        """`records.SCORES` of `test` or `validation`."""
        return read_table(self.store.scores if split == "test" else self.store.validation, SCORES)

    def pixels(self, split: str, progress: Progress | None = None, *, scales: Sequence[int] = ()) -> TestPixels:
        """The exact squares of a split (`train`, `val`, `test`) at every side of the study, and at further scales.

        Raises:
            SourceError: they are in no cache, and the pictures are not where they were or have changed.
        """
        return build_test_pixels(
            self.prepared,
            split,
            self.store.cache,
            scales=sorted({*self.design.sides, *scales}),
            preprocessing=self.setting.preprocessing,
            workers=self.setting.machine.threads,
            progress=progress,
        )

    def pictures(self, sample_ids: Sequence[str]) -> pl.DataFrame:
        """The rows of samples.parquet of these pictures, in their order."""
        asked = pl.DataFrame({"sample_id": sample_ids}, schema={"sample_id": pl.String})
        return asked.join(self.samples.unique("sample_id"), on="sample_id", how="left", maintain_order="left")

    def shown(self, sample_ids: Sequence[str]) -> Shown:
        """These pictures with their targets."""
        rows, task = self.pictures(sample_ids), self.setting.task
        return Shown(sample_ids=sample_ids, targets=task.targets(rows), units=task.units(rows))

    def validated(self, name: str, seed: int, scale: int) -> Run | None:
        """What a network said of validation at a scale; None where the task keeps no rows of it.

        Raises:
            RecordError: it keeps them, and they are not there.
        """
        row = self.setting.task.row
        if not kept_fields(row):
            return None
        path = self.store.cell(cell_name(name, seed)).outcomes("validation")
        if not path.is_file():
            raise RecordError(str(path), "what the network said of validation", "no such file", "run the study again")
        kept = read_table(path, OUTCOMES).filter(scale=scale)
        return self.shown(kept["sample_id"].to_list()).run(rows_of(kept, row))

    def network(self, name: str, seed: int) -> nn.Module:
        """A trained network as it was tested, placed on the machine, in evaluation mode.

        Raises:
            RecordError: its weights are not there, or not the ones that were tested.
        """
        network = tested_network(self.setting.task, contender(name).network, self.weights(name, seed))
        return self.setting.machine.place(network).eval()

    def weights(self, name: str, seed: int) -> Path:
        """The file of a cell's weights.

        Raises:
            RecordError: it is not there, or not the one that was tested.
        """
        cell = self.store.cell(cell_name(name, seed))
        remedy = "run the command that began the study again"
        if not cell.weights.is_file():
            raise RecordError(str(cell.weights), "the weights that were tested", "no such file", remedy)
        if read_json(cell.note)["weights_sha256"] != sha256_of(cell.weights):
            raise RecordError(str(cell.weights), "the weights that were tested", "others: the checksum differs", remedy)
        return cell.weights


def open_finished(folder: Path, *, source: str | None = None, threads: int | None = None) -> Finished:
    """Open the folder of a finished study.

    Args:
        folder: holds verdict.json, study.yaml, samples.parquet and the cells.
        source: where the pictures are now, if not where they were.
        threads: of torch; as in the study where None.

    Raises:
        InputError: (of its kinds) it is not the folder of a finished study, or a record is torn.
    """
    store = StudyFolder(folder)
    if not store.verdict.is_file() or not store.study.is_file():
        got = "no such folder" if not folder.is_dir() else "none there"
        raise StudyError(str(folder), "the folder of a finished study, with its verdict.json and study.yaml", got)
    study = stored_study(store)
    samples, reading = read_table(store.samples, SAMPLES), READINGS[entry(study.task).reads]
    prepared = Prepared(
        samples=samples,
        quarantine=read_table(store.quarantine, QUARANTINE),
        audit=audit_from_json(read_json(store.audit)),
        classes=tuple(sorted({name for target in samples["target"].unique() for name in reading.names(target)})),
        entries=_Entries(study, samples, source),
    )
    machine = choose_machine(study.precision, threads or study.threads)
    torch.set_num_threads(machine.threads)
    design = design_of(study)
    return Finished(
        store=store,
        study=study,
        design=design,
        verdict=verdict_from_json(read_json(store.verdict)),
        prepared=prepared,
        setting=setting_of(study, prepared, machine, design.recipe),
    )


def require_alone(finished: Finished, what: str) -> None:
    """Refuse a study of a task whose answers cannot be averaged, or by a metric that judges a run as a whole.

    Raises:
        InputError: it is.
    """
    task = finished.setting.task
    if not (task.averages and task.metric.alone):
        got = f"one of {task.name} decided by {task.metric.name}"
        raise InputError(what, "a study of classification decided by accuracy", got, "train one with its usual metric")


def require_classes(finished: Finished, what: str) -> None:
    """Refuse a study of a task whose answer is not a class, by a linear head on what the backbone sees.

    Raises:
        InputError: it is.
    """
    task = finished.setting.task
    if not task.probed:
        raise InputError(what, "a study whose images are each told one class", f"one of {task.name}")


def require_single_scale(names: Sequence[str], what: str) -> None:
    """Refuse contenders that see every image at several scales at once, for what asks one network at one scale.

    Raises:
        InputError: one is among `names`.
    """
    averaged = [name for name in names if contender(name).average is not None]
    if averaged:
        raise InputError(what, "contenders that see an image at one scale", ", ".join(averaged))
