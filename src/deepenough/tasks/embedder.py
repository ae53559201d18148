"""A network that gives an embedding: a backbone whose linear head is its last layer, and centres to teach it by."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Embedder(nn.Module):
    """Embeddings of length 1; in training their cosines to one centre an identity.

    Args:
        backbone: gives (batch, dimensions).
        dimensions: of an embedding.
        identities: that are trained on.
    """

    def __init__(self, backbone: nn.Module, dimensions: int, identities: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head_norm = nn.BatchNorm1d(dimensions)
        self.head_centres = nn.Parameter(torch.randn(identities, dimensions))

    def forward(self, images: Tensor) -> Tensor:
        """(batch, dimensions) in evaluation, (batch, identities) in training, both fp32."""
        return self.placed(self.backbone(images))

    def placed(self, said: Tensor) -> Tensor:
        """The same of what the backbone says, (batch, dimensions)."""
        features = self.head_norm(said)
        with torch.autocast(said.device.type, enabled=False):  # the cosine of a small angle needs the digits
            embeddings = functional.normalize(features.float())
            if not self.training:
                return embeddings
            return embeddings @ functional.normalize(self.head_centres.float()).T
