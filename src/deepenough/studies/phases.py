"""Phases of a seed: which cells take each step together, and on which batches.

Contenders whose training has the same schedule of image sides, length, pictures and augmentation see the very same
batches; all others have a stream of their own, drawn from the same seeds. Pupils come after their teachers, whose
batches they see again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepenough.data import FreshPixels, TestPixels, TrainPixels
from deepenough.data.kept import SomePixels
from deepenough.data.streams import TrainingStream
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.training import Cell, Seeds, Setting, derive_seed


@dataclass(frozen=True, slots=True)
class Phase:
    """Cells that take the same batches, in lockstep."""

    cells: Sequence[Cell]
    stream: TrainingStream
    setting: Setting


def phases_of(bench: Bench, cells: Sequence[Cell], seeds: Seeds) -> list[Phase]:
    """The cells of a seed by the batches that they take, in the order in which they are trained."""
    groups: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        found = contender(cell.contender)
        regime = found.regime
        taught = regime.teacher is not None
        key = (found.schedule, bench.design.epochs_of(cell.contender), regime.share, regime.augmentation, taught)
        groups.setdefault(key, []).append(cell)
    return [Phase(group, stream_of(bench, group[0].contender, seeds), bench.setting) for group in groups.values()]


def stream_of(bench: Bench, name: str, seeds: Seeds) -> TrainingStream:
    """The batches of a contender, and of all that share its phase."""
    design, found = bench.design, contender(name)
    assert not isinstance(bench.train, TestPixels), "networks are trained on whole pictures, not on squares"
    pixels = _share(bench.train, found.regime.share, seeds)
    return TrainingStream(
        pixels,
        bench.targets(pixels.sample_ids),
        design.augmentation_of(name),
        side=design.train_scale,
        batch=design.batch,
        epochs=design.epochs_of(name),
        seed=seeds.augmentation,
        order_seed=seeds.order,
        workers=bench.study.workers,
        classes=len(bench.prepared.classes),
        schedule=found.schedule,
        teaching=bench.setting.task,
        ranks=bench.setting.ranks,
    )


def _share(
    pixels: TrainPixels | FreshPixels | SomePixels, share: float, seeds: Seeds
) -> TrainPixels | FreshPixels | SomePixels:
    """So many of the training pictures, drawn by the seed of their order; a smaller share lies within a larger one."""
    if share == 1.0:
        return pixels
    order = np.random.default_rng(derive_seed(seeds.order, "share")).permutation(len(pixels))
    return SomePixels(pixels, np.sort(order[: max(1, round(share * len(pixels)))]).tolist())
