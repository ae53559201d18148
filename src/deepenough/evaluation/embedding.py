"""What networks make of pictures on the way to an answer: the mean of every stage's map, and the head's input."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from deepenough.data import TestPixels
from deepenough.evaluation.batches import CHUNK, Batches
from deepenough.networks import ResNet

HEAD = "head"


def embed_stages(
    networks: Mapping[str, ResNet],
    pixels: TestPixels,
    scale: int,
    *,
    batches: Batches,
    progress: Callable[[int], None] = lambda _done: None,
) -> dict[str, dict[str, np.ndarray]]:
    """One pass over the pictures for all networks.

    Args:
        networks: by name, placed on the machine; put in evaluation mode.
        pixels: the pictures, cut for `scale`.
        scale: image side, pixels.
        batches: shows the pictures to the networks.
        progress: told how many further pictures are done.

    Returns:
        By network, float32 (pictures, values) by stage (C2 to C5, each map averaged over its positions) and, as `head`,
        of the head's input.
    """
    for network in networks.values():
        network.eval()
    calls = {name: _call(network) for name, network in networks.items()}
    widths = {name: [*(tap.channels for tap in net.taps), net.fc.in_features] for name, net in networks.items()}
    held = {name: np.empty((len(pixels), sum(width)), np.float32) for name, width in widths.items()}
    stored = pixels.at(scale)
    for first in range(0, len(pixels), CHUNK):
        for at, said in batches.outputs(calls, stored[first : first + CHUNK]):
            for name, values in said.items():
                held[name][first + at : first + at + len(values)] = values.numpy()
            progress(len(next(iter(said.values()))))
    return {
        name: dict(
            zip(
                [*(tap.name for tap in networks[name].taps), HEAD],
                np.split(held[name], np.cumsum(widths[name])[:-1], axis=1),
                strict=True,
            )
        )
        for name in networks
    }


def _call(network: ResNet) -> Callable[[Tensor], Tensor]:
    def call(images: Tensor) -> Tensor:
        maps = network.features(images)
        return torch.cat([*(each.float().mean(dim=(2, 3)) for each in maps), network.neck(maps).float()], dim=1)

    return call
