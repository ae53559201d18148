"""Pictures shown to networks in batches whose memory grows neither with the scale nor with the number of pictures."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from deepenough.data import Preprocessing
from deepenough.machine import Machine, is_out_of_memory

PIXELS_A_BATCH = 64 * 224 * 224  # images of 224 px in a batch of 64; other scales get batches of the same memory
CHUNK = 512  # pictures that are taken through all scales before the next; the largest batch

Call = Callable[[Tensor], Tensor]  # images (batch, 3, side, side) -> (batch, ...)


def batch_at(scale: int) -> int:
    """Images in an evaluation batch at a scale, so that memory does not grow with the scale.

    A fixed function of the scale: kernels may round otherwise at another batch size, and scores must repeat. A power of
    two, so that a chunk falls into whole batches.

    >>> batch_at(224), batch_at(448), batch_at(32), batch_at(96)
    (64, 16, 512, 256)
    """
    most = max(1, min(CHUNK, PIXELS_A_BATCH // (scale * scale)))
    return 1 << (most.bit_length() - 1)


@dataclass(slots=True)
class Batches:
    """The one place where networks see pictures at test: where memory does not hold a batch, it is halved.

    Args:
        machine: the arithmetic.
        preprocessing: mean and standard deviation of the pixels.
        note: told, in a sentence, when batches are halved.
        most: images a batch by scale, where memory did not hold `batch_at`; may be shared by several of these.
        exact: on a GPU, convolutions in fp32 keep all of its bits (no TF32).
    """

    machine: Machine
    preprocessing: Preprocessing
    note: Callable[[str], None] = lambda _said: None
    most: dict[int, int] = field(default_factory=dict)
    exact: bool = False

    def outputs(self, networks: Mapping[str, Call], squares: np.ndarray) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """What every network says of the squares, batch by batch.

        No sample's output depends on which others are in its batch, so a halved batch says the same, to rounding.

        Args:
            networks: by name, in evaluation mode, on the machine.
            squares: uint8 (images, side, side, 3).

        Yields:
            Where the batch begins, and float32 (batch, ...) by network, on the CPU.

        Raises:
            RuntimeError, MemoryError: memory does not even hold one image.
        """
        side, first = squares.shape[1], 0
        while first < len(squares):
            taken = squares[first : first + self.most.get(side, batch_at(side))]
            found = self._tried(networks, taken)
            if found is None:
                self._halve(side, len(taken))
                continue
            yield first, found
            first += len(taken)

    def _tried(self, networks: Mapping[str, Call], squares: np.ndarray) -> dict[str, Tensor] | None:
        """The outputs of one batch, or None where memory does not hold it."""
        try:
            return self._forward(networks, squares)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or len(squares) == 1:
                raise
        return None

    def _forward(self, networks: Mapping[str, Call], squares: np.ndarray) -> dict[str, Tensor]:
        pixels = torch.from_numpy(np.ascontiguousarray(squares)).permute(0, 3, 1, 2)
        with torch.inference_mode(), self.machine.autocast(), self._all_bits():
            images = self.machine.images(pixels, self.preprocessing.mean, self.preprocessing.std)
            # all networks are asked before any is awaited, so that a GPU is not left idle
            said = {name: call(images).float() for name, call in networks.items()}
            return {name: values.cpu() for name, values in said.items()}

    def _all_bits(self) -> AbstractContextManager[object]:
        exact = self.exact and self.machine.device == "cuda"
        return torch.backends.cudnn.flags(allow_tf32=False) if exact else nullcontext()

    def _halve(self, side: int, images: int) -> None:
        self.most[side] = (images + 1) // 2
        gc.collect()  # the error's traceback held the batch
        if self.machine.device == "cuda":
            torch.cuda.empty_cache()
        self.note(f"out of memory: at {side} px networks are tested in batches of {self.most[side]} from here on")
