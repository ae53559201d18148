"""The bench: everything that the cells of a study share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from deepenough.data import FreshPixels, Prepared, TestPixels, TrainPixels
from deepenough.data.kept import SomePixels
from deepenough.errors import InputError
from deepenough.evaluation import Batches, Shown
from deepenough.studies.design import Design
from deepenough.studies.listener import Listener
from deepenough.studies.store import StudyFolder
from deepenough.studies.study import Study
from deepenough.tasks.contract import Task
from deepenough.training import Setting


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything that the cells of a study share: the study, its design, its pictures, the setting, the folder."""

    study: Study
    design: Design
    store: StudyFolder
    prepared: Prepared
    train: TrainPixels | FreshPixels | SomePixels | TestPixels  # squares, as at test, where only the head is trained
    val: TestPixels
    test: TestPixels
    shifted: TestPixels | None  # a further test set, from elsewhere; nothing is chosen on it
    setting: Setting
    listener: Listener
    check_stop: Callable[[], None]  # raises Interrupted where the user asked to stop
    held: dict[int, int] = field(default_factory=dict)  # images a test batch by scale, where memory held no more

    @property
    def bare(self) -> Bench:
        """As it is sent to another process: the listener and `check_stop` are of this one, and are given anew there."""
        here: Any = None
        return replace(self, listener=here, check_stop=here)

    def pictures(self, sample_ids: Sequence[str]) -> pl.DataFrame:
        """The rows of samples.parquet of these pictures, in their order."""
        asked = pl.DataFrame({"sample_id": sample_ids}, schema={"sample_id": pl.String})
        known = self.prepared.samples.unique("sample_id")
        return asked.join(known, on="sample_id", how="left", maintain_order="left")

    def targets(self, sample_ids: Sequence[str]) -> Any:  # noqa: ANN401  as the task has them
        """The target of each picture, in their order."""
        return self.setting.task.targets(self.pictures(sample_ids))

    def shown(self, pixels: TestPixels, task: Task | None = None) -> Shown:
        """The pictures of a split with their targets, and the samples that they make for a task."""
        pictures = self.pictures(pixels.sample_ids)
        task = task or self.setting.task
        return Shown(sample_ids=pixels.sample_ids, targets=task.targets(pictures), units=task.units(pictures))

    @cached_property
    def units(self) -> pl.DataFrame | None:
        """The samples of all tested splits where pictures are not samples themselves, else None."""
        found = [self.setting.task.units(self.pictures(pixels.sample_ids)) for pixels in self.tested.values()]
        there = [frame for frame in found if frame is not None]
        return pl.concat(there) if there else None

    @cached_property
    def unjudged(self) -> str | None:
        """Why the metric cannot be had on the shifted test set, whatever networks say; None where it can, or none is.

        Images from elsewhere need not hold what it takes (a class, pairs), and decide nothing: no study is lost by it.
        """
        if self.shifted is None:
            return None
        task, silent = self.setting.task, [self.shown(pixels) for pixels in (self.shifted, self.val)]
        try:
            task.judged(*(shown.run(np.zeros(len(shown.sample_ids), task.row)) for shown in silent))
        except InputError as error:
            return str(error)
        return None

    @property
    def tested(self) -> dict[str, TestPixels]:
        """The splits that networks are tested on, by the names of a cell's tables; validation first."""
        found = {"validation": self.val, "test": self.test}
        return found if self.shifted is None else {**found, "shifted": self.shifted}

    @property
    def samples(self) -> pl.DataFrame:
        """The samples that scores are of, as the columns of `records.SAMPLES` and further ones."""
        return self.prepared.samples if self.units is None else self.units

    @property
    def batches(self) -> Batches:
        """How networks are shown pictures at test."""
        return Batches(self.setting.machine, self.setting.preprocessing, self.listener.note, self.held)
