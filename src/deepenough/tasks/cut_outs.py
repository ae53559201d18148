"""What people are shown of a mended picture: a part of it, pixel by pixel, beside what it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from deepenough.tasks.degrading import in_bytes
from deepenough.tasks.likeness import psnr
from deepenough.tasks.values import Exhibit

CUT_OUT = 80  # pixels a side, so that they can be seen


def in_eight_bits(outputs: Tensor) -> list[np.ndarray]:
    """Pictures (batch, 3, side, side) in [0, 1] as they could be saved; what is not a number is black."""
    return [in_bytes(255.0 * np.nan_to_num(one)) for one in outputs.float().permute(0, 2, 3, 1).numpy()]


def cut_outs(
    clean: np.ndarray, harmed: np.ndarray, mended: Mapping[str, np.ndarray], size: tuple[int, int]
) -> tuple[Exhibit, ...]:
    """The same part of all, from where the mended ones differ most, with its PSNR.

    Args:
        clean: uint8 (side, side, 3), as the others.
        harmed: what was mended.
        mended: by contender.
        size: width and height of the picture in the square.
    """
    there = most_differing(list(mended.values()), size)
    pictures = [("harmed", None, harmed), *(("mended", name, found) for name, found in mended.items())]
    return (
        *(
            Exhibit(
                what=what,
                contender=name,
                pixels=pixels[there],
                exact=True,
                value=psnr(pixels[there], clean[there]),
                unit="dB",
            )
            for what, name, pixels in pictures
        ),
        Exhibit(what="clean", pixels=clean[there], exact=True),
    )


def most_differing(pictures: Sequence[np.ndarray], size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the part of a picture, `CUT_OUT` a side, in which others are least like the first of them."""
    first, *others = (one[: size[1], : size[0]].astype(np.int64) for one in pictures)
    apart = sum((np.abs(one - first).sum(axis=2) for one in others), np.zeros(first.shape[:2], np.int64))
    height, width = (min(CUT_OUT, side) for side in apart.shape)
    sums = np.pad(apart.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    within = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(within.argmax(), within.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)
