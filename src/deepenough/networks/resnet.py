"""ResNet-50 and ResNet-101 as one network with one difference.

He et al. 2016 (arXiv 1512.03385), table 1, with the stride in the 3x3 convolution ("v1.5"; the paper has it in the
first 1x1). The file reads in the order the data flows: config, stem, bottleneck, stage, network. Parameter names are
torchvision's, so its checkpoints load unchanged and give the same logits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from deepenough.errors import InputError

STAGE_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}  # the whole difference between the contestants

STEM_CHANNELS = 64
STAGE_WIDTHS = (64, 128, 256, 512)  # channels of the 3x3 convolution, by stage
EXPANSION = 4  # a block gives EXPANSION times its width
SMALLEST_SIDE = 32  # pixels; the last stage then still has one position


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """What a network is made of; two networks of equal config differ in their weights only.

    Args:
        depth: 50 or 101, a row of `STAGE_BLOCKS`.
        stem: `imagenet` is a 7x7 convolution of stride 2 and a max pooling of stride 2; `small`, for images of about
            32 px, is a 3x3 convolution of stride 1 without pooling, and makes every later map 16 times as large.
        zero_init_last: start each block as the identity by a zero gamma in its last norm. On, since it steadies the
            first epochs of a short training from scratch (Goyal et al. 2017, arXiv 1706.02677, section 5.1). It
            concerns fresh weights only: loaded ones replace it. torchvision's default is off.

    Raises:
        InputError: the depth or the stem is not one of those above.
    """

    depth: int
    stem: Literal["imagenet", "small"] = "imagenet"
    zero_init_last: bool = True

    def __post_init__(self) -> None:
        if self.depth not in STAGE_BLOCKS:
            raise InputError("network: depth", f"one of {', '.join(map(str, STAGE_BLOCKS))}", str(self.depth))
        if self.stem not in ("imagenet", "small"):
            raise InputError("network: stem", "imagenet or small", str(self.stem))

    @property
    def stage_blocks(self) -> tuple[int, ...]:
        """Blocks in each of the four stages."""
        return STAGE_BLOCKS[self.depth]

    @property
    def label(self) -> str:
        """The network in words, for messages."""
        return f"ResNet-{self.depth}" + (" with the small-image stem" if self.stem == "small" else "")


@dataclass(frozen=True, slots=True)
class Tap:
    """Where a feature map can be read: its name (C2 to C5), its channels, and input pixels per position."""

    name: str
    channels: int
    stride: int

    def side(self, image_side: int) -> int:
        """Positions along a side of the map, for an image of `image_side` pixels: every halving rounds up."""
        return math.ceil(image_side / self.stride)


def stem_convolution(stem: Literal["imagenet", "small"]) -> nn.Conv2d:
    """The first convolution: images (batch, 3, height, width) -> (batch, 64, height / s, width / s), s = 2 or 1."""
    if stem == "small":
        return nn.Conv2d(3, STEM_CHANNELS, kernel_size=3, stride=1, padding=1, bias=False)
    return nn.Conv2d(3, STEM_CHANNELS, kernel_size=7, stride=2, padding=3, bias=False)


def stem_pooling(stem: Literal["imagenet", "small"]) -> nn.Module:
    """The pooling after it: halves the map again, or leaves it where images are small."""
    return nn.Identity() if stem == "small" else nn.MaxPool2d(kernel_size=3, stride=2, padding=1)


class Bottleneck(nn.Module):
    """1x1 reduce, 3x3, 1x1 expand, plus shortcut.

    Maps (batch, entering, height, width) -> (batch, 4 width, height / stride, width / stride), rounded up.
    """

    def __init__(self, entering: int, width: int, stride: int) -> None:
        super().__init__()
        leaving = EXPANSION * width
        self.conv1 = nn.Conv2d(entering, width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, leaving, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(leaving)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or entering != leaving:
            projection = nn.Conv2d(entering, leaving, kernel_size=1, stride=stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(leaving))

    def forward(self, entering: Tensor) -> Tensor:
        """The block's map; the last ReLU follows the sum, as in the paper's figure 5."""
        shortcut = entering if self.downsample is None else self.downsample(entering)
        inner = self.relu(self.bn1(self.conv1(entering)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        inner = self.bn3(self.conv3(inner))
        return self.relu(inner + shortcut)


def stage(entering: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    """`blocks` bottlenecks in a row; the first changes stride and channels, the others keep both."""
    first = Bottleneck(entering, width, stride)
    return nn.Sequential(first, *(Bottleneck(EXPANSION * width, width, 1) for _ in range(blocks - 1)))


class ResNet(nn.Module):
    """A residual network with one linear head.

    The constructor draws from torch's global generator, as torch's own layers do, and leaves torch's default values;
    `initialise` sets the right ones from a seed. `catalogue.build` does both without touching the global generator.

    Args:
        config: what the network is made of.
        outputs: logits of the head, at least 1.

    Attributes:
        taps: channels and stride of each map that `features` returns.
    """

    def __init__(self, config: NetworkConfig, outputs: int) -> None:
        super().__init__()
        if outputs < 1:
            raise InputError("network: outputs", "at least 1", str(outputs))
        self.config = config
        self.conv1 = stem_convolution(config.stem)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = stem_pooling(config.stem)
        blocks = config.stage_blocks
        self.layer1 = stage(STEM_CHANNELS, STAGE_WIDTHS[0], blocks[0], stride=1)
        self.layer2 = stage(EXPANSION * STAGE_WIDTHS[0], STAGE_WIDTHS[1], blocks[1], stride=2)
        self.layer3 = stage(EXPANSION * STAGE_WIDTHS[1], STAGE_WIDTHS[2], blocks[2], stride=2)
        self.layer4 = stage(EXPANSION * STAGE_WIDTHS[2], STAGE_WIDTHS[3], blocks[3], stride=2)
        self.fc = nn.Linear(EXPANSION * STAGE_WIDTHS[3], outputs)
        first = 1 if config.stem == "small" else 4
        self.taps = tuple(Tap(f"C{i + 2}", EXPANSION * w, first << i) for i, w in enumerate(STAGE_WIDTHS))

    def features(self, images: Tensor) -> list[Tensor]:
        """The map of each stage, C2 to C5.

        Args:
            images: float (batch, 3, height, width), normalised; height and width at least 32, odd ones too.

        Returns:
            One map per tap, (batch, tap.channels, tap.side(height), tap.side(width)), not negative.

        Raises:
            InputError: the images have another form or are too small.
        """
        check_images(images)
        stem = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        c2 = self.layer1(stem)
        c3 = self.layer2(c2)
        c4 = self.layer3(c3)
        c5 = self.layer4(c4)
        return [c2, c3, c4, c5]

    def embed(self, images: Tensor) -> Tensor:
        """The head's input, (batch, 2048): the last map averaged over its positions."""
        return functional.adaptive_avg_pool2d(self.features(images)[-1], 1).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, outputs) of images (batch, 3, height, width)."""
        return self.fc(self.embed(images))


def check_images(images: Tensor) -> None:
    """Refuse what would fail deep inside a convolution with a message about something else.

    Raises:
        InputError: not (batch, 3, height, width), not floating point, or a side under 32 px.
    """
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1] != 3:
        raise InputError("network input", "images of shape (batch, 3, height, width)", str(shape))
    if shape[2] < SMALLEST_SIDE or shape[3] < SMALLEST_SIDE:
        remedy = "enlarge the images or choose a larger scale"
        raise InputError(
            "network input", f"sides of at least {SMALLEST_SIDE} px", f"{shape[2]} x {shape[3]} px", remedy
        )
    if not images.is_floating_point():
        raise InputError("network input", "floating point images", str(images.dtype), "scale to [0, 1] and normalise")


@torch.no_grad()
def initialise(network: ResNet, generator: torch.Generator) -> None:
    """Fresh weights in place: torchvision's scheme, and `zero_init_last` where the config says so.

    Convolutions are normal with variance 2 / fan-out (He et al. 2015, arXiv 1502.01852, eq. 14), the head is uniform in
    +-1 / sqrt(fan-in), norms are the identity with fresh statistics. All values depend on the generator's state alone.

    Args:
        network: of any device but meta; every parameter and buffer is set.
        generator: on the device of the network.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    initialise_head(network.fc, generator)
    if network.config.zero_init_last:
        for module in network.modules():
            if isinstance(module, Bottleneck):
                nn.init.zeros_(module.bn3.weight)


@torch.no_grad()
def initialise_head(head: nn.Linear, generator: torch.Generator) -> None:
    """Fresh weights of the last layer, weight and bias uniform in +-1 / sqrt(fan-in), torch's own scheme."""
    bound = 1 / math.sqrt(head.in_features)
    head.weight.uniform_(-bound, bound, generator=generator)
    head.bias.uniform_(-bound, bound, generator=generator)
