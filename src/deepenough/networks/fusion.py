"""From the stages' maps to one vector an image: which maps take part, and how positions are pooled.

The residual network's own head averages the last map. The others join features of several scales before the linear
layer: a feature pyramid's top-down sum, or all maps side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from deepenough.networks.config import NetworkConfig

PYRAMID_CHANNELS = 256  # of every level, as in Lin et al. 2017
_SMALLEST = 1e-6  # below which a value counts as this much in a generalised mean


class Average(nn.Module):
    """The mean over positions: (batch, channels, height, width) -> (batch, channels)."""

    def forward(self, map_: Tensor) -> Tensor:
        """One vector an image."""
        return functional.adaptive_avg_pool2d(map_, 1).flatten(1)


class GeneralisedMean(nn.Module):
    """The p-norm mean over positions, p learnt from 3: Radenovic et al. 2018, arXiv 1711.02512, equation 3.

    p = 1 is the average, a large p the maximum.
    """

    def __init__(self) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(3.0))

    def forward(self, map_: Tensor) -> Tensor:
        """One vector an image; in fp32, since high powers leave the range of 16 bits."""
        powers = map_.float().clamp(min=_SMALLEST).pow(self.power)
        return functional.adaptive_avg_pool2d(powers, 1).flatten(1).pow(1.0 / self.power)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """The power it starts from."""
        self.power.fill_(3.0)


class LastMap(nn.Module):
    """The last map, pooled: what a plain ResNet does."""

    def __init__(self, config: NetworkConfig, channels: Sequence[int]) -> None:
        super().__init__()
        self.pool = _pool(config)
        self.width = channels[-1]

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """(batch, channels of the last map)."""
        return self.pool(maps[-1])


class Concatenation(nn.Module):
    """Every map, pooled, side by side: the hypercolumn of a whole image.

    Each map is normed first, since the maps differ in size by an order of magnitude and one linear layer sees them all.
    """

    def __init__(self, config: NetworkConfig, channels: Sequence[int]) -> None:
        super().__init__()
        self.pools = nn.ModuleList(_pool(config) for _ in channels)
        self.norms = nn.ModuleList(nn.BatchNorm1d(each) for each in channels)
        self.width = sum(channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """(batch, sum of all maps' channels)."""
        vectors = [norm(pool(map_)) for map_, pool, norm in zip(maps, self.pools, self.norms, strict=True)]
        return torch.cat(vectors, dim=1)


class TopDown(nn.Module):
    """A feature pyramid, its levels pooled and averaged: Lin et al. 2017, arXiv 1612.03144, figure 3.

    From the last map down, each level is a 1x1 convolution of its map plus the level above, enlarged to its side.
    """

    def __init__(self, config: NetworkConfig, channels: Sequence[int]) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(each, PYRAMID_CHANNELS, kernel_size=1) for each in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(PYRAMID_CHANNELS, PYRAMID_CHANNELS, 3, padding=1) for _ in channels)
        self.norms = nn.ModuleList(nn.BatchNorm2d(PYRAMID_CHANNELS) for _ in channels)
        self.relu = nn.ReLU(inplace=True)
        self.pool = _pool(config)
        self.width = PYRAMID_CHANNELS

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """(batch, PYRAMID_CHANNELS)."""
        above: Tensor | None = None
        vectors: list[Tensor] = []
        for level in reversed(range(len(maps))):
            own = self.lateral[level](maps[level])
            above = own if above is None else own + functional.interpolate(above, own.shape[2:])
            vectors.append(self.pool(self.relu(self.norms[level](self.smooth[level](above)))))
        return torch.stack(vectors).mean(0)


def neck(config: NetworkConfig, channels: Sequence[int]) -> LastMap | Concatenation | TopDown:
    """What joins the maps, C2 to C5, of these channels into one vector of `width` values."""
    kinds = {"none": LastMap, "concatenate": Concatenation, "top_down": TopDown}
    return kinds[config.fusion](config, channels)


def _pool(config: NetworkConfig) -> nn.Module:
    return GeneralisedMean() if config.pooling == "gem" else Average()
