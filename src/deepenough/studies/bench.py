"""The bench: everything that the cells of a study share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deepenough.data import Prepared, TestPixels, TrainPixels
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
    train: TrainPixels | TestPixels  # squares, as at test, where only the head is trained
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
