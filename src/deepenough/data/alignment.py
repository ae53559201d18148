"""Lay small pictures over each other, and say how far they then agree.

The second picture of a pair is taken for the first, cut at its edges and brightened: four numbers (a scale and a shift
along each axis) and two of brightness, found by Gauss-Newton steps from coarse to fine (Lucas and Kanade 1981; Baker
and Matthews 2004, section 2). What counts is the agreement of structure between 3 and 12 pixels: a shirt on white is
like any other shirt on white in its coarse shape, but not there.
"""

from __future__ import annotations

import numpy as np

from deepenough.data.outlines import MAX_SHIFT, blurs

_COARSE_STEPS, _FINE_STEPS = 1, 3
_LEAST_COARSE = 0.88  # agreement at half the side; pairs below it are laid no more finely
_MAX_SCALE = 1.3
_DAMPING = 1e-4
_EDGE = 3  # pixels at the frame that the filters spoil
_CHUNK = 128  # pairs at a time: they stay in the processor's cache


def agreement(first: np.ndarray, second: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """How far pairs of pictures agree once the first is laid over the second.

    Args:
        first: uint8 (pairs, side, side), grey; the side is even.
        second: the same.
        scale: (pairs,), where to start: below 1 where the second shows the middle of the first, above 1 where the first
            shows the middle of the second.
        shift: (pairs, 2), where to start: of the second against the first, down and right, in pixels of half the side.

    Returns:
        float32 (pairs,), the smaller of two correlations in [-1, 1]: of the pictures, and of their structure. Pairs
        that are plainly different are given up early, with a lower value than they might reach.
    """
    agreed = np.zeros(len(first), np.float32)
    start = np.stack([scale, -shift[:, 0], scale, -shift[:, 1]], axis=1).astype(np.float32)
    for place in range(0, len(first), _CHUNK):
        chunk = slice(place, place + _CHUNK)
        agreed[chunk] = _agreement(first[chunk], second[chunk], start[chunk])
    return agreed


def _agreement(a: np.ndarray, b: np.ndarray, found: np.ndarray) -> np.ndarray:
    """`found`: vertical scale and shift, horizontal scale and shift."""
    half_a, half_b = _standardised(_halved(a)), _standardised(_halved(b))
    for _ in range(_COARSE_STEPS):
        found = _improved(half_a, half_b, found)
    agreed = _agreement_at(half_a, half_b, found)
    left = np.flatnonzero(agreed >= _LEAST_COARSE)
    a, b, found = _standardised(a[left]), _standardised(b[left]), found[left] * np.array([1, 2, 1, 2], np.float32)
    for _ in range(_FINE_STEPS):
        found = _improved(a, b, found)
    agreed[left] = _agreement_at(a, b, found)
    return agreed


def _agreement_at(a: np.ndarray, b: np.ndarray, found: np.ndarray) -> np.ndarray:
    laid, seen = _laid(a, found)
    inner = seen.copy()
    inner[:, :_EDGE] = inner[:, -_EDGE:] = 0
    inner[:, :, :_EDGE] = inner[:, :, -_EDGE:] = 0
    return np.minimum(_correlation(laid, b, seen), _correlation(_structure(laid), _structure(b), inner))


def _standardised(pictures: np.ndarray) -> np.ndarray:
    count, side, _ = pictures.shape
    values = pictures.reshape(count, side * side).astype(np.float32)
    values -= values.mean(1, keepdims=True)
    values /= np.maximum(np.sqrt(_dot(values, values) / (side * side)), 1)[:, None]
    return values.reshape(count, side, side)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of each pair of rows."""
    return np.einsum("ij,ij->i", a, b)


def _halved(pictures: np.ndarray) -> np.ndarray:
    rows = pictures[:, ::2].astype(np.float32) + pictures[:, 1::2]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) / 4


def _laid(pictures: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pictures scaled and shifted, bilinearly, and 1 where they then reach, 0 where they do not."""
    side = pictures.shape[1]
    rows, seen_rows = _sampling(found[:, 0], found[:, 1], side)
    columns, seen_columns = _sampling(found[:, 2], found[:, 3], side)
    return rows @ pictures @ columns.transpose(0, 2, 1), seen_rows[:, :, None] * seen_columns[:, None, :]


def _sampling(scale: np.ndarray, shift: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (pairs, side, side) that sample a line at scaled and shifted places, and whether those are on it."""
    places = np.arange(side, dtype=np.float32)
    middle = (side - 1) / 2
    wanted = middle + (places - middle) * scale[:, None] + shift[:, None]
    seen = ((wanted >= -0.25) & (wanted <= side - 0.75)).astype(np.float32)
    weights = np.maximum(0, 1 - np.abs(wanted.clip(0, side - 1)[:, :, None] - places))
    return weights.astype(np.float32), seen


def _improved(a: np.ndarray, b: np.ndarray, found: np.ndarray) -> np.ndarray:
    """One Gauss-Newton step of `found`, within its bounds."""
    count, side, _ = a.shape
    laid, seen = _laid(a, found)
    down, right = np.gradient(laid, axis=(1, 2))
    places = np.arange(side, dtype=np.float32) - (side - 1) / 2
    slopes = np.empty((count, 6, side, side), np.float32)
    slopes[:, 0], slopes[:, 1] = down * places[:, None], down
    slopes[:, 2], slopes[:, 3] = right * places, right
    slopes[:, 4], slopes[:, 5] = laid, 1
    slopes *= seen[:, None]
    flat = slopes.reshape(count, 6, side * side)
    squares = flat @ flat.transpose(0, 2, 1)
    squares += np.eye(6, dtype=np.float32) * (_DAMPING * np.einsum("bii->bi", squares) + 1e-3)[:, None, :]
    step = np.linalg.solve(squares, flat @ (b - laid).reshape(count, side * side, 1))[:, :4, 0]
    bound = MAX_SHIFT * side
    high = np.array([_MAX_SCALE, bound] * 2, np.float32)
    low = np.array([1 / _MAX_SCALE, -bound] * 2, np.float32)
    return (found + step).clip(low, high)


def _correlation(a: np.ndarray, b: np.ndarray, seen: np.ndarray) -> np.ndarray:
    count, side, _ = seen.shape
    a, b, seen = (values.reshape(count, side * side) for values in (a, b, seen))
    size = seen.sum(1)
    a, b = ((values - (_dot(values, seen) / size)[:, None]) * seen for values in (a, b))
    return _dot(a, b) / np.sqrt(np.maximum(_dot(a, a) * _dot(b, b), 1e-6))


def _structure(pictures: np.ndarray) -> np.ndarray:
    """What lies between 3 and 12 pixels in size, by a difference of two binomial blurs."""
    narrow, wide = blurs(pictures.shape[1])
    return narrow @ pictures @ narrow.T - wide @ pictures @ wide.T
