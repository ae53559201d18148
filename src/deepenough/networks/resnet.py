"""ResNet-50, ResNet-101 and their multi-scale relatives as one network.

He et al. 2016 (arXiv 1512.03385), table 1, with the stride in the 3x3 convolution ("v1.5"; the paper has it in the
first 1x1). Data flows through the stem, four stages of bottlenecks (`blocks`, `multiscale`), the neck (`fusion`) and a
linear head; what each is made of stands in `config`. Parameter names are torchvision's, so its checkpoints load
unchanged and give the same logits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deepenough.errors import InputError
from deepenough.networks.blocks import BlurPool, Bottleneck
from deepenough.networks.config import EXPANSION, NetworkConfig
from deepenough.networks.fusion import GeneralisedMean, neck
from deepenough.networks.multiscale import BigLittleStage, BigLittleStem, pooled_blocks

SMALLEST_SIDE = 32  # pixels; the last stage then still has one position


@dataclass(frozen=True, slots=True)
class Tap:
    """Where a feature map can be read: its name (C2 to C5), its channels, and input pixels per position."""

    name: str
    channels: int
    stride: int

    def side(self, image_side: int) -> int:
        """Positions along a side of the map, for an image of `image_side` pixels: every halving rounds up."""
        return math.ceil(image_side / self.stride)


def stem_convolution(config: NetworkConfig) -> nn.Module:
    """The first convolution: images (batch, 3, height, width) -> (batch, stem channels, height / s, width / s).

    s is 1 for the small-image stem, else 2. A deep stem is three 3x3 convolutions with a norm and a ReLU between them.
    """
    given = config.stem_width
    if config.stem == "small":
        return nn.Conv2d(3, given, kernel_size=3, stride=1, padding=1, bias=False)
    if config.stem == "imagenet":
        return nn.Conv2d(3, given, kernel_size=7, stride=2, padding=3, bias=False)
    half = given // 2
    return nn.Sequential(
        nn.Conv2d(3, half, kernel_size=3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(half),
        nn.ReLU(inplace=True),
        nn.Conv2d(half, half, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(half),
        nn.ReLU(inplace=True),
        nn.Conv2d(half, given, kernel_size=3, padding=1, bias=False),
    )


def stem_pooling(config: NetworkConfig) -> nn.Module:
    """What follows it: halves the map again, or leaves it where images are small."""
    given = config.stem_width
    if config.stem == "small":
        return nn.Identity()
    if config.branches is not None:
        return BigLittleStem(given, config.branches.alpha)
    if config.stem_pooling == "max":
        blurred = nn.Sequential(nn.MaxPool2d(kernel_size=3, stride=1, padding=1), BlurPool(given))
        return blurred if config.antialias else nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
    strided = nn.Conv2d(given, given, kernel_size=3, stride=1 if config.antialias else 2, padding=1, bias=False)
    blur = [BlurPool(given)] if config.antialias else []
    return nn.Sequential(strided, *blur, nn.BatchNorm2d(given), nn.ReLU(inplace=True))


def stages(config: NetworkConfig) -> Iterator[nn.Module]:
    """The four stages. Where there are two branches, the first three have them and the last is plain."""
    counts, widths, kernels = config.stage_blocks, config.stage_widths, config.kernels
    skips = iter(config.drop_path * i / max(1, sum(counts) - 1) for i in range(sum(counts)))
    entering = config.stem_width
    for index, (blocks, width, kernel) in enumerate(zip(counts, widths, kernels, strict=True)):
        if config.branches is None:
            stride = 1 if index == 0 else 2
            yield stage(config, entering, width, stride, kernel=kernel, skips=[next(skips) for _ in range(blocks)])
        elif index < 3:
            yield BigLittleStage(config, entering, width, blocks, (2, 2, 1)[index], kernel=kernel)
        else:
            yield pooled_blocks(config, entering, width, blocks, 2, kernel=kernel)
        entering = EXPANSION * width


def stage(
    config: NetworkConfig, entering: int, width: int, stride: int, *, kernel: int, skips: list[float]
) -> nn.Sequential:
    """A bottleneck for each of `skips`, in a row; the first changes stride and channels, the others keep both."""
    first = Bottleneck(config, entering, width, stride, kernel=kernel, skip=skips[0])
    rest = (Bottleneck(config, EXPANSION * width, width, 1, kernel=kernel, skip=skip) for skip in skips[1:])
    return nn.Sequential(first, *rest)


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
        self.conv1 = stem_convolution(config)
        self.bn1 = nn.BatchNorm2d(config.stem_width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = stem_pooling(config)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages(config)
        self.taps = taps(config)
        self.neck = neck(config, [tap.channels for tap in self.taps])
        self.fc = nn.Linear(self.neck.width, outputs)

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
        """The head's input, (batch, fc.in_features): for the plain network the last map averaged over its positions."""
        return self.neck(self.features(images))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, outputs) of images (batch, 3, height, width)."""
        return self.fc(self.embed(images))


def taps(config: NetworkConfig) -> tuple[Tap, ...]:
    """Where the maps of a network can be read."""
    first = 1 if config.stem == "small" else 4
    plain, branched = (1, 2, 4, 8), (2, 4, 4, 8)  # strides after the stem's
    strides = plain if config.branches is None else branched
    return tuple(
        Tap(f"C{i + 2}", EXPANSION * width, first * stride)
        for i, (width, stride) in enumerate(zip(config.stage_widths, strides, strict=True))
    )


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
    initialise_layers(network, generator)
    if network.config.zero_init_last:
        for module in network.modules():
            if isinstance(module, Bottleneck) and module.residual:  # without a shortcut nothing would pass
                nn.init.zeros_(module.bn3.weight)


@torch.no_grad()
def initialise_layers(module: nn.Module, generator: torch.Generator) -> None:
    """Fresh weights of every layer in a network or a part of one, in place; see `initialise`."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d | BlurPool | GeneralisedMean):
            layer.reset_parameters()
        elif isinstance(layer, nn.Linear):
            bound = 1 / math.sqrt(layer.in_features)  # torch's own scheme
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.uniform_(-bound, bound, generator=generator)
