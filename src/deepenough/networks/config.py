"""What a network is made of: every lever of the family in one record.

One config, one builder: two networks differ in their configs and in nothing else. The published relatives (Res2Net,
big-little, ResNet-D, SE-ResNet, ResNet-RS, ResNeXt, Wide ResNet) are values of these fields, not classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from deepenough.errors import InputError

STAGE_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}  # the whole difference between the contestants
BIG_LITTLE_BLOCKS = {50: (3, 4, 6, 3), 101: (4, 8, 18, 3)}  # Chen et al. 2019 deal the 101 layers otherwise

STEM_CHANNELS = 64
STAGE_WIDTHS = (64, 128, 256, 512)  # channels of the 3x3 convolution, by stage
NARROWEST, WIDEST = 0.125, 8.0  # widths
KERNELS = range(1, 1025)  # bottleneck widths
EXPANSION = 4  # a block gives EXPANSION times its stage's width

Four = tuple[int, int, int, int]
Stem = Literal["imagenet", "deep", "small"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BigLittle:
    """Two branches a stage: a big one at half the resolution, a little one, thinner and shallower, at full resolution.

    Chen et al. 2019, "Big-Little Net", arXiv 1807.03848, section 3.

    Args:
        alpha: the little branch has 1 / alpha of the channels.
        beta: and 1 / beta of the blocks.
    """

    alpha: int = 2
    beta: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Two networks of equal config differ in their weights only.

    Args:
        depth: 50 or 101, a row of `STAGE_BLOCKS`.
        blocks: in each stage, where it is not the depth's row.
        width: factor of all channels, 1/8 to 8; each count is rounded to a multiple of 8 (of 2 below 8).
        stem: `imagenet` is a 7x7 convolution of stride 2 and a max pooling of stride 2; `deep` has three 3x3 in place
            of the 7x7 (He, T., et al. 2019, arXiv 1812.01187, figure 2b); `small`, for images of about 32 px, is one
            3x3 of stride 1 without pooling, and makes every later map 16 times as large.
        stem_channels: of the stem's result; the first two convolutions of a deep stem have half of them.
        stem_pooling: `max`, or `convolution`, a 3x3 of stride 2 (ResNet-RS, Bello et al. 2021, arXiv 2103.07579).
        kernels: side of each stage's spatial convolution: 3, 5 or 7.
        stride: where a block that halves its map does it: `middle`, in the spatial convolution ("v1.5"), or `first`, in
            the first 1x1, as the paper, Caffe and Keras have it (He et al. 2016); then without branches, splits, blur.
        bottleneck_width: channels of the spatial convolution in every 64 of the stage's; 128 is Wide ResNet-50-2.
        groups: of the spatial convolution (ResNeXt, Xie et al. 2017, arXiv 1611.05431); `bottleneck_width` is of one.
        splits: 1, or the number of groups of channels that see each other in turn: Res2Net's scale (Gao et al. 2019,
            arXiv 1904.01169, section 3), with `bottleneck_width` channels each.
        branches: two resolutions in every stage but the last, or None.
        shortcut: `projection` strides its 1x1 convolution; `average` pools first (ResNet-D, arXiv 1812.01187, figure
            2c); `none` leaves all of them out: the plain network that residual ones were first held against (He et al.
            2016, section 3.3), or under an encoder-decoder a plain U-Net.
        squeeze_excitation: channels of the gate's middle, as a share; 0 for no gate (Hu et al. 2018, arXiv 1709.01507).
        antialias: blur before every stride inside a block (Zhang 2019, arXiv 1904.11486).
        drop_path: chance to skip the last block in training; earlier ones less, in proportion (Huang et al. 2016, arXiv
            1603.09382).
        fusion: which maps the head sees: `none`, the last alone; `top_down`, a feature pyramid's sum (Lin et al. 2017,
            arXiv 1612.03144); `concatenate`, all, each pooled (hypercolumns, Hariharan et al. 2015, arXiv 1411.5752).
        pooling: `average`, or `gem`, the generalised mean with a learnt power (Radenovic et al. 2018, arXiv
            1711.02512).
        zero_init_last: start each block as the identity by a zero gamma in its last norm. On, since it steadies the
            first epochs of a short training from scratch (Goyal et al. 2017, arXiv 1706.02677, section 5.1). It
            concerns fresh weights only: loaded ones replace it. torchvision's default is off.

    Raises:
        InputError: a value outside these.
    """

    depth: int
    blocks: Four | None = None
    width: float = 1.0
    stem: Stem = "imagenet"
    stem_channels: int | None = None
    stem_pooling: Literal["max", "convolution"] = "max"
    kernels: Four = (3, 3, 3, 3)
    stride: Literal["middle", "first"] = "middle"
    bottleneck_width: int = 64
    groups: int = 1
    splits: int = 1
    branches: BigLittle | None = None
    shortcut: Literal["projection", "average", "none"] = "projection"
    squeeze_excitation: float = 0.0
    antialias: bool = False
    drop_path: float = 0.0
    fusion: Literal["none", "top_down", "concatenate"] = "none"
    pooling: Literal["average", "gem"] = "average"
    zero_init_last: bool = True

    def __post_init__(self) -> None:
        self._choice("depth", tuple(STAGE_BLOCKS))
        self._choice("stem", ("imagenet", "deep", "small"))
        self._choice("stem_pooling", ("max", "convolution"))
        self._choice("stride", ("middle", "first"))
        plain = self.branches is None and self.splits == 1 and not self.antialias
        self._within("stride", self.stride == "middle" or plain, "middle where there are branches, splits or blur")
        self._choice("shortcut", ("projection", "average", "none"))
        whole = self.branches is None and not self.drop_path
        self._within("shortcut", self.shortcut != "none" or whole, "one where there are branches or drop_path")
        self._choice("fusion", ("none", "top_down", "concatenate"))
        self._choice("pooling", ("average", "gem"))
        self._within("width", NARROWEST <= self.width <= WIDEST, f"between {NARROWEST:g} and {WIDEST:g}")
        self._within("blocks", self.blocks is None or _four(self.blocks, range(1, 201)), "four numbers from 1 to 200")
        self._within("kernels", _four(self.kernels, (3, 5, 7)), "four of 3, 5 and 7")
        self._within("stem_channels", self.stem_channels is None or self.stem_channels in range(2, 1025), "2 to 1024")
        self._within("bottleneck_width", self.bottleneck_width in KERNELS, f"a whole number from 1 to {KERNELS[-1]}")
        self._within("groups", self.groups in range(1, 129), "a whole number from 1 to 128")
        self._within("splits", self.splits in range(1, 17), "a whole number from 1 to 16")
        self._within("squeeze_excitation", 0 <= self.squeeze_excitation <= 1, "a share from 0 to 1")
        self._within("drop_path", 0 <= self.drop_path < 1, "a chance from 0 to below 1")
        if self.branches is not None:
            pair = (self.branches.alpha, self.branches.beta)
            self._within("branches", all(part in range(1, 9) for part in pair), "alpha and beta from 1 to 8")

    def _choice(self, name: str, known: tuple[int | str, ...]) -> None:
        value = getattr(self, name)
        if value not in known:
            text = ", ".join(map(str, known))
            raise InputError(f"network: {name}", f"one of {text}", str(value))

    def _within(self, name: str, fits: bool, expected: str) -> None:
        if not fits:
            raise InputError(f"network: {name}", expected, str(getattr(self, name)))

    @property
    def stage_blocks(self) -> Four:
        """Blocks in each of the four stages."""
        return self.blocks or (STAGE_BLOCKS if self.branches is None else BIG_LITTLE_BLOCKS)[self.depth]

    @property
    def stage_widths(self) -> tuple[int, ...]:
        """Width of each stage; its blocks give `EXPANSION` times as many channels."""
        return tuple(scaled(width, self.width) for width in STAGE_WIDTHS)

    @property
    def stem_width(self) -> int:
        """Channels that the stem gives."""
        return self.stem_channels or scaled(STEM_CHANNELS, self.width)

    def inner_width(self, stage_width: int) -> int:
        """Channels of one split of the spatial convolution; a block has `splits` of them."""
        return max(1, math.floor(stage_width * self.bottleneck_width / 64)) * self.groups

    @property
    def label(self) -> str:
        """The network in words, for messages."""
        family = "ResNet" if self.splits == 1 else "Res2Net"
        family = family if self.branches is None else f"bL{family}"
        stem = " with the small-image stem" if self.stem == "small" else ""
        return f"{family}-{self.depth}{' v1' if self.stride == 'first' else ''}{stem}"


def scaled(channels: int, factor: float) -> int:
    """Channels times the factor, to the nearest multiple of 8 (of 2 where fewer than 8), at least 2.

    >>> scaled(64, 1.0), scaled(64, 0.7), scaled(4, 1.0)
    (64, 48, 4)
    """
    if factor == 1.0:
        return channels
    step = 8 if channels * factor >= 8 else 2
    return max(step, step * math.floor(channels * factor / step + 0.5))


def _four(values: tuple[int, ...], known: range | tuple[int, ...]) -> bool:
    return len(values) == 4 and all(value in known for value in values)
