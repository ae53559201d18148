"""Two resolutions side by side in every stage: big-little networks.

Chen et al. 2019, "Big-Little Net: An Efficient Multi-Scale Feature Representation for Visual and Speech Recognition",
arXiv 1807.03848, section 3 and table 1. The big branch has the stage's blocks but sees the map at half the side; the
little branch sees all of it with fewer channels and blocks; a last block fuses their sum. Names follow the authors'
code.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from deepenough.networks.blocks import Bottleneck
from deepenough.networks.config import EXPANSION, BigLittle, NetworkConfig


class BigLittleStem(nn.Module):
    """After the first convolution: a big branch strides at once, a little one with fewer channels later.

    Maps (batch, channels, height, width) -> the same channels at half the side, rounded up.
    """

    def __init__(self, channels: int, alpha: int) -> None:
        super().__init__()
        thin = channels // alpha
        self.b_conv0 = nn.Conv2d(channels, channels, kernel_size=3, stride=2, padding=1, bias=False)
        self.bn_b0 = nn.BatchNorm2d(channels)
        self.l_conv0 = nn.Conv2d(channels, thin, kernel_size=3, padding=1, bias=False)
        self.bn_l0 = nn.BatchNorm2d(thin)
        self.l_conv1 = nn.Conv2d(thin, thin, kernel_size=3, stride=2, padding=1, bias=False)
        self.bn_l1 = nn.BatchNorm2d(thin)
        self.l_conv2 = nn.Conv2d(thin, channels, kernel_size=1, bias=False)
        self.bn_l2 = nn.BatchNorm2d(channels)
        self.bl_init = nn.Conv2d(channels, channels, kernel_size=1, bias=False)
        self.bn_bl_init = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, entering: Tensor) -> Tensor:
        """The fused map."""
        big = self.bn_b0(self.b_conv0(entering))
        little = self.relu(self.bn_l0(self.l_conv0(entering)))
        little = self.relu(self.bn_l1(self.l_conv1(little)))
        little = self.bn_l2(self.l_conv2(little))
        return self.relu(self.bn_bl_init(self.bl_init(self.relu(big + little))))


class BigLittleStage(nn.Module):
    """A stage in two branches and the block that fuses them, which has the stage's stride.

    Args:
        config: of the network; `branches` is given.
        entering: channels that come.
        width: of the stage; a big branch gives `EXPANSION` times as many channels.
        blocks: of the stage: all but one in the big branch, a `beta`-th less one in the little, one to fuse.
        stride: of the fusing block.
        kernel: side of the spatial convolutions.
    """

    def __init__(
        self, config: NetworkConfig, entering: int, width: int, blocks: int, stride: int, *, kernel: int = 3
    ) -> None:
        super().__init__()
        branches = config.branches or BigLittle()
        leaving = EXPANSION * width
        thin = max(1, width // branches.alpha)
        self.big = pooled_blocks(config, entering, width, blocks - 1, 2, kernel=kernel, last_relu=False)
        self.little = pooled_blocks(config, entering, thin, max(1, blocks // branches.beta - 1), 1, kernel=kernel)
        self.little_e = nn.Sequential(
            nn.Conv2d(EXPANSION * thin, leaving, kernel_size=1, bias=False), nn.BatchNorm2d(leaving)
        )
        self.fusion = pooled_blocks(config, leaving, width, 1, stride, kernel=kernel)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, entering: Tensor) -> Tensor:
        """The fused map; the big branch is brought back to the little one's side by repeating positions."""
        little = self.little_e(self.little(entering))
        big = functional.interpolate(self.big(entering), little.shape[2:])
        return self.fusion(self.relu(big + little))


def pooled_blocks(
    config: NetworkConfig,
    entering: int,
    width: int,
    blocks: int,
    stride: int,
    *,
    kernel: int = 3,
    last_relu: bool = True,
) -> nn.Sequential:
    """At least one block in a row, whose shortcuts stride by average pooling, 3x3.

    Args:
        config: of the network.
        entering: channels that come.
        width: of the blocks.
        blocks: how many; none counts as one.
        stride: of the first.
        kernel: side of the spatial convolutions.
        last_relu: of the last of several; a single block always has it, as in the authors' code.
    """
    leaving = EXPANSION * width
    steps: list[nn.Module] = [] if stride == 1 else [nn.AvgPool2d(3, stride=2, padding=1)]
    if entering != leaving:
        steps += [nn.Conv2d(entering, leaving, kernel_size=1, bias=False), nn.BatchNorm2d(leaving)]
    shortcut = nn.Sequential(*steps) if steps else None
    first = Bottleneck(config, entering, width, stride, kernel=kernel, shortcut=shortcut)
    rest = [
        Bottleneck(config, leaving, width, 1, kernel=kernel, last_relu=last_relu or i < blocks - 1)
        for i in range(1, blocks)
    ]
    return nn.Sequential(first, *rest)
