"""What networks make of pictures on the way to an answer: the mean of every stage's map, and the task's vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from deepenough.data import TestPixels
from deepenough.evaluation.batches import CHUNK, Batches
from deepenough.networks import ResNet
from deepenough.tasks.contract import Task

HEAD = "head"


def embed_stages(
    networks: Mapping[str, nn.Module],
    task: Task,
    pixels: TestPixels,
    scale: int,
    *,
    batches: Batches,
    progress: Callable[[int], None] = lambda _done: None,
) -> dict[str, dict[str, np.ndarray]]:
    """One pass over the pictures for all networks.

    Args:
        networks: by name, placed on the machine; put in evaluation mode. Each is a ResNet, or holds one as `backbone`.
        task: theirs, which says what vector stands for a picture.
        pixels: the pictures, cut for `scale`.
        scale: image side, pixels.
        batches: shows the pictures to the networks.
        progress: told how many further pictures are done.

    Returns:
        By network, float32 (pictures, values) by stage (C2 to C5, each map averaged over its positions) and, as `head`,
        of the task's vector (`Task.vectors`).
    """
    calls = {name: _call(network.eval(), task) for name, network in networks.items()}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in networks}
    stored = pixels.at(scale)
    for first in range(0, len(pixels), CHUNK):
        for _, said in batches.outputs(calls, stored[first : first + CHUNK]):
            for name, values in said.items():
                parts[name].append(values.numpy())
            progress(len(next(iter(said.values()))))
    return {name: _named(np.concatenate(parts[name]), _backbone(network)) for name, network in networks.items()}


def _named(values: np.ndarray, backbone: ResNet) -> dict[str, np.ndarray]:
    ends = np.cumsum([tap.channels for tap in backbone.taps])
    return dict(zip([*(tap.name for tap in backbone.taps), HEAD], np.split(values, ends, axis=1), strict=True))


def _call(network: nn.Module, task: Task) -> Callable[[Tensor], Tensor]:
    backbone = _backbone(network)

    def call(images: Tensor) -> Tensor:
        maps = backbone.features(images)
        vectors = task.vectors(network, backbone.neck(maps))
        return torch.cat([*(each.float().mean(dim=(2, 3)) for each in maps), vectors.float()], dim=1)

    return call


def _backbone(network: nn.Module) -> ResNet:
    own = network if isinstance(network, ResNet) else network.backbone
    assert isinstance(own, ResNet), "every task's network holds one"
    return own
