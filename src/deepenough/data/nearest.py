"""Which pictures are worth a closer look as copies of each other: the nearest few of each by a perceptual hash.

A hash is the low frequencies of a small grey copy (discrete cosine transform), as a direction in 35 dimensions, of the
whole picture and of its middle. All pairs are compared, as they are and mirrored, in tiles that stay in the processor's
cache; of each picture only the nearest are kept, so that ten thousand frames of one film are no more pairs than ten
thousand strangers.
"""

from __future__ import annotations

from functools import cache

import numpy as np

_LEAST_LIKENESS = 0.85  # cosine between two hashes
_MIDDLE = 0.9  # side of the middle, as a share of the picture's
_NEAREST = 3  # candidates of a picture: in all splits, and again in the others
_HIGHEST = 7  # frequency: half periods down and across, together
_FREQUENCIES = sorted(
    ((down, across) for down in range(8) for across in range(8) if 0 < down + across <= _HIGHEST),
    key=lambda frequency: frequency[1] % 2,
)
_EVEN = sum(across % 2 == 0 for _, across in _FREQUENCIES)  # the first ones; the others change sign in a mirror
_CHUNK = 256  # pictures that are hashed at a time
_ROWS, _COLUMNS = 256, 512  # of a tile
_MOST_HELD = 2_000_000  # pairs between one thinning and the next


