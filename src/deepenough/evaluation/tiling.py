"""Pictures of any size shown to a network in overlapping tiles, and what it says of them joined without seams.

A tile's outer margin, where the network sees the tile's edge instead of the picture, has no weight; from there weights
rise towards the middle, so that what two tiles say goes over into one another. Tiles begin at multiples of 32 px, the
coarsest stride, so that every tile lies on the grid on which the whole picture would.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STRIDE = 32  # pixels, of the coarsest map


def tiled(
    said: Callable[[np.ndarray], np.ndarray], picture: np.ndarray, *, tile: int = 256, margin: int = 32
) -> np.ndarray:
    """What a network says of every pixel of a picture.

    Memory goes with a tile and with the result. A picture that fits into one tile is shown whole, mirrored to a
    multiple of `STRIDE`.

    Args:
        said: uint8 (1, height, width, 3), sides multiples of `STRIDE`, -> float (channels, height, width).
        picture: uint8 (height, width, 3).
        tile: side, a multiple of `STRIDE`, more than twice the margin.
        margin: pixels at a tile's edge that count nothing where another tile has them; a multiple of `STRIDE`.

    Returns:
        float64 (channels, height, width).
    """
    if tile % STRIDE or margin % STRIDE or tile < 2 * margin + STRIDE:
        raise ValueError(f"tile and margin must be multiples of {STRIDE}, the tile above two margins")
    height, width = picture.shape[:2]
    whole = _mirrored(picture)
    rows, columns = (_starts(side, tile, margin) for side in whole.shape[:2])
    total, weights = np.zeros((0, 0, 0)), np.zeros(whole.shape[:2])
    for top in rows:
        for left in columns:
            part = whole[top : top + tile, left : left + tile]
            found = np.asarray(said(part[None]), np.float64)
            if not total.size:
                total = np.zeros((len(found), *whole.shape[:2]))
            down = _window(top, part.shape[0], whole.shape[0], margin)
            window = down[:, None] * _window(left, part.shape[1], whole.shape[1], margin)
            at = slice(top, top + part.shape[0]), slice(left, left + part.shape[1])
            total[:, at[0], at[1]] += found * window
            weights[at] += window
    return (total / weights)[:, :height, :width]


def mended(
    added: Callable[[np.ndarray], np.ndarray], picture: np.ndarray, *, tile: int = 256, margin: int = 32
) -> np.ndarray:
    """A picture with what a network adds to it, in [0, 1], uint8 (height, width, 3); arguments as of `tiled`.

    Raises:
        ValueError: what the network adds is not finite.
    """
    more = tiled(added, picture, tile=tile, margin=margin)
    if not np.isfinite(more).all():
        raise ValueError("the model's answer is not finite")
    return np.clip(np.rint(picture + 255.0 * more.transpose(1, 2, 0)), 0, 255).astype(np.uint8)


def _mirrored(picture: np.ndarray) -> np.ndarray:
    """With its lower and right edge mirrored, as often as it takes, up to sides that are multiples of `STRIDE`."""
    more = [(0, -side % STRIDE) for side in picture.shape[:2]]
    return np.pad(picture, (*more, (0, 0)), mode="symmetric")


def _starts(side: int, tile: int, margin: int) -> list[int]:
    """Where tiles begin along a side: neighbours share two margins at least and a stride to go over in.

    >>> _starts(512, 256, 32), _starts(96, 256, 32)
    ([0, 160, 256], [0])
    """
    if side <= tile:
        return [0]
    step = max(STRIDE, tile - 2 * margin - STRIDE)
    return [*range(0, side - tile, step), side - tile]


def _window(first: int, length: int, side: int, margin: int) -> np.ndarray:
    """Weights along a tile: 0 in a margin that another tile covers, then rising by one a pixel towards the middle."""
    before = np.arange(length, dtype=np.float64) - (margin - 1 if first else -side)
    after = np.arange(length, dtype=np.float64)[::-1] - (margin - 1 if first + length < side else -side)
    return np.clip(np.minimum(before, after), 0, STRIDE)
