"""How like two pictures are: peak signal-to-noise ratio and structural similarity, as scikit-image has them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

LIKE = 100.0  # dB, said of pictures that hardly differ or do not, for which the ratio has no bound
_WINDOW, _SIGMA = 11, 1.5
_FIRST, _SECOND = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2


def psnr(picture: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio over all pixels and channels, in dB, within [0, 100]; higher is more alike.

    Args:
        picture: uint8 (height, width, 3).
        other: uint8 (height, width, 3).

    >>> black = np.zeros((2, 2, 3), np.uint8)
    >>> psnr(black, black), psnr(black, black + 255), round(psnr(black, black + 1), 2)
    (100.0, 0.0, 48.13)
    """
    error = float(np.square(picture.astype(np.float64) - other.astype(np.float64)).mean())
    return LIKE if error == 0 else min(LIKE, float(10.0 * np.log10(255.0**2 / error)))


def ssim(picture: np.ndarray, other: np.ndarray) -> float:
    """Mean structural similarity of the channels, within [-1, 1]; 1 is the same.

    Wang et al. 2004, "Image Quality Assessment", section III-B: an 11 x 11 Gaussian window, population covariance, the
    mean over positions where the whole window lies within. Sides below 11 px are repeated at their edges.

    Args:
        picture: uint8 (height, width, 3).
        other: uint8 (height, width, 3).
    """
    both = torch.from_numpy(np.stack([picture, other])).permute(0, 3, 1, 2).double()
    lacking = [max(0, _WINDOW - side) for side in picture.shape[:2]]
    if any(lacking):
        (down, across), halves = lacking, [side // 2 for side in lacking]
        ends = (halves[1], across - halves[1], halves[0], down - halves[0])
        both = functional.pad(both, ends, mode="replicate")
    one, two = both
    mean, other_mean = _blurred(one), _blurred(two)
    variance = _blurred(one * one) - mean * mean
    other_variance = _blurred(two * two) - other_mean * other_mean
    covariance = _blurred(one * two) - mean * other_mean
    structure = (2 * covariance + _SECOND) / (variance + other_variance + _SECOND)
    light = (2 * mean * other_mean + _FIRST) / (mean * mean + other_mean * other_mean + _FIRST)
    return float((structure * light).mean().clamp(-1.0, 1.0))


def _blurred(channels: Tensor) -> Tensor:
    """Means under the Gaussian window, where it lies within: (3, height, width) -> (3, height - 10, width - 10)."""
    away = torch.arange(_WINDOW, dtype=channels.dtype) - _WINDOW // 2
    line = torch.exp(-0.5 * (away / _SIGMA) ** 2)
    line = line / line.sum()
    down = functional.conv2d(channels[:, None], line.view(1, 1, -1, 1))
    return functional.conv2d(down, line.view(1, 1, 1, -1))[:, 0]
