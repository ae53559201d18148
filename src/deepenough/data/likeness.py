"""Pictures that are nearly copies of each other: re-encoded, resized, cropped by a few per cent, brightened, mirrored.

`nearest` finds candidates by a perceptual hash of small grey copies, `outlines` drops those that agree at no small
shift, and `alignment` confirms the others by their pixels. Colours are not compared: a recoloured copy is a copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from deepenough.data.alignment import agreement
from deepenough.data.nearest import Hashes
from deepenough.data.outlines import outlines, overlap, turned

SIDE = 48  # of the small copies, pixels
LEAST_SIDE = 16  # of a picture, pixels; below it there is too little to tell copies by
LEAST_RANGE = 16  # from the darkest to the lightest of the small copy's grey values; below it the picture is blank
MOST_COMPARED = 10_000_000_000  # pairs of pictures; some minutes

_LEAST_OVERLAP = 0.8  # of outlines; copies cropped by 5 % at one corner reach 0.87
_CONFIRMED = 0.93  # least agreement of the pixels
_CHUNK = 16_384  # pairs at a time


class Alike(NamedTuple):
    """Two pictures that are nearly the same, by their places in the list; the first before the second."""

    first: int
    second: int
    agreement: float
    mirrored: bool


def small_copy(picture: Image.Image) -> np.ndarray | None:
    """A grey copy of the whole picture, uint8 (SIDE, SIDE); None where it is too small to compare, or blank."""
    shortest = min(picture.size)
    if shortest < LEAST_SIDE:
        return None
    reduced = picture.reduce(shortest // SIDE) if shortest >= 2 * SIDE else picture
    grey = reduced if reduced.mode == "L" else reduced.convert("L")
    copy = grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    values = np.frombuffer(copy.tobytes(), np.uint8)
    return None if int(values.max()) - int(values.min()) < LEAST_RANGE else values.reshape(SIDE, SIDE)


def alike(copies: np.ndarray, splits: Sequence[str]) -> list[Alike] | None:
    """The pairs of pictures that are nearly the same.

    Every picture's nearest few are looked at, in all splits and in the other splits; copies of copies are therefore
    found by way of each other. Where all pairs are more than `MOST_COMPARED`, pictures of the largest split are not
    compared with each other.

    Args:
        copies: uint8 (pictures, SIDE, SIDE), from `small_copy`.
        splits: of each picture.

    Returns:
        The pairs; None where even pairs of different splits are more than `MOST_COMPARED`.
    """
    count = len(copies)
    names, of = np.unique(np.asarray(splits), return_inverse=True)
    largest = np.bincount(of, minlength=len(names)).argmax() if count else 0
    order = np.argsort(of == largest, kind="stable")
    others = int((of != largest).sum())
    rows = count if _pairs(count) <= MOST_COMPARED else others
    if _pairs(count) - _pairs(count - rows) > MOST_COMPARED:
        return None
    if count < 2 or not rows:
        return []
    hashes = Hashes(copies)
    candidates = hashes.candidates(order, rows, of)
    found = []
    for start in range(0, len(candidates), _CHUNK):
        found.extend(_confirmed(copies, hashes, candidates[start : start + _CHUNK]))
    return found


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _confirmed(copies: np.ndarray, hashes: Hashes, pairs: np.ndarray) -> Iterator[Alike]:
    mirrored = hashes.mirrored(pairs[:, 0], pairs[:, 1])
    pictures, places = np.unique(pairs, return_inverse=True)
    first, second = places.reshape(pairs.shape).T
    drawn = outlines(copies[pictures])
    of_second = drawn[second]
    of_second[mirrored] = turned(of_second[mirrored], SIDE)
    reached, scale, shift = overlap(drawn[first], of_second, SIDE)
    left = np.flatnonzero(reached >= _LEAST_OVERLAP)
    seconds = copies[pairs[left, 1]]
    seconds[mirrored[left]] = seconds[mirrored[left], :, ::-1]
    agreed = agreement(copies[pairs[left, 0]], seconds, scale[left], shift[left])
    for place in np.flatnonzero(agreed >= _CONFIRMED):
        one, other = pairs[left[place]]
        yield Alike(int(one), int(other), float(agreed[place]), bool(mirrored[left[place]]))
