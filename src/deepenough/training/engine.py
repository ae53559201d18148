"""The engine: every contender of a seed takes the same step on the same batch before anyone sees the next one.

What differs between the contenders of a seed is then the network and nothing else; and a batch is decoded, augmented
and standardised once for all of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from deepenough.data.streams import Batch, TrainingStream
from deepenough.machine import is_out_of_memory
from deepenough.training.cell import Cell, Sums
from deepenough.training.gradients import gradients, moved
from deepenough.training.recipe import learning_rate, set_learning_rate
from deepenough.training.setting import Setting
from deepenough.training.spread import spread

_NO_ROOM = (
    "the optimiser's moments do not fit beside the weights and gradients of all networks, which no smaller batch "
    "changes: compare fewer networks at a time, or smaller ones, or with --optimizer sgd"
)


class Watcher(Protocol):
    """Who watches a training: asked after every step, told at the end of every epoch."""

    def stepped(self, cell: Cell, *, loss: float, images_per_s: float) -> None:
        """A cell took a step."""
        ...

    def halved(self, cell: Cell, images: int) -> None:
        """Memory did not hold a batch; the cell, as it is before its step, takes it in parts of so many from now on."""
        ...

    def validate(self, cell: Cell) -> float | None:
        """Called at the end of an epoch, network in evaluation mode: the mean validation score, or None to skip it."""
        ...

    def lockstep(self, cells: Sequence[Cell]) -> None:
        """All cells took the step; the place to save them, or to raise `Interrupted`."""
        ...


def train_lockstep(cells: Sequence[Cell], stream: TrainingStream, setting: Setting, watcher: Watcher) -> None:
    """Train the cells of one seed to the end of the stream, each from the step where it stands.

    After a kill the cells may stand at different steps, as they are saved one after the other; a batch is then taken
    only by those that have not seen it. A cell whose loss is not finite stops there with status `diverged`.
    """
    for cell in cells:
        cell.total_steps = stream.total_steps
    running = [cell for cell in cells if cell.status == "training" and cell.step < stream.total_steps]
    for cell in running:
        cell.network.train()
        cell.spread = spread(cell.network, setting.task, setting.ranks) if setting.ranks.several else None
    if running:
        asked = time.perf_counter()
        for batch in stream.batches(min(cell.step for cell in running)):
            waited = (time.perf_counter() - asked) / len(running)
            for cell in running:
                cell.elapsed_s += waited
            _step_all(running, batch, stream, setting, watcher)
            if all(cell.status != "training" for cell in running):
                break
            asked = time.perf_counter()
    for cell in cells:
        cell.spread = None
        if cell.status == "training":
            cell.status = "trained" if _finite(cell.tested_network) else "diverged"


def _step_all(cells: Sequence[Cell], batch: Batch, stream: TrainingStream, setting: Setting, watcher: Watcher) -> None:
    machine = setting.machine
    images, targets = _on_device(batch, setting)
    whole = batch.whole or len(images)
    for cell in cells:
        if cell.status != "training" or cell.step != batch.step:
            continue
        rate = learning_rate(
            setting.recipe_of(cell.contender),
            cell.step,
            steps_per_epoch=stream.steps_per_epoch,
            total_steps=stream.total_steps,
        )
        started = time.perf_counter()
        loss, correct = _step(cell, images, targets, rate, setting, watcher.halved, whole)
        machine.wait()
        seconds = time.perf_counter() - started
        if not math.isfinite(loss):
            cell.status = "diverged"
        else:
            cell.step += 1
            _add(cell.sums, loss, correct, whole, seconds)
        cell.elapsed_s += seconds
        watcher.stepped(cell, loss=loss, images_per_s=whole / seconds)
        if cell.status == "diverged" or stream.ends_epoch(cell.step):
            setting.ranks.same_statistics(cell.network, *([] if cell.average is None else [cell.average.module]))
            _end_epoch(cell, rate, stream, watcher)
    watcher.lockstep(cells)


def _step(
    cell: Cell,
    images: Tensor,
    targets: Any,  # noqa: ANN401  as the task collates them
    rate: float,
    setting: Setting,
    halved: Callable[[Cell, int], None],
    whole: int | None = None,
) -> tuple[float, int | None]:
    """One optimiser step; the mean loss of the batch and how many pictures were right (None where that has no meaning).

    A loss that is not finite is returned before the weights are touched, so that the record ends with usable weights.

    Raises:
        MemoryError: the weights' own update does not fit. The batch is let go by then, so half of it would need as much
            again; the cell is torn, and what was saved of it last is whole.
    """
    set_learning_rate(cell.optimizer, rate)
    loss, correct = gradients(cell, images, targets, setting, halved, whole)
    if not math.isfinite(loss):
        return loss, None
    try:
        _update(cell, setting)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(f"{cell.name}: {_NO_ROOM}") from error
    return loss, correct


def _update(cell: Cell, setting: Setting) -> None:
    """Let the optimiser change the weights by their gradients, and their average follow."""
    clip_norm = setting.recipe_of(cell.contender).clip_norm
    if clip_norm is not None:
        nn.utils.clip_grad_norm_(cell.network.parameters(), clip_norm)
    cell.optimizer.step()
    if cell.average is not None:
        cell.average.update(cell.network, step=cell.step)


def take_step(cell: Cell, batch: Batch, rate: float, setting: Setting) -> float:
    """One step of one cell at a learning rate, outside of any training; the batch's mean loss before it.

    A loss that is not finite changes nothing.
    """
    images, targets = _on_device(batch, setting)
    loss, _ = _step(cell, images, targets, rate, setting, _nobody)
    cell.step += math.isfinite(loss)
    return loss


def _on_device(batch: Batch, setting: Setting) -> tuple[Tensor, Any]:
    """Images as the networks take them, and their targets, on the device."""
    machine, norm = setting.machine, setting.preprocessing
    images = machine.images(batch.images, norm.mean, norm.std)
    return images, moved(batch.targets, machine.device)


def step_seconds(cell: Cell, images: Tensor, targets: Any, setting: Setting, steps: int) -> float:  # noqa: ANN401
    """Seconds of one training step, the mean of `steps` after one that is not counted; the cell is used up by it."""
    targets = moved(targets, str(images.device))
    cell.network.train()
    _step(cell, images, targets, 0.0, setting, _nobody)
    setting.machine.wait()
    started = time.perf_counter()
    for _ in range(steps):
        _step(cell, images, targets, 0.0, setting, _nobody)
    setting.machine.wait()
    return (time.perf_counter() - started) / steps


def _nobody(_cell: Cell, _images: int) -> None:
    """A probe of the machine tells nobody that it halved the batch: the training will find and say it itself."""


def _finite(network: nn.Module) -> bool:
    """Whether every weight and running statistic is a number; the last step of a training may break them."""
    return all(bool(torch.isfinite(value).all()) for value in network.state_dict().values())


def _add(sums: Sums, loss: float, correct: int | None, images: int, seconds: float) -> None:
    sums.loss += loss
    sums.correct = sums.correct + correct if correct is not None else 0
    sums.images = sums.images + images if correct is not None else 0
    sums.shown += images
    sums.steps += 1
    sums.seconds += seconds


def _end_epoch(cell: Cell, rate: float, stream: TrainingStream, watcher: Watcher) -> None:
    """Write the epoch's history row, with validation where the watcher wants it; its time is the cell's."""
    started = time.perf_counter()
    tested = cell.tested_network
    tested.eval()
    with torch.inference_mode():
        validation = watcher.validate(cell)
    cell.network.train()
    cell.elapsed_s += time.perf_counter() - started
    sums = cell.sums
    cell.history.append(
        {
            "step": cell.step,
            "epoch": stream.epochs_at(cell.step),
            "learning_rate": rate,
            "loss": sums.loss / sums.steps if sums.steps and cell.status != "diverged" else math.nan,
            "train_accuracy": sums.correct / sums.images if sums.images else None,
            "val_accuracy": validation,
            "images_per_s": sums.shown / sums.seconds if sums.seconds else None,
            "elapsed_s": cell.elapsed_s,
        }
    )
    cell.sums = Sums()
