"""Pictures that are nearly copies of each other: re-encoded, resized, cropped by a few per cent, brightened, mirrored.

A perceptual hash finds candidates: the low frequencies of a small grey copy (discrete cosine transform), as directions
in 35 dimensions, of the whole picture and of its middle, as they are and mirrored. `alignment` then confirms them by
their pixels. Colours are not compared: a recoloured copy is a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from deepenough.data.alignment import agreement

SIDE = 48  # of the small copies, pixels
LEAST_SIDE = 16  # of a picture, pixels; below it there is too little to tell copies by
LEAST_SPREAD = 4.0  # standard deviation of the small copy's grey values; below it the picture is blank
MOST_COMPARED = 4_000_000_000  # pairs of pictures; some minutes

_LEAST_LIKENESS = 0.85  # cosine between two hashes
_NEAREST = 3  # candidates of a picture: in all splits, and again in the others
_MIDDLE = 0.9  # side of the middle, as a share of the picture's
_CONFIRMED = 0.93  # least agreement of the pixels
_HIGHEST = 7  # frequency: half periods down and across, together
_FREQUENCIES = [(down, across) for down in range(8) for across in range(8) if 0 < down + across <= _HIGHEST]
_MIRRORED = np.array([(-1) ** across for _, across in _FREQUENCIES], np.float32)
_ROWS = 512


class Alike(NamedTuple):
    """Two pictures that are nearly the same, by their places in the list; the first before the second."""

    first: int
    second: int
    agreement: float
    mirrored: bool


def small_copy(picture: Image.Image) -> np.ndarray | None:
    """A grey copy of the whole picture, uint8 (SIDE, SIDE); None where it is too small to compare."""
    shortest = min(picture.size)
    if shortest < LEAST_SIDE:
        return None
    return np.asarray(
        picture.reduce(max(1, shortest // SIDE)).convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    )


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
    names, of = np.unique(np.asarray(splits), return_inverse=True)
    sizes = np.bincount(of, minlength=len(names))
    largest = int(sizes.argmax()) if len(sizes) else 0
    others = np.flatnonzero(of != largest)
    rows = np.arange(len(copies)) if len(copies) ** 2 <= MOST_COMPARED else others
    if len(rows) * len(copies) > MOST_COMPARED:
        return None
    if len(copies) < 2 or not len(rows):
        return []
    hashes = _Hashes(copies)
    pairs = hashes.candidates(rows, of)
    first, second = pairs[:, 0], pairs[:, 1]
    mirrored, scale = hashes.fit(first, second)
    seconds = copies[second]
    seconds[mirrored] = seconds[mirrored][:, :, ::-1]
    agreed = agreement(copies[first], seconds, scale)
    return [
        Alike(int(first[i]), int(second[i]), float(agreed[i]), bool(mirrored[i]))
        for i in np.flatnonzero(agreed >= _CONFIRMED)
    ]


class _Hashes:
    """Unit vectors of every picture, whole and middle; float32 (pictures, 35)."""

    def __init__(self, copies: np.ndarray) -> None:
        self._whole, self._middle = (
            np.concatenate([_hash(copies[i : i + _ROWS], matrix) for i in range(0, len(copies), _ROWS)])
            for matrix in _transforms()
        )

    def candidates(self, rows: np.ndarray, split: np.ndarray) -> np.ndarray:
        """Pairs that are worth a look, int (pairs, 2), the lesser place first."""
        found = []
        for start in range(0, len(rows), _ROWS):
            block = rows[start : start + _ROWS]
            likeness = self._likeness(block)
            likeness[np.arange(len(block)), block] = -1
            row, column = np.nonzero(likeness >= _LEAST_LIKENESS)
            value = likeness[row, column]
            elsewhere = split[block[row]] != split[column]
            for chosen in (np.ones(len(row), bool), elsewhere):
                kept = _nearest(row[chosen], value[chosen])
                found.append(np.stack([block[row[chosen][kept]], column[chosen][kept]], 1))
        return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)

    def _likeness(self, block: np.ndarray) -> np.ndarray:
        whole, middle = self._whole[block], self._middle[block]
        greatest = whole @ self._whole.T
        for view, others in ((whole, self._middle), (middle, self._whole)):
            np.maximum(greatest, view @ others.T, out=greatest)
        for view, others in ((whole, self._whole), (whole, self._middle), (middle, self._whole)):
            np.maximum(greatest, (view * _MIRRORED) @ others.T, out=greatest)
        return greatest

    def fit(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each pair, whether the second is a mirror image, and at which scale to start laying one over the other."""
        whole, middle = (self._whole[first], self._whole[second]), (self._middle[first], self._middle[second])
        views = [(whole[0], whole[1]), (middle[0], whole[1]), (whole[0], middle[1])]
        straight = [(a * b).sum(1) for a, b in views]
        turned = [(a * _MIRRORED * b).sum(1) for a, b in views]
        best = np.argmax([*straight, *turned], axis=0)
        return best >= len(views), np.array([1, _MIDDLE, 1 / _MIDDLE], np.float32)[best % len(views)]


def _nearest(row: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The places of each row's `_NEAREST` greatest values."""
    order = np.lexsort((-value, row))
    ranked = row[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else np.empty(0, int)
    rank = np.arange(len(ranked)) - np.repeat(starts, np.diff(np.r_[starts, len(ranked)]))
    return order[rank < _NEAREST]


def _hash(copies: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    spectrum = matrix @ copies.astype(np.float32) @ matrix.T
    chosen = np.stack([spectrum[:, down, across] * (down + across) ** 0.5 for down, across in _FREQUENCIES], 1)
    return chosen / np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), 1e-6)


@cache
def _transforms() -> tuple[np.ndarray, np.ndarray]:
    """Matrices that give the low frequencies of a line of pixels (DCT-II), of all of it and of its middle."""
    frequencies = np.arange(_HIGHEST + 1)[:, None]
    middle = (SIDE - 1) / 2

    def waves(places: np.ndarray) -> np.ndarray:
        return np.cos(np.pi * (places + 0.5) * frequencies / SIDE)

    line = np.arange(SIDE)
    wanted = middle + (line - middle) * _MIDDLE
    sampling = np.maximum(0, 1 - np.abs(wanted[:, None] - line))
    return waves(line).astype(np.float32), (waves(line) @ sampling).astype(np.float32)
