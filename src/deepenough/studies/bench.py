"""The bench: everything that the cells of a study share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from deepenough.data import FreshPixels, Prepared, TestPixels, TrainPixels
from deepenough.evaluation import Batches
from deepenough.studies.design import Design
from deepenough.studies.listener import Listener
from deepenough.studies.store import StudyFolder
from deepenough.studies.study import Study
from deepenough.training import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything that the cells of a study share: the study, its design, its pictures, the setting, the folder."""

    study: Study
    design: Design
    store: StudyFolder
    prepared: Prepared
    train: TrainPixels | FreshPixels | TestPixels  # squares, as at test, where only the head is trained
    val: TestPixels
    test: TestPixels
    setting: Setting
    listener: Listener
    check_stop: Callable[[], None]  # raises Interrupted where the user asked to stop
    held: dict[int, int] = field(default_factory=dict)  # images a test batch by scale, where memory held no more

    def labels(self, sample_ids: Sequence[str]) -> np.ndarray:
        """Class index of each sample, int64 (samples,)."""
        asked = pl.DataFrame({"sample_id": sample_ids}, schema={"sample_id": pl.String})
        targets = self.prepared.samples.select("sample_id", "target").unique("sample_id")
        known = asked.join(targets, on="sample_id", how="left", maintain_order="left")["target"]
        numbers = {name: index for index, name in enumerate(self.prepared.classes)}
        return known.replace_strict(numbers, return_dtype=pl.Int64).to_numpy(writable=True)

    @property
    def batches(self) -> Batches:
        """How networks are shown pictures at test."""
        return Batches(self.setting.machine, self.setting.preprocessing, self.listener.note, self.held)
