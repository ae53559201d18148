"""How well a map of where a network found its answer predicts what the answer hangs on: deletion and insertion.

Petsiuk, Das and Saenko 2018 (RISE, arXiv 1806.07421, section 4.1): pixels are taken away in the map's order, the most
telling first, and the probability of the answer is followed: a good map makes it fall at once. Or they are put back,
into a blurred copy: a good map makes it rise at once. The area under each curve is one number a picture.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

STEPS = 16  # equal parts of a picture's pixels
BLUR = 0.05  # standard deviation of the blurred copy, in sides; RISE has 5 pixels of 224, and a window of 11


def erased(
    answers: Callable[[Tensor], Tensor], images: Tensor, maps: Tensor, classes: Tensor, steps: int = STEPS
) -> tuple[Tensor, Tensor]:
    """The areas under both curves of each picture.

    Args:
        answers: gives class probabilities, (batch, classes), of normalised images.
        images: float (batch, 3, side, side), normalised, so that 0 is the mean colour.
        maps: float (batch, height, width), of any size: how telling a place is. Of equal ones the order is that of the
            picture's rows.
        classes: int64 (batch,), whose probability is followed.
        steps: of each curve.

    Returns:
        `deletion` and `insertion`, float64 (batch,) in [0, 1]: the mean of the probability over the share of pixels
        that are gone, and that are there (trapezia). The lower the first and the higher the second, the better.
    """
    side = images.shape[-2:]
    fine = torch.nn.functional.interpolate(maps[:, None].float(), side, mode="bilinear", align_corners=False)
    order = fine.flatten(1).argsort(dim=1, descending=True, stable=True)
    pixels = order.shape[1]
    rank = torch.empty_like(order).scatter_(1, order, torch.arange(pixels, device=order.device).expand_as(order))
    first = (rank.view(len(images), 1, *side) * steps).div(pixels, rounding_mode="floor")  # the step that takes a pixel
    without, blurred = torch.zeros_like(images), _blurred(images)
    curves = ([], [])
    for step in range(steps + 1):
        taken = first < step
        for curve, picture in zip(
            curves, (torch.where(taken, without, images), torch.where(taken, images, blurred)), strict=True
        ):
            curve.append(answers(picture).gather(1, classes[:, None])[:, 0].double().cpu())
    deletion, insertion = (torch.trapezoid(torch.stack(curve), dx=1 / steps, dim=0) for curve in curves)
    return deletion, insertion


def _blurred(images: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    sigma = max(1.0, BLUR * min(height, width))
    window = min(2 * round(2 * sigma) + 1, 2 * (min(height, width) - 1) - 1)
    return gaussian_blur(images, [max(window, 1)] * 2, [sigma] * 2)
