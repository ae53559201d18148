"""The gradients of a batch, in as many parts as memory holds.

Gradients of parts add up to those of the batch, so the recipe's batch stays; but batch norm takes its statistics from
a part, so a training in parts is not quite the one that was declared. It is said aloud, and kept with the cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
) -> tuple[float, int | None]:
    """Put the gradients of the batch's mean loss into the network's weights.

    Where memory does not hold the batch, it is halved, as often as needed, from this step to the training's end; the
    network is then as it was before the step, its running statistics too.

    Args:
        cell: in training.
        images: float32 (batch, 3, side, side), standardised, on the device.
        targets: as the task collates them, on the device.
        setting: of the training.
        halved: called with the cell and the images of a part, before the step is taken again.

    Returns:
        The mean loss, and how many pictures were right (None where that has no meaning); the gradients count where the
        loss is finite.

    Raises:
        RuntimeError: memory does not even hold a part of two images.
    """
    while True:
        seed_step(cell.network, cell.seeds.augmentation, cell.contender, "step", cell.step)
        buffers = [buffer.clone() for buffer in cell.network.buffers()]
        try:
            return _added_up(cell, images, targets, setting)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or len(images) // (2 * cell.parts) < FEWEST:
                raise
        cell.optimizer.zero_grad(set_to_none=True)
        for buffer, before in zip(cell.network.buffers(), buffers, strict=True):
            buffer.copy_(before)
        if images.is_cuda:
            torch.cuda.empty_cache()
        cell.halvings.append({"step": cell.step, "parts": 2 * cell.parts})
        halved(cell, math.ceil(len(images) / cell.parts))


def _added_up(cell: Cell, images: Tensor, targets: Any, setting: Setting) -> tuple[float, int | None]:  # noqa: ANN401
    cell.optimizer.zero_grad(set_to_none=True)
    task, parts = setting.task, max(1, min(cell.parts, len(images) // FEWEST))
    value, hits = 0.0, 0
    for some, wanted in zip(_cut(images, parts), _cut(targets, parts), strict=True):
        with setting.machine.autocast():
            outputs = task.forward(cell.network, some, wanted)
        loss = task.loss(outputs, wanted, setting.recipe_of(cell.contender).label_smoothing)
        if parts > 1:
            loss = loss * (len(some) / len(images))
        value += loss.item()
        if not math.isfinite(value):
            return value, None
        loss.backward()
        found = task.hits(outputs, wanted)
        hits = None if hits is None or found is None else hits + found
    return value, hits


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
