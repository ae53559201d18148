"""Convolutions that are trained as matrix products where that is faster: in bf16 on a processor, over small maps.

The sums are the same ones; only the order in which they are rounded is the library's of the product. The backward pass
of a 1x1 convolution over a 1 x 1 map took 14 times as long as that of the product, over 4 x 4 maps 3 times; see
docs/log.md. At test the convolutions are torch's own, so that scores do not depend on this.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LARGEST_MAP = 4  # pixels that leave; over larger maps the copies for a spatial kernel cost more than they save
FEWEST_CHANNELS = 512


class Pointwise(nn.Conv2d):
    """A 1x1 convolution without padding or bias; where it strides, sides that leave are rounded up."""

    def __init__(self, entering: int, leaving: int, *, stride: int = 1) -> None:
        super().__init__(entering, leaving, kernel_size=1, stride=stride, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """The map that leaves."""
        return pointwise(input, self.weight, self.stride[0]) if _pays(self, input) else super().forward(input)


class Spatial(nn.Conv2d):
    """A convolution with an odd kernel, padded so that a stride of 1 keeps the map's sides."""

    def __init__(self, channels: int, kernel: int, *, stride: int, groups: int) -> None:
        super().__init__(channels, channels, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """The map that leaves."""
        small = self.groups == 1 and self.in_channels >= FEWEST_CHANNELS and self._leaving(input) <= LARGEST_MAP
        if small and _pays(self, input):
            return spatial(input, self.weight, self.stride[0])
        return super().forward(input)

    def _leaving(self, entering: Tensor) -> int:
        height, width = (-(-side // self.stride[0]) for side in entering.shape[2:])
        return height * width


def _pays(layer: nn.Module, entering: Tensor) -> bool:
    return (
        layer.training
        and entering.device.type == "cpu"
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
        and entering.is_contiguous(memory_format=torch.channels_last)
    )


def pointwise(entering: Tensor, weight: Tensor, stride: int) -> Tensor:
    """A 1x1 convolution as one product of pixels (batch x height x width, in) and weights (in, out).

    >>> maps, weight = torch.ones(1, 2, 3, 3), torch.tensor([[[[1.0]], [[2.0]]]])
    >>> pointwise(maps, weight, 2).tolist()
    [[[[3.0, 3.0], [3.0, 3.0]]]]
    """
    seen = entering if stride == 1 else entering[:, :, ::stride, ::stride]
    return functional.linear(seen.permute(0, 2, 3, 1), weight.flatten(1)).permute(0, 3, 1, 2)


def spatial(entering: Tensor, weight: Tensor, stride: int) -> Tensor:
    """A convolution with an odd kernel and a padding of half of it, as one product of patches and weights.

    A map of one pixel meets the kernel's middle alone, the rest falls on padding.

    >>> spatial(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 3), 1).tolist()
    [[[[4.0, 4.0], [4.0, 4.0]]]]
    """
    kernel = weight.shape[2]
    half = kernel // 2
    if entering.shape[2:] == (1, 1):
        return pointwise(entering, weight[:, :, half : half + 1, half : half + 1], 1)
    padded = functional.pad(entering.permute(0, 2, 3, 1), (0, 0, half, half, half, half))
    patches = padded.unfold(1, kernel, stride).unfold(2, kernel, stride)  # batch, height, width, in, kernel, kernel
    return functional.linear(patches.flatten(3), weight.flatten(1)).permute(0, 3, 1, 2)
