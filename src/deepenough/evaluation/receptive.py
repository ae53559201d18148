"""How far around a place a network looks: the effective receptive field of each stage.

Luo, Li, Urtasun and Zemel 2016 (arXiv 1701.04128, section 2): the slope of a stage's centre unit with respect to each
pixel, its size averaged over pictures. The field that the layers' sizes allow is far larger than what carries weight.
"""

from __future__ import annotations

import torch
from torch import Tensor

from deepenough.networks import ResNet

HELD = 0.9  # share of the slope's size within the field
STAGES = (2, 3, 4, 5)


def slopes_of(network: ResNet, images: Tensor, stage: int) -> Tensor:
    """The size of the slope of a stage's centre unit, all channels together, at each pixel, summed over the images.

    Args:
        network: in evaluation mode.
        images: float (batch, 3, height, width), normalised.
        stage: 2 to 5.

    Returns:
        Float64 (height, width).
    """
    pixels = images.detach().requires_grad_()
    with torch.enable_grad():
        seen = network.features(pixels)[stage - 2]
        height, width = seen.shape[-2:]
        (slopes,) = torch.autograd.grad(seen[:, :, height // 2, width // 2].sum(), pixels)
    return slopes.double().abs().sum(dim=(0, 1)).cpu()


def field_side(slopes: Tensor, held: float = HELD) -> int:
    """The side in pixels of the smallest square around the slopes' centre of mass that holds such a share of them.

    Args:
        slopes: (height, width), not negative. A square that reaches beyond the picture holds what is inside.
        held: share, in (0, 1].

    >>> field_side(torch.eye(9)[4:5].T @ torch.eye(9)[4:5]), field_side(torch.ones(9, 9), 0.5)
    (1, 7)
    """
    total, (height, width) = float(slopes.sum()), slopes.shape
    if total <= 0:
        return 0
    down, across = (
        int((slopes.sum(dim=1 - axis) * torch.arange(length)).sum().div(total).round())
        for axis, length in enumerate((height, width))
    )
    for half in range(max(height, width)):
        inside = slopes[max(down - half, 0) : down + half + 1, max(across - half, 0) : across + half + 1]
        if float(inside.sum()) >= held * total * (1 - 1e-12):
            return 2 * half + 1
    return max(height, width)
