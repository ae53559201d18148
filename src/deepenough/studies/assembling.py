"""The network of a contender for a task: the backbone by name, and the task's head on it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from deepenough.errors import WeightsError
from deepenough.networks import LoadReport, ResNet, build, load_weights
from deepenough.networks.catalogue import skeleton
from deepenough.networks.weight_files import read_weights
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


def outline(task: Task, name: str) -> nn.Module:
    """The same network without memory for its weights (on torch's meta device), for counting and for its structure."""
    with torch.device("meta"):
        return task.assemble(skeleton(name, task.outputs))


def assemble_from(task: Task, name: str, path: Path, *, seed: int, head_seed: int) -> tuple[nn.Module, LoadReport]:
    """The same with a backbone that starts from a file of weights; what the file does not hold starts fresh."""
    backbone = build(name, task.outputs, seed=seed)
    report = load_weights(backbone, path, seed=head_seed)
    return _around(task, backbone, seed), report


def tested_network(task: Task, name: str, path: Path) -> nn.Module:
    """A network with the weights of a cell, every tensor of them.

    Raises:
        WeightsError: the file is torn, or holds another network.
    """
    network = assemble(task, name)
    if isinstance(network, ResNet):
        load_weights(network, path, allow_new_head=False)
        return network
    held, wanted = read_weights(path).state, network.state_dict()
    if {key: value.shape for key, value in held.items()} != {key: value.shape for key, value in wanted.items()}:
        raise WeightsError(str(path), f"the weights of {name} for {task.name}", "others")
    network.load_state_dict(dict(held))
    return network


def _around(task: Task, backbone: nn.Module, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "head", task.name))
        return task.assemble(backbone)
