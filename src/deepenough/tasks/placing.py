"""Objects that move with their picture: the random view of training, and the way back from a test square."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from deepenough.data.objects import Object
from deepenough.data.preprocess import padded_scale

if TYPE_CHECKING:
    from deepenough.data.augment import Augmentation

_LEAST_SEEN = 0.25  # of an object, below which a crop that cuts it is no example of it
_LEAST_SIDE = 1.0  # pixels of a square


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of a picture.

    Args:
        size: width and height of what the boxes are in, pixels.
        boxes: left, top, right, bottom, float32 (objects, 4).
        labels: class numbers, int64 (objects,).
        areas: of the original picture, square pixels, float64 (objects,).
        crowd: bool (objects,); nothing is learned from these.
        ignored: bool (objects,); these are learned from and not counted.
    """

    size: tuple[int, int]
    boxes: np.ndarray
    labels: np.ndarray
    areas: np.ndarray
    crowd: np.ndarray
    ignored: np.ndarray

    @classmethod
    def of(cls, objects: Sequence[Object], size: tuple[int, int], numbers: dict[str, int]) -> Objects:
        """From annotations, with the number of each class."""
        return cls(
            size=size,
            boxes=np.array([found.box for found in objects], np.float64).reshape(-1, 4),
            labels=np.array([numbers[found.label] for found in objects], np.int64),
            areas=np.array([found.area for found in objects], np.float64),
            crowd=np.array([found.crowd for found in objects], bool),
            ignored=np.array([found.ignored for found in objects], bool),
        )

    def chosen(self, which: np.ndarray) -> Objects:
        """Some of them."""
        parts = {name: getattr(self, name)[which] for name in ("boxes", "labels", "areas", "crowd", "ignored")}
        return replace(self, **parts)

    def as_target(self) -> dict[str, Tensor]:
        """What detectors are taught with: those that are no crowd."""
        taught = self.chosen(~self.crowd)
        return {"boxes": torch.from_numpy(taught.boxes).float(), "labels": torch.from_numpy(taught.labels)}


class PlacedView:
    """A random view of a picture with its objects.

    The picture is fitted into the square as at test, then made larger or smaller by up to sqrt(min_area), at any place:
    what does not fit is cut off, what is left is black. It may be mirrored, its colours distorted where the study asks
    for TrivialAugment (whose turns and shears know no boxes), and a rectangle erased. With `crop: centre` it is placed
    as at test.

    Args:
        augmentation: what to do.
        side: of the square, pixels.
    """

    def __init__(self, augmentation: Augmentation, side: int) -> None:
        from torchvision.transforms import v2

        self._augmentation, self._side = augmentation, side
        steps: list[Callable[[Tensor], Tensor]] = []
        if augmentation.trivial_augment:
            steps.append(v2.RandomPhotometricDistort())
        if augmentation.erasing > 0:
            steps.append(v2.RandomErasing(augmentation.erasing))
        self._steps = steps

    def __call__(self, picture: Tensor, target: Objects) -> tuple[Tensor, Objects]:
        """From uint8 (3, height, width) with its objects to uint8 (3, side, side) with those in it."""
        factor, at = self._drawn(picture)
        square, moved = placed(picture, target, self._side, factor, at)
        if torch.rand(()).item() < self._augmentation.flip:
            square = square.flip(-1)
            boxes = moved.boxes[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1]) + np.array([1, 0, 1, 0]) * self._side
            moved = replace(moved, boxes=boxes)
        for step in self._steps:
            square = step(square)
        return square, moved

    def _drawn(self, picture: Tensor) -> tuple[float, tuple[float, float]]:
        """By how much the picture is resized, and where it lies in the room that it leaves or lacks, in [0, 1]."""
        fitted = padded_scale(picture.shape[1], picture.shape[2], self._side)
        if self._augmentation.crop == "centre":
            return fitted, (0.0, 0.0)
        power, across, down = torch.rand(3).tolist()
        return fitted * self._augmentation.min_area ** (power - 0.5), (across, down)


def placed(
    picture: Tensor, target: Objects, side: int, factor: float, at: tuple[float, float]
) -> tuple[Tensor, Objects]:
    """A picture resized by `factor` and laid into a square, with the objects that are still seen.

    Args:
        picture: uint8 (3, height, width), of any size; the objects are in pixels of the picture as it was.
        target: its objects.
        side: of the square, pixels.
        factor: of the resizing.
        at: where the picture lies in the room that it leaves, across and down, in [0, 1]; where it is larger than the
            square, which part of it is cut out.
    """
    square, shifts, scales = torch.zeros((3, side, side), dtype=torch.uint8), [0.0, 0.0], [1.0, 1.0]
    cuts, places = [], []
    for axis, (length, share) in enumerate(zip((picture.shape[2], picture.shape[1]), at, strict=True)):
        wanted = min(length, max(1, round(side / factor)))  # of the picture's own pixels
        first = round(share * (length - wanted))
        new = min(side, max(1, round(wanted * factor)))
        place = round(share * (side - new))
        cuts.append(slice(first, first + wanted))
        places.append(slice(place, place + new))
        scales[axis] = new / wanted
        shifts[axis] = place - first * scales[axis]
    part, size = (
        picture[None, :, cuts[1], cuts[0]],
        (places[1].stop - places[1].start, places[0].stop - places[0].start),
    )
    if part.shape[-2:] != size:
        part = interpolate(part, size, mode="bilinear", align_corners=False, antialias=True)
    square[:, places[1], places[0]] = part[0]
    own = np.array([picture.shape[2] / target.size[0], picture.shape[1] / target.size[1]] * 2)
    whole = target.boxes * own * np.array(scales * 2) + np.array(shifts * 2)
    low = np.array([places[0].start, places[1].start] * 2, np.float64)
    high = np.array([places[0].stop, places[1].stop] * 2, np.float64)
    boxes = np.clip(whole, low, high)
    sides, before = boxes[:, 2:] - boxes[:, :2], whole[:, 2:] - whole[:, :2]
    seen = (sides >= _LEAST_SIDE).all(axis=1) & (sides.prod(axis=1) >= _LEAST_SEEN * before.prod(axis=1))
    return square, replace(target, size=(side, side), boxes=boxes).chosen(seen)
