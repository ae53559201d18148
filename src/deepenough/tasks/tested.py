"""A task's network without memory, and as it was tested: filled from a cell's file, every tensor of it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from deepenough.errors import WeightsError
from deepenough.networks import ResNet, build, check_weights, load_weights
from deepenough.networks.catalogue import skeleton
from deepenough.networks.weight_files import read_weights
from deepenough.tasks.contract import Task


def outline(task: Task, name: str) -> nn.Module:
    """The network without memory for its weights (on torch's meta device), for counting and for its structure."""
    with torch.device("meta"):
        return task.assemble(skeleton(name, task.outputs))


def tested_network(task: Task, name: str, path: Path) -> nn.Module:
    """A network with the weights of a cell; a file that does not fit is refused before memory is asked for.

    Raises:
        WeightsError: the file is torn, or holds another network.
    """
    planned = outline(task, name)
    if isinstance(planned, ResNet):
        check_weights(planned, path)
        network = build(name, task.outputs)
        load_weights(network, path, allow_new_head=False)
        return network
    held, wanted = read_weights(path).state, planned.state_dict()
    if {key: value.shape for key, value in held.items()} != {key: value.shape for key, value in wanted.items()}:
        raise WeightsError(str(path), f"the weights of {name} for {task.name}", "others")
    with torch.random.fork_rng(devices=[]):  # the weights that are drawn first are none of them kept
        network = task.assemble(build(name, task.outputs))
    network.load_state_dict(dict(held))
    return network