class Hashes:
    """Unit vectors of every picture, whole and middle.

    Args:
        copies: uint8 (pictures, side, side), grey.
    """

    def __init__(self, copies: np.ndarray) -> None:
        blocks = [_hashed(copies[i : i + _CHUNK]) for i in range(0, len(copies), _CHUNK)]
        self._views = np.concatenate(blocks, axis=1) if blocks else np.empty((2, 0, len(_FREQUENCIES)), np.float32)

    def candidates(self, order: np.ndarray, rows: int, split: np.ndarray) -> np.ndarray:
        """Pairs that are worth a look.

        Args:
            order: the pictures, those that are compared with all others first.
            rows: how many those are.
            split: of each picture, a number; of each picture the nearest in other splits are looked for as well.

        Returns:
            int (pairs, 2), the lesser place first, in order.
        """
        views, split = self._views[:, order], split[order]
        tiles = _Tiles(views[:, :, :_EVEN], views[:, :, _EVEN:])
        first, second, value = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        held: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for start in range(0, rows, _ROWS):
            for left in range(start, len(order), _COLUMNS):
                found = tiles.nearest(slice(start, min(start + _ROWS, rows)), slice(left, left + _COLUMNS), split)
                if len(found[0]):
                    held.append(found)
            if start + _ROWS >= rows or sum(len(found[0]) for found in held) > _MOST_HELD:
                first, second, value = (
                    np.concatenate(parts) for parts in zip((first, second, value), *held, strict=True)
                )
                kept = _of_any(first, second, value, split)
                first, second, value, held = first[kept], second[kept], value[kept], []
        return np.unique(np.sort(order[np.stack([first, second], 1)], axis=1), axis=0)

    def mirrored(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Of each pair, whether the second is more like a mirror image of the first."""
        whole, middle = self._views
        pairs = [(whole[first], whole[second]), (middle[first], whole[second]), (whole[first], middle[second])]
        even = [(a[:, :_EVEN] * b[:, :_EVEN]).sum(1) for a, b in pairs]
        odd = [(a[:, _EVEN:] * b[:, _EVEN:]).sum(1) for a, b in pairs]
        best = np.argmax([e + abs(o) for e, o in zip(even, odd, strict=True)], axis=0)
        return np.array(odd)[best, np.arange(len(first))] < 0


class _Tiles:
    """The likeness of pictures, a rectangle of pairs at a time."""

    def __init__(self, even: np.ndarray, odd: np.ndarray) -> None:
        self._even, self._odd = even.copy(), odd.copy()
        self._turned = self._even.transpose(0, 2, 1).copy(), self._odd.transpose(0, 2, 1).copy()
        self._room = [np.empty(_ROWS * _COLUMNS, np.float32) for _ in range(3)]

    def nearest(self, rows: slice, columns: slice, split: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First, second and likeness of the pairs that are alike; where those are many, of each picture the nearest."""
        values = self._likeness(rows, columns)
        if columns.start < rows.stop:  # a pair is looked at once
            values[
                np.arange(rows.start, rows.stop)[:, None] >= np.arange(columns.start, columns.start + values.shape[1])
            ] = -1
        places = np.flatnonzero(values >= _LEAST_LIKENESS)
        if len(places) > 2 * _NEAREST * sum(values.shape):
            places = _crowded(values, split[rows][:, None] != split[columns])
        down, right = np.divmod(places, values.shape[1])
        return down + rows.start, right + columns.start, values.ravel()[places]

    def _likeness(self, rows: slice, columns: slice) -> np.ndarray:
        """Cosines of hashes, the greatest of whole and middle, straight and mirrored; float32 (rows, columns)."""
        shape = self._even[0, rows].shape[0], self._turned[0][0, :, columns].shape[1]
        best, even, odd = (room[: shape[0] * shape[1]].reshape(shape) for room in self._room)
        for place, (view, other) in enumerate(((0, 0), (1, 0), (0, 1))):
            target = even if place else best
            np.matmul(self._even[view, rows], self._turned[0][other, :, columns], out=target)
            np.matmul(self._odd[view, rows], self._turned[1][other, :, columns], out=odd)
            target += np.abs(odd, out=odd)
            if place:
                np.maximum(best, even, out=best)
        return best


def _crowded(values: np.ndarray, differs: np.ndarray) -> np.ndarray:
    """Places in `values` of every row's and column's nearest, and of the nearest of those that differ."""
    places = []
    for allowed in (values, np.where(differs, values, -1)) if differs.any() else (values,):
        for axis in (0, 1):
            left = allowed.copy()
            line = np.arange(left.shape[1 - axis])
            for _ in range(_NEAREST):
                best = np.asarray(left.argmax(axis))
                where = (best, line) if axis == 0 else (line, best)
                near = left[where] >= _LEAST_LIKENESS
                left[where] = -1
                places.append(np.ravel_multi_index(where, left.shape)[near])
    return np.unique(np.concatenate(places))


def _of_any(first: np.ndarray, second: np.ndarray, value: np.ndarray, split: np.ndarray) -> np.ndarray:
    """The places of pairs that are among the nearest of one of their two, in all splits or in the others."""
    row, values = np.concatenate([first, second]), np.concatenate([value, value])
    differs = np.flatnonzero(np.tile(split[first] != split[second], 2))
    kept = np.concatenate([_nearest(row, values), differs[_nearest(row[differs], values[differs])]])
    return np.unique(kept % max(len(first), 1))


def _nearest(row: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The places of each row's `_NEAREST` greatest values."""
    order = np.lexsort((-value, row))
    ranked = row[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else np.empty(0, int)
    rank = np.arange(len(ranked)) - np.repeat(starts, np.diff(np.r_[starts, len(ranked)]))
    return order[rank < _NEAREST]


def _hashed(copies: np.ndarray) -> np.ndarray:
    """Float32 (2 views, pictures, 35)."""
    views = []
    for matrix in _transforms(copies.shape[1]):
        spectrum = matrix @ copies.astype(np.float32) @ matrix.T
        chosen = np.stack([spectrum[:, down, across] * (down + across) ** 0.5 for down, across in _FREQUENCIES], 1)
        views.append(chosen / np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), 1e-6))
    return np.stack(views)


@cache
def _transforms(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrices that give the low frequencies of a line of pixels (DCT-II), of all of it and of its middle."""
    frequencies = np.arange(_HIGHEST + 1)[:, None]
    middle = (side - 1) / 2
    line = np.arange(side)
    waves = np.cos(np.pi * (line + 0.5) * frequencies / side)
    wanted = middle + (line - middle) * _MIDDLE
    sampling = np.maximum(0, 1 - np.abs(wanted[:, None] - line))
    return waves.astype(np.float32), (waves @ sampling).astype(np.float32)
