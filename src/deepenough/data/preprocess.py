"""From a decoded picture to the square that a network is tested on, and to the reduced picture it is trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_EXTREME_ASPECT = 8
LEAST_CROP = 0.1  # the picture is resized to so many times the side, which must fit the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """What is done to every picture at test.

    Args:
        mean: of each channel, finite, subtracted by whoever feeds the network from values in [0, 1].
        std: of each channel, above 0, divided by.
        interpolation: `bilinear`, `bicubic` or `lanczos`, always antialiased.
        crop: the share of the short side that is kept, in [0.1, 1]: the short side is resized to round(scale / crop),
            then the centre of side `scale` is cut out.
        fit: how a picture becomes a square: `crop` as above; `pad`, all of it in the upper left corner, its long side
            resized to `scale`, the rest black; `cut`, the centre at the picture's own resolution, black beyond it.
    """

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    interpolation: str = "bicubic"
    crop: float = 1.0
    fit: Literal["crop", "pad", "cut"] = "crop"

    def __post_init__(self) -> None:
        if self.interpolation not in _FILTERS:
            raise ValueError(f"interpolation must be one of {', '.join(_FILTERS)}, but got {self.interpolation!r}")
        if not LEAST_CROP <= self.crop <= 1:
            raise ValueError(f"crop must be in [{LEAST_CROP}, 1], but got {self.crop}")
        if len(self.mean) != 3 or not all(map(math.isfinite, self.mean)):
            raise ValueError(f"mean must be three finite numbers, but got {self.mean}")
        if len(self.std) != 3 or not all(0 < value < math.inf for value in self.std):
            raise ValueError(f"std must be three numbers above 0, but got {self.std}")


def squared(image: np.ndarray | Image.Image, scale: int, preprocessing: Preprocessing) -> np.ndarray:
    """The test square of a picture, by the preprocessing's `fit`; arguments and result as `resize_and_crop`."""
    if preprocessing.fit == "crop":
        return resize_and_crop(image, scale, preprocessing)
    picture, square = _as_picture(image), np.zeros((scale, scale, 3), np.uint8)
    rows, columns = part_shown(picture.size, scale, preprocessing.fit)
    if preprocessing.fit == "pad":
        shown = picture.resize((columns, rows), _FILTERS[preprocessing.interpolation])
    else:
        left, top = ((whole - there) // 2 for whole, there in zip(picture.size, (columns, rows), strict=True))
        shown = picture.crop((left, top, left + columns, top + rows))
    square[:rows, :columns] = np.asarray(shown)
    return square


def part_shown(size: tuple[int, int], scale: int, fit: str) -> tuple[int, int]:
    """How many rows and columns of a test square, from its upper left corner on, show a picture (width, height).

    >>> part_shown((200, 100), 50, "pad"), part_shown((200, 30), 50, "cut"), part_shown((200, 30), 50, "crop")
    ((25, 50), (30, 50), (50, 50))
    """
    width, height = size
    if fit == "crop":
        return scale, scale
    if fit == "cut":
        return min(height, scale), min(width, scale)
    factor = padded_scale(height, width, scale)
    return max(1, round(height * factor)), max(1, round(width * factor))


def padded_scale(height: int, width: int, scale: int) -> float:
    """By how much coordinates in pixels are multiplied where a picture is fitted into a square by `pad`.

    >>> padded_scale(100, 200, 50)
    0.25
    """
    return scale / max(height, width)


def in_picture(boxes: np.ndarray, size: tuple[int, int], side: int) -> np.ndarray:
    """Boxes of a test square, fitted by `pad`, in pixels of the picture (width, height); cut off at its edges.

    >>> in_picture(np.array([[0.0, 0.0, 50.0, 50.0]]), (200, 100), 50).tolist()
    [[0.0, 0.0, 200.0, 100.0]]
    """
    width, height = size
    return np.clip(boxes / padded_scale(height, width, side), 0.0, np.array([width, height] * 2, np.float64))


def resize_and_crop(image: np.ndarray | Image.Image, scale: int, preprocessing: Preprocessing) -> np.ndarray:
    """Resize the short side to round(scale / crop), keep the aspect, and cut out the centre.

    The same pixels as torchvision's `Resize` and `CenterCrop` on a PIL image. Of a picture more than 8 times as long as
    wide only the part that is kept is computed, which rounds otherwise in the last bit but bounds the memory.

    Args:
        image: uint8 (height, width, 3), or the same as an RGB picture, which several scales can share.
        scale: the side of the result, pixels.
        preprocessing: interpolation and crop; mean and std are not used here.

    Returns:
        uint8 (scale, scale, 3).
    """
    picture, resample = _as_picture(image), _FILTERS[preprocessing.interpolation]
    width, height = picture.size
    new_height, new_width = _resized(height, width, round(scale / preprocessing.crop))
    # half to even, as torchvision's center_crop rounds
    top, left = round((new_height - scale) / 2.0), round((new_width - scale) / 2.0)
    if max(height, width) <= _EXTREME_ASPECT * min(height, width):
        whole = picture.resize((new_width, new_height), resample)
        return np.asarray(whole)[top : top + scale, left : left + scale]
    across, down = width / new_width, height / new_height
    box = (left * across, top * down, min((left + scale) * across, width), min((top + scale) * down, height))
    return np.asarray(picture.resize((scale, scale), resample, box=box))


def _as_picture(image: np.ndarray | Image.Image) -> Image.Image:
    return image if isinstance(image, Image.Image) else Image.fromarray(image)


def reduce_short_side(image: np.ndarray, short_side: int) -> np.ndarray:
    """Shrink a picture, antialiased, so that its short side is `short_side`; a smaller picture is returned as it is.

    Args:
        image: uint8 (height, width, 3).
        short_side: pixels.

    Returns:
        uint8 (new height, new width, 3), aspect kept.
    """
    height, width = image.shape[:2]
    if min(height, width) <= short_side:
        return image
    new_height, new_width = _resized(height, width, short_side)
    return np.asarray(Image.fromarray(image).resize((new_width, new_height), Image.Resampling.LANCZOS))


def _resized(height: int, width: int, short: int) -> tuple[int, int]:
    """Height and width once the short side is `short`; the long side is rounded down, as torchvision does."""
    if height <= width:
        return short, max(short, int(short * width / height))
    return max(short, int(short * height / width)), short
