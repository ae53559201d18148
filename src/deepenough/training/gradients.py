"""The gradients of a batch, in as many parts as memory holds.

Gradients of parts add up to those of the batch, so the recipe's batch stays; but batch norm takes its statistics from
a part, so a training in parts is not quite the one that was declared. It is said aloud, and kept with the cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from deepenough.machine import is_out_of_memory
from deepenough.training.cell import Cell
from deepenough.training.seeds import seed_step
from deepenough.training.setting import Setting

FEWEST = 2  # images of a part; batch norm has no statistics of one


def gradients(
    cell: Cell,
    images: Tensor,
    targets: Any,  # noqa: ANN401  as the task collates them
    setting: Setting,
    halved: Callable[[Cell, int], None],
    whole: int | None = None,
) -> tuple[float, int | None]:
    """Put the gradients of the batch's mean loss into the network's weights.

    Where memory does not hold the batch, it is halved, as often as needed, from this step to the training's end; the
    network is then as it was before the step, its running statistics too. Several ranks do not halve: they would have
    to agree on it, in the middle of a step.

    Args:
        cell: in training.
        images: float32 (batch, 3, side, side), standardised, on the device.
        targets: as the task collates them, on the device.
        setting: of the training.
        halved: called with the cell and the images of a part, before the step is taken again.
        whole: images of the batch over all ranks; None where it is all here.

    Returns:
        The mean loss of the whole batch, and how many of its pictures were right (None where that has no meaning); the
        gradients count where the loss is finite.

    Raises:
        RuntimeError: memory does not even hold a part of two images.
    """
    ranks = setting.ranks
    own = () if ranks.first else ("rank", ranks.rank)
    while True:
        seed_step(cell.network, cell.seeds.augmentation, cell.contender, "step", cell.step, *own)
        buffers = [buffer.clone() for buffer in cell.network.buffers()]
        try:
            return _added_up(cell, images, targets, setting, whole or len(images))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or ranks.several or len(images) // (2 * cell.parts) < FEWEST:
                raise
        cell.optimizer.zero_grad(set_to_none=True)
        for buffer, before in zip(cell.network.buffers(), buffers, strict=True):
            buffer.copy_(before)
        if images.is_cuda:
            torch.cuda.empty_cache()
        cell.halvings.append({"step": cell.step, "parts": 2 * cell.parts})
        halved(cell, math.ceil(len(images) / cell.parts))


def _added_up(
    cell: Cell,
    images: Tensor,
    targets: Any,  # noqa: ANN401
    setting: Setting,
    whole: int,
) -> tuple[float, int | None]:
    cell.optimizer.zero_grad(set_to_none=True)
    task, ranks, parts = setting.task, setting.ranks, _parts(cell, whole, setting)
    value, hits = 0.0, 0
    for number, (some, wanted) in enumerate(zip(_cut(images, parts), _cut(targets, parts), strict=True), start=1):
        with _waiting(cell, until=number == parts):
            with setting.machine.autocast():
                outputs = task.forward(cell.network, some, wanted) if cell.spread is None else cell.spread(some, wanted)
            loss = _loss(cell, outputs, some, wanted, setting)
            if len(some) != whole:
                loss = loss * (len(some) / whole)
            found = task.hits(outputs, wanted)
            added, right = ranks.summed(loss.item(), found or 0)
            value += added
            if not math.isfinite(value):
                return value, None
            if ranks.several:
                loss = loss * ranks.size  # DDP takes the mean over ranks
            loss.backward()
        hits = None if hits is None or found is None else hits + int(right)
    return value, hits


def _loss(cell: Cell, outputs: Any, images: Tensor, targets: Any, setting: Setting) -> Tensor:  # noqa: ANN401
    """The task's loss; a pupil's follows what its teacher says of the very same pictures too."""
    task, recipe = setting.task, setting.recipe_of(cell.contender)
    loss = task.loss(outputs, targets, recipe.label_smoothing)
    if cell.teacher is None:
        return loss
    with torch.no_grad(), setting.machine.autocast():
        taught = cell.teacher(images)
    apart = task.apart(outputs, taught, recipe.teacher_temperature)
    return (1.0 - recipe.teacher_weight) * loss + recipe.teacher_weight * apart


def _parts(cell: Cell, whole: int, setting: Setting) -> int:
    """In how many parts this rank takes its share of a batch; the same number on every rank."""
    size = setting.ranks.size
    return max(1, min(math.ceil(cell.parts / size), whole // size // FEWEST))


def _waiting(cell: Cell, *, until: bool) -> AbstractContextManager[object]:
    """Under several ranks gradients are exchanged with the last part only."""
    return nullcontext() if cell.spread is None or until else cell.spread.no_sync()


def moved(targets: Any, device: str) -> Any:  # noqa: ANN401  as the task collates them
    """Targets of a batch on a device, whatever they are made of."""
    if isinstance(targets, Tensor):
        return targets.to(device, non_blocking=True)
    if isinstance(targets, dict):
        return {name: moved(value, device) for name, value in targets.items()}
    return [moved(value, device) for value in targets]


def _cut(batch: Any, parts: int) -> Sequence[Any]:  # noqa: ANN401
    """A tensor or a list along its first axis, in parts that differ by one entry at most, the larger ones first."""
    if parts == 1:
        return (batch,)
    if isinstance(batch, Tensor):
        return batch.tensor_split(parts)
    size, more = divmod(len(batch), parts)
    ends = [part * size + min(part, more) for part in range(parts + 1)]
    return [batch[first:last] for first, last in pairwise(ends)]
