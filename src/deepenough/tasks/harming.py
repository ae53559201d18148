"""The random view of training in which a picture is cut, turned and harmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from deepenough.tasks.degrading import Degradation

if TYPE_CHECKING:
    from deepenough.data.augment import Augmentation


class HarmedView:
    """A random crop at the picture's own resolution, and the same harmed: the network sees that, and learns the rest.

    A picture smaller than the crop is mirrored at its edges. It may be mirrored as a whole, turned upside down and laid
    on its side, each with the augmentation's odds of mirroring; nothing else is done, since another change of colours
    or size would be another harm. With `crop: centre` the middle is taken.

    Args:
        degradation: what harms it; its generator is seeded from torch's.
        augmentation: what to do.
        side: of the crop, pixels.
    """

    def __init__(self, degradation: Degradation, augmentation: Augmentation, side: int) -> None:
        self._degradation, self._augmentation, self._side = degradation, augmentation, side

    def __call__(self, picture: Tensor, target: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401  the size says nothing
        """From uint8 (3, height, width) to the harmed crop, uint8, and clean minus harmed, int16 (3, side, side)."""
        del target
        clean = np.ascontiguousarray(self._turned(self._cropped(picture.permute(1, 2, 0).numpy())))
        seed = int(torch.randint(2**62, ()).item())
        harmed = self._degradation(clean, np.random.default_rng(seed))
        lost = clean.astype(np.int16) - harmed.astype(np.int16)
        return torch.from_numpy(harmed).permute(2, 0, 1), torch.from_numpy(lost).permute(2, 0, 1)

    def _cropped(self, picture: np.ndarray) -> np.ndarray:
        lacking = [(0, max(0, self._side - length)) for length in picture.shape[:2]]
        if any(more for _, more in lacking):
            picture = np.pad(picture, (*lacking, (0, 0)), mode="symmetric")
        room = [length - self._side for length in picture.shape[:2]]
        if self._augmentation.crop == "centre":
            top, left = (length // 2 for length in room)
        else:
            top, left = (int(torch.randint(length + 1, ()).item()) for length in room)
        return picture[top : top + self._side, left : left + self._side]

    def _turned(self, square: np.ndarray) -> np.ndarray:
        across, down, aside = (torch.rand(3) < self._augmentation.flip).tolist()
        square = square[:, ::-1] if across else square
        square = square[::-1] if down else square
        return square.transpose(1, 0, 2) if aside else square
