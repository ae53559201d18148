"""Parameters and multiply-accumulates: the costs that no machine changes."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode


class Count(NamedTuple):
    """What a network holds and what one image costs.

    Args:
        parameters: trainable values; the running statistics of norms are none.
        macs: multiply-accumulates of one forward pass over one image, of convolutions and matrix products alone, as the
            literature counts them. Norms, activations and pooling, below 1 % of a ResNet, are left out.
    """

    parameters: int
    macs: int


@torch.no_grad()
def count(network: nn.Module, side: int) -> Count:
    """Count by one pass over shapes alone (torch's meta device): no arithmetic, no memory, the network is unchanged.

    Args:
        network: takes float images (batch, 3, side, side); on any device, in either mode.
        side: image side in pixels.

    Raises:
        InputError: the network refuses images of that side.
    """
    shapes = {
        name: torch.empty_like(tensor, device="meta")
        for name, tensor in (*network.named_parameters(), *network.named_buffers())
    }
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with FlopCounterMode(display=False) as counter:
            functional_call(network, shapes, (torch.empty(1, 3, side, side, device="meta"),))
    finally:
        for module, training in modes.items():
            module.training = training
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Count(parameters, counter.get_total_flops() // 2)  # torch counts a multiply and an add as two
