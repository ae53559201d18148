"""What pictures look like between 3 and 12 pixels of half their small copy, as a few waves, and how well two agree.

A picture's outline is the Fourier transform of that structure, of the whole picture and of its middle. It is made once;
two outlines are then compared at every small shift by one product of matrices, which is far less work than a transform
for every pair. All steps up to the length are linear, so they are two small matrices.
"""

from __future__ import annotations

from functools import cache

import numpy as np

MIDDLE = 0.95  # side of the middle, as a share of the picture's
MAX_SHIFT = 0.15  # of the side
_HIGHEST = 8  # frequency: periods along the side; the structure has next to none above
_DOWN, _ACROSS = 2 * _HIGHEST + 1, _HIGHEST + 1
_CHUNK = 256  # pictures at a time: they stay in the processor's cache


@cache
def blurs(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrices that blur a line of pixels, a little and more; beyond the ends it goes on as it ends.

    What lies between 3 and 12 pixels in size is the difference of the two.
    """
    narrow = _blur(side, np.array([1, 2, 1]) / 4)
    return narrow, _blur(side, np.array([1, 6, 15, 20, 15, 6, 1]) / 64) @ narrow


def outlines(copies: np.ndarray) -> np.ndarray:
    """The outlines of pictures, for `overlap`.

    Args:
        copies: uint8 (pictures, side, side), grey; the side is even.

    Returns:
        complex64 (pictures, 2, waves), of the whole picture and of its middle, each of length 1; or zero, where there
        is no structure.
    """
    made = np.empty((len(copies), 2, _DOWN * _ACROSS), np.complex64)
    for start in range(0, len(copies), _CHUNK):
        found = _transformed(copies[start : start + _CHUNK])
        found[:, :, _HIGHEST, 0] = 0  # the mean
        found[..., 1:] *= 2**0.5  # each stands for its twin as well
        flat = found.reshape(len(found), 2, -1)
        length = np.sqrt(np.einsum("ijk,ijk->ij", flat.view(np.float32), flat.view(np.float32)))
        made[start : start + _CHUNK] = flat / np.maximum(length, 1e-3)[:, :, None]
    return made


def turned(outline: np.ndarray, side: int) -> np.ndarray:
    """The outlines of mirrored pictures, from those of the pictures; `side` is that of the small copies."""
    half = side // 2
    across = np.arange(_HIGHEST + 1)
    phase = np.exp(-2j * np.pi * across * (half - 1) / half).astype(np.complex64)
    grid = outline.reshape(*outline.shape[:-1], 2 * _HIGHEST + 1, _HIGHEST + 1)
    return (grid[..., ::-1, :].conj() * phase).reshape(outline.shape)


def overlap(first: np.ndarray, second: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far pairs of outlines agree at best: whole on whole, or middle on whole, at a shift of at most `MAX_SHIFT`.

    Args:
        first: complex64 (pairs, 2, waves), from `outlines`.
        second: the same.
        side: of the small copies, pixels.

    Returns:
        float32 (pairs,), the correlation in [-1, 1]; (pairs,), the scale at which the second is like the first, below 1
        where it shows its middle; and (pairs, 2), the shift of the second against the first, down and right, in pixels
        of half the small copy. Shifts go around the edges.
    """
    shifts, waves = _shifts(side)
    reached = np.full(len(first), -1, np.float32)
    scale, shift = np.ones(len(first), np.float32), np.zeros((len(first), 2))
    for start in range(0, len(first), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        for of_first, of_second, by in ((0, 0, 1.0), (1, 0, MIDDLE), (0, 1, 1 / MIDDLE)):
            product = second[chunk, of_second] * first[chunk, of_first].conj()
            correlation = product.view(np.float32) @ waves
            best = correlation.argmax(1)
            value = correlation[np.arange(len(best)), best]
            better = np.flatnonzero(value > reached[chunk])
            reached[start + better], scale[start + better] = value[better], by
            shift[start + better] = shifts[best[better]]
    return reached, scale, shift


def _transformed(copies: np.ndarray) -> np.ndarray:
    """Waves of the structure, complex64 (pictures, 2 views, down, across)."""
    down, across = _matrices(copies.shape[1])
    rows = copies[:, ::2].astype(np.float32) + copies[:, 1::2]
    halves = rows[:, :, ::2] + rows[:, :, 1::2]
    count, half, _ = halves.shape
    wide = (halves.reshape(count * half, half) @ across).reshape(count, half, 2, -1).transpose(2, 0, 1, 3)
    made = np.empty((count, 2, _DOWN, _ACROSS), np.complex64)
    for view in range(2):
        both = down[view] @ np.ascontiguousarray(wide[view]).reshape(count, half, 2, 2 * _ACROSS).transpose(
            0, 2, 1, 3
        ).reshape(count, 2 * half, 2 * _ACROSS)
        real = both[:, :_DOWN, :_ACROSS] - both[:, _DOWN:, _ACROSS:]
        imaginary = both[:, :_DOWN, _ACROSS:] + both[:, _DOWN:, :_ACROSS]
        made[:, view] = real + np.complex64(1j) * imaginary
    return made


@cache
def _matrices(side: int) -> tuple[np.ndarray, np.ndarray]:
    """What makes the waves, by real matrices: real parts first, then imaginary.

    Returns:
        float32 (2 views, 2 down, 2 blurs half), the second blur with a minus; and (half, 2 views 2 blurs 2 across).
    """
    half = side // 2
    line = np.arange(half)
    wanted = (half - 1) / 2 + (line - (half - 1) / 2) * MIDDLE
    cutting = np.maximum(0, 1 - np.abs(wanted[:, None] - line))
    all_down, all_across = [], []
    for view in (np.eye(half), cutting):
        lines = [blur @ view for blur in blurs(half)]
        down, across = (
            [_parts(np.exp(-2j * np.pi * np.outer(frequencies, line) / half) @ of) for of in lines]
            for frequencies in (np.arange(-_HIGHEST, _HIGHEST + 1), np.arange(_ACROSS))
        )
        all_down.append(np.concatenate([down[0], -down[1]], axis=1))
        all_across.extend(across)
    return np.stack(all_down).astype(np.float32), np.concatenate(all_across).T.astype(np.float32).copy()


def _parts(matrix: np.ndarray) -> np.ndarray:
    return np.concatenate([np.real(matrix), np.imag(matrix)])


@cache
def _shifts(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The shifts that are tried, int (shifts, 2), and what turns a product of outlines into correlations at them."""
    half = side // 2
    reach = int(MAX_SHIFT * half)
    steps = np.arange(-2 * reach, 2 * reach + 1) / 2
    shifts = np.array([(y, x) for y in steps for x in steps])
    down, across = np.meshgrid(np.arange(-_HIGHEST, _HIGHEST + 1), np.arange(_HIGHEST + 1), indexing="ij")
    angle = 2 * np.pi / half * (np.outer(down.ravel(), shifts[:, 0]) + np.outer(across.ravel(), shifts[:, 1]))
    waves = np.empty((2 * len(angle), len(shifts)), np.float32)
    waves[::2], waves[1::2] = np.cos(angle), -np.sin(angle)
    return shifts, waves


def _blur(side: int, weights: np.ndarray) -> np.ndarray:
    matrix = np.zeros((side, side), np.float32)
    reach = len(weights) // 2
    for row in range(side):
        for offset, weight in enumerate(weights, start=-reach):
            matrix[row, min(max(row + offset, 0), side - 1)] += weight
    return matrix
