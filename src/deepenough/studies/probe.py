"""A short probe: a few real steps of the real networks on this machine, before anyone waits for hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from deepenough.cost.memory import most_held
from deepenough.data.schedules import work
from deepenough.evaluation import evaluate_batch_seconds
from deepenough.networks import ResNet
from deepenough.studies.assembling import assemble
from deepenough.studies.contenders import contender, lineage
from deepenough.studies.plan import Probe
from deepenough.studies.tuning import tuning_work
from deepenough.training import Cell, Setting, step_seconds
from deepenough.training.gradients import FEWEST

_CLEARLY = 0.9  # of the time of fewer parts: more of them change what batch norm sees, and must be worth it


def probe(
    contenders: Sequence[str],
    setting: Setting,
    *,
    side: int,
    batch: int,
    steps: int = 2,
    at_once: int | None = None,
    parts: int | None = 1,
) -> Probe:
    """Time the contenders in training and at test at one image side, random pixels, all in memory as in the study.

    Networks that several contenders share are timed once; their schedules and tunings are counted as work.

    Args:
        contenders: names.
        setting: as the study will train.
        side: image side, pixels.
        batch: images a step.
        steps: timed steps a contender, after one that is not timed.
        at_once: networks in memory at a time; None for all. A teacher stays with its pupils.
        parts: in which a batch is taken; None for the fewest that memory holds, or more where that is clearly faster.
    """
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (batch, 3, side, side), generator=generator, dtype=torch.uint8)
    task, machine, norm = setting.task, setting.machine, setting.preprocessing
    images = machine.images(pixels, norm.mean, norm.std)
    names = dict.fromkeys(contender(name).network for name in contenders)
    lines = lineage(contenders)
    at_once = None if at_once is None else max(at_once, *map(len, lines.families))
    step_s: dict[str, float] = {}
    call_s: dict[str, float] = {}
    states: dict[str, int] = {}
    heads: dict[str, int] = {}
    held: list[Cell] = []
    for name in names:
        if at_once is not None:
            del held[: max(0, len(held) + 1 - at_once)]
        cell = Cell.begin(name, 0, machine.place(assemble(task, name)), setting.recipe)
        held.append(cell)
        cell.halvings = _taken_in(parts or 1)
        step_s[name] = step_seconds(cell, images, task.example(pixels), setting, steps) / batch
        call_s[name] = evaluate_batch_seconds(cell.network, images, machine) / batch
        states[name] = cell.state_bytes
        heads[name] = cell.network.fc.weight.numel() if isinstance(cell.network, ResNet) else 0
    taken = max((cell.parts for cell in held), default=1)
    if parts is None:
        taken = _fastest(held, images, task.example(pixels), setting, taken)
    train_s = {
        name: _with_teacher(name, step_s, call_s) * work(contender(name).schedule, side) * contender(name).regime.time
        for name in lines.trained
    }
    train_s |= {name: step_s[contender(name).network] * tuning_work(name, side) for name in lines.tuned}
    test_s = {name: call_s[contender(name).network] for name in contenders}
    saving = 2 * max(states.values())  # in the layout of a file, and as the file's bytes
    return Probe(
        side=side,
        train_s=train_s,
        test_s=test_s,
        peak_bytes=most_held(torch.device(machine.device)) + saving,
        head_weights=sum(heads.values()),
        parts=taken,
    )


def _with_teacher(name: str, step_s: Mapping[str, float], call_s: Mapping[str, float]) -> float:
    """Seconds of a training step an image; a pupil's teacher looks at every batch too."""
    found = contender(name)
    teacher = found.regime.teacher
    return step_s[found.network] + (0.0 if teacher is None else call_s[teacher])


def _fastest(held: Sequence[Cell], images: Tensor, targets: Any, setting: Setting, fewest: int) -> int:  # noqa: ANN401
    """As many parts as memory asks for, or twice or four times that where all networks together step faster so."""

    def seconds(parts: int) -> float:
        for cell in held:
            cell.halvings = _taken_in(parts)
        return sum(step_seconds(cell, images, targets, setting, 2) for cell in held)

    choices = [parts for parts in (fewest, 2 * fewest, 4 * fewest) if parts == fewest or len(images) >= FEWEST * parts]
    times = {parts: seconds(parts) for parts in choices}
    best = min(times, key=lambda parts: times[parts])
    return best if times[best] < _CLEARLY * times[fewest] else fewest


def _taken_in(parts: int) -> list[dict[str, int]]:
    return [{"step": 0, "parts": parts}] if parts > 1 else []
