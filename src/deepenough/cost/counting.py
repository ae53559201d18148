"""Parameters and multiply-accumulates: the costs that no machine changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class Count(NamedTuple):
    """What a network holds and what one image costs.

    Args:
        parameters: trainable values; the running statistics of norms are none.
        macs: multiply-accumulates of one forward pass over one image, of convolutions and linear layers alone, as the
            literature counts them. Norms, activations and pooling, below 1 % of a ResNet, are left out.
    """

    parameters: int
    macs: int


class _CountMacs(TorchFunctionMode):
    """Add up the MACs of every convolution and linear layer that runs under it, for one image of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  whatever torch's function gives
        result = func(*args, **(kwargs or {}))
        if func is functional.conv2d or func is functional.linear:
            weight = args[1]  # its first axis is the outputs': each output value takes one row of it
            self.macs += math.prod(result.shape[1:]) * math.prod(weight.shape[1:])
        return result


@torch.no_grad()
def count(network: nn.Module, side: int) -> Count:
    """Count by passing a batch of no images: all shapes, no arithmetic, and the network is unchanged.

    torch's meta device and its FlopCounterMode would do as well, but load torch's compiler: a second of processor time.

    Args:
        network: takes float images (batch, 3, side, side) and an empty batch; on any device, meta too, in either mode.
        side: image side in pixels.

    Raises:
        InputError: the network refuses images of that side.
    """
    tensors = (*network.named_parameters(), *network.named_buffers())
    untouched = {name: torch.empty(tensor.shape, dtype=tensor.dtype) for name, tensor in tensors}
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with _CountMacs() as counter:
            functional_call(network, untouched, (torch.empty(0, 3, side, side),))
    finally:
        for module, training in modes.items():
            module.training = training
    return Count(sum(parameter.numel() for parameter in network.parameters()), counter.macs)
