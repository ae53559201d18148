"""The whole way from square pixels to an answer as one network, so that no runtime has to know how pictures are scaled.

Only resizing stays outside: Pillow rounds to whole levels between its two passes, and no runtime's resize gives the
same pixels (docs/export.md has what was measured), while scaling and all that follows are plain arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deepenough.tasks.contract import Task


class Served(nn.Module):
    """uint8 squares in; what the task says out, such as probabilities and the label's index.

    The arithmetic is that of `machine.Machine.images` and the task's, in fp32.

    Args:
        network: with its weights; put into evaluation mode.
        task: whose `said` ends the graph.
        mean: of each channel in [0, 1].
        std: of each channel in [0, 1].
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, network: nn.Module, task: Task, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network, self.task = network, task
        scale = [255.0 * deviation for deviation in std]
        offset = [middle / deviation for middle, deviation in zip(mean, std, strict=True)]
        self.register_buffer("scale", torch.tensor(scale).view(1, 3, 1, 1))
        self.register_buffer("offset", torch.tensor(offset).view(1, 3, 1, 1))
        self.eval()

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        """Answers for a batch.

        Args:
            images: one for each side that the model averages over, uint8 (batch, side, side, 3).

        Returns:
            As `Task.said`.
        """
        return self.task.said([self._outputs(image) for image in images])

    def _outputs(self, image: Tensor) -> Tensor:
        pixels = image.permute(0, 3, 1, 2).float()
        return self.network(pixels / self.scale - self.offset).float()
