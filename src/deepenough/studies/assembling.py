"""The network of a contender for a task: the backbone by name, and the task's head on it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from deepenough.networks import LoadReport, build, load_weights
from deepenough.tasks.contract import Task
from deepenough.training.seeds import derive_seed


def assemble(task: Task, name: str, *, seed: int = 0) -> nn.Module:
    """A network with fresh weights, on the CPU, in training mode; nothing but the arguments decides the weights.

    Args:
        task: says what the head is.
        name: of the backbone in the catalogue.
        seed: of all weights.
    """
    return _around(task, build(name, task.outputs, seed=seed), seed)


def assemble_from(task: Task, name: str, path: Path, *, seed: int, head_seed: int) -> tuple[nn.Module, LoadReport]:
    """The same with a backbone that starts from a file of weights; what the file does not hold starts fresh."""
    backbone = build(name, task.outputs, seed=seed)
    report = load_weights(backbone, path, seed=head_seed)
    return _around(task, backbone, seed), report


def _around(task: Task, backbone: nn.Module, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "head", task.name))
        return task.assemble(backbone)
