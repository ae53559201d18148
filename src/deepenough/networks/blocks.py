"""The block all networks of the family are built of, and its parts.

Names of parameters are torchvision's (conv1, bn1, ..., downsample) and, for what torchvision lacks, timm's (convs, bns,
se), so public checkpoints of either load unchanged.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from deepenough.networks.config import EXPANSION, NetworkConfig
from deepenough.networks.convolutions import Pointwise, Spatial

_BLUR = (0.25, 0.5, 0.25)  # binomial, 3 taps


class Bottleneck(nn.Module):
    """1x1 reduce, spatial convolution, 1x1 expand, plus shortcut.

    Maps (batch, entering, height, width) -> (batch, 4 width, height / stride, width / stride), rounded up.

    Args:
        config: of the network.
        entering: channels that come.
        width: of the stage.
        stride: 1 or 2, in the convolution that the config names.
        kernel: side of the spatial convolution.
        skip: chance to leave the block out for an image in training.
        last_relu: whether a ReLU follows the sum, as in the paper's figure 5; off where branches are summed after it.
        shortcut: what brings the entering map to the leaving form; by default the config's.
    """

    def __init__(
        self,
        config: NetworkConfig,
        entering: int,
        width: int,
        stride: int,
        *,
        kernel: int = 3,
        skip: float = 0.0,
        last_relu: bool = True,
        shortcut: nn.Sequential | None = None,
    ) -> None:
        super().__init__()
        leaving, inner = EXPANSION * width, config.inner_width(width) * config.splits
        changes = stride != 1 or entering != leaving
        early = stride if config.stride == "first" else 1
        self.conv1 = Pointwise(entering, inner, stride=early)
        self.bn1 = nn.BatchNorm2d(inner)
        blurred = config.antialias and stride == 2
        step = 1 if blurred else stride // early
        if config.splits == 1:
            self.conv2 = spatial_convolution(inner, kernel, step, config.groups)
            self.bn2 = nn.BatchNorm2d(inner)
        else:
            each = inner // config.splits
            several = range(config.splits - 1)
            self.convs = nn.ModuleList(spatial_convolution(each, kernel, step, config.groups) for _ in several)
            self.bns = nn.ModuleList(nn.BatchNorm2d(each) for _ in several)
            self.pool = nn.AvgPool2d(3, step, padding=1) if changes else nn.Identity()
        self.aa = BlurPool(inner) if blurred else nn.Identity()
        self.conv3 = Pointwise(inner, leaving)
        self.bn3 = nn.BatchNorm2d(leaving)
        self.se = SqueezeExcitation(leaving, config.squeeze_excitation) if config.squeeze_excitation else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = shortcut
        self.residual = config.shortcut != "none"
        if shortcut is None and changes and self.residual:
            self.downsample = projection(entering, leaving, stride, average=config.shortcut == "average")
        self.splits, self.in_turn = config.splits, not changes
        self.skip, self.last_relu = skip, last_relu

    def forward(self, entering: Tensor) -> Tensor:
        """The block's map."""
        if not self.residual:
            return self.relu(self._inner(entering))
        shortcut = entering if self.downsample is None else self.downsample(entering)
        inner = self._inner(entering)
        if self.skip and self.training:
            inner = drop_path(inner, self.skip)
        return self.relu(inner + shortcut) if self.last_relu else inner + shortcut

    def _inner(self, entering: Tensor) -> Tensor:
        """What is added to the shortcut."""
        inner = self.relu(self.bn1(self.conv1(entering)))
        inner = self.relu(self.bn2(self.conv2(inner))) if self.splits == 1 else self._spread(inner)
        return self.se(self.bn3(self.conv3(self.aa(inner))))

    def _spread(self, inner: Tensor) -> Tensor:
        """Res2Net's hierarchy: every split is convolved together with what the split before it gave.

        Gao et al. 2019, figure 2b. Blocks that stride or change channels convolve each split alone, and pool the last,
        as the authors' code does.
        """
        splits = torch.chunk(inner, self.splits, dim=1)
        given: list[Tensor] = []
        for i, (convolution, norm) in enumerate(zip(self.convs, self.bns, strict=True)):
            taken = splits[i] + given[-1] if given and self.in_turn else splits[i]
            given.append(self.relu(norm(convolution(taken))))
        return torch.cat([*given, self.pool(splits[-1])], dim=1)


def spatial_convolution(channels: int, kernel: int, stride: int, groups: int) -> nn.Conv2d:
    """The block's middle: keeps the side, or halves it, rounded up."""
    return Spatial(channels, kernel, stride=stride, groups=groups)


def projection(entering: int, leaving: int, stride: int, *, average: bool) -> nn.Sequential:
    """The shortcut of a block that changes the form of its map."""
    if not average:
        strided = Pointwise(entering, leaving, stride=stride)
        return nn.Sequential(strided, nn.BatchNorm2d(leaving))
    pooled = nn.Identity() if stride == 1 else nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)
    return nn.Sequential(pooled, Pointwise(entering, leaving), nn.BatchNorm2d(leaving))


class SqueezeExcitation(nn.Module):
    """A gate a channel from the map's averages: Hu et al. 2018, section 3."""

    def __init__(self, channels: int, share: float) -> None:
        super().__init__()
        middle = max(8, 8 * int(channels * share / 8 + 0.5))
        self.fc1 = nn.Conv2d(channels, middle, kernel_size=1)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(middle, channels, kernel_size=1)

    def forward(self, entering: Tensor) -> Tensor:
        """The map, each channel times its gate in (0, 1)."""
        squeezed = entering.mean((2, 3), keepdim=True)
        return entering * torch.sigmoid(self.fc2(self.relu(self.fc1(squeezed))))


class BlurPool(nn.Module):
    """Blur with a binomial 3x3 and take every second position, edges mirrored: Zhang 2019, section 3.2."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("kernel", torch.empty(channels, 1, 3, 3), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the kernel, which is fixed."""
        row = torch.tensor(_BLUR, device=self.kernel.device, dtype=self.kernel.dtype)
        self.kernel.copy_((row[:, None] * row).expand_as(self.kernel))

    def forward(self, entering: Tensor) -> Tensor:
        """The map at half the side, rounded up."""
        mirrored = functional.pad(
            entering, (1, 1, 1, 1), mode="reflect" if min(entering.shape[-2:]) > 1 else "replicate"
        )
        return functional.conv2d(mirrored, self.kernel.to(entering.dtype), stride=2, groups=self.channels)


def drop_path(branch: Tensor, chance: float) -> Tensor:
    """The branch, zero for a random share of images and larger for the others, so that its mean stays."""
    keep = torch.rand((len(branch), 1, 1, 1), device=branch.device) >= chance
    return branch * (keep / (1.0 - chance)).to(branch.dtype)
