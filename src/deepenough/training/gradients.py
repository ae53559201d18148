"""The gradients of a batch, in as many parts as memory holds.

Gradients of parts add up to those of the batch, so the recipe's batch stays; but batch norm takes its statistics from
a part, so a training in parts is not quite the one that was declared. It is said aloud, and kept with the cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import repeat

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
    targets: Tensor,
    labels: Tensor | None,
    setting: Setting,
    halved: Callable[[Cell, int], None],
) -> tuple[float, int | None]:
    """Put the gradients of the batch's mean loss into the network's weights.

    Where memory does not hold the batch, it is halved, as often as needed, from this step to the training's end; the
    network is then as it was before the step, its running statistics too.

    Args:
        cell: in training.
        images: float32 (batch, 3, side, side), standardised, on the device.
        targets: int64 (batch,) or float32 (batch, classes), on the device.
        labels: int64 (batch,) on the CPU, or None where none is counted.
        setting: of the training.
        halved: called with the cell and the images of a part, before the step is taken again.

    Returns:
        The mean loss, and how many labels were hit (None where `labels` is); the gradients count where it is finite.

    Raises:
        RuntimeError: memory does not even hold a part of two images.
    """
    while True:
        seed_step(cell.network, cell.seeds.augmentation, cell.contender, "step", cell.step)
        buffers = [buffer.clone() for buffer in cell.network.buffers()]
        try:
            return _added_up(cell, images, targets, labels, setting)
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


def _added_up(
    cell: Cell, images: Tensor, targets: Tensor, labels: Tensor | None, setting: Setting
) -> tuple[float, int | None]:
    cell.optimizer.zero_grad(set_to_none=True)
    parts = max(1, min(cell.parts, len(images) // FEWEST))
    trues = repeat(None, parts) if labels is None else _cut(labels, parts)
    value, hits = 0.0, 0
    for some, wanted, true in zip(_cut(images, parts), _cut(targets, parts), trues, strict=True):
        with setting.machine.autocast():
            logits = cell.network(some)
        logits = logits.float()
        loss = setting.task.loss(logits, wanted, setting.recipe.label_smoothing)
        if parts > 1:
            loss = loss * (len(some) / len(images))
        value += loss.item()
        if not math.isfinite(value):
            return value, None
        loss.backward()
        if true is not None:
            hits += int((logits.detach().argmax(1).cpu() == true).sum())
    return value, None if labels is None else hits


def _cut(batch: Tensor, parts: int) -> tuple[Tensor, ...]:
    return (batch,) if parts == 1 else batch.tensor_split(parts)
