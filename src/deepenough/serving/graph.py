"""The whole way from square pixels to an answer as one network, so that no runtime has to know how pictures are scaled.

Only resizing stays outside: Pillow rounds to whole levels between its two passes, and no runtime's resize gives the
same pixels (docs/export.md has what was measured), while scaling and all that follows are plain arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deepenough.networks import ResNet


class Served(nn.Module):
    """uint8 squares in; probabilities and the label's index out.

    The arithmetic is that of `machine.Machine.images` and the task's, in fp32.

    Args:
        network: with its weights; put into evaluation mode.
        mean: of each channel in [0, 1].
        std: of each channel in [0, 1].
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, network: ResNet, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        scale = [255.0 * deviation for deviation in std]
        offset = [middle / deviation for middle, deviation in zip(mean, std, strict=True)]
        self.register_buffer("scale", torch.tensor(scale).view(1, 3, 1, 1))
        self.register_buffer("offset", torch.tensor(offset).view(1, 3, 1, 1))
        self.eval()

    def forward(self, *images: Tensor) -> tuple[Tensor, Tensor]:
        """Answers for a batch.

        Args:
            images: one for each side that the model averages over, uint8 (batch, side, side, 3).

        Returns:
            Probabilities, float32 (batch, classes), the mean over the sides, and the index of the greatest, int64
            (batch,): of equal ones the first.
        """
        logits = [self._logits(image) for image in images]
        if len(logits) == 1:  # softmax may round two unequal logits to one probability, so the label is the logits'
            return logits[0].softmax(dim=1), logits[0].argmax(dim=1)
        probability = torch.stack([each.softmax(dim=1) for each in logits]).mean(dim=0)
        return probability, probability.argmax(dim=1)

    def _logits(self, image: Tensor) -> Tensor:
        pixels = image.permute(0, 3, 1, 2).float()
        return self.network(pixels / self.scale - self.offset).float()
