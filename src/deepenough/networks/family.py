"""The family as a table: every contender by name, what it is made of, and what is published about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from deepenough.networks.config import BigLittle, NetworkConfig

Kind = Literal["in the block", "in branches", "across stages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published ImageNet-1k top-1 accuracy of a network's weights under one recipe.

    Args:
        weights: the name under which the weights are known, `origin:recipe`.
        top1_percent: accuracy of one centre crop on the 50,000 validation images.
        side: test image side in pixels.
        source: where the figure is printed.
    """

    weights: str
    top1_percent: float
    side: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One contender; `published` is empty where nobody published weights for exactly this network."""

    name: str
    summary: str
    config: NetworkConfig
    published: tuple[Published, ...] = ()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """How the network itself sees several scales; test images of several sizes are the study's."""
        config = self.config
        found: list[Kind] = []
        if config.splits > 1:
            found.append("in the block")
        if config.branches is not None:
            found.append("in branches")
        if config.fusion != "none":
            found.append("across stages")
        return tuple(found)


_SOURCES = {
    "torchvision": "torchvision weights meta data",
    "timm": "timm results/results-imagenet.csv",
    "keras": "keras.io/api/applications",
}
_FIGURES: dict[str, tuple[tuple[str, float, int], ...]] = {
    "resnet50": (
        ("torchvision:IMAGENET1K_V1", 76.130, 224),
        ("torchvision:IMAGENET1K_V2", 80.858, 224),
        ("timm:resnet50.a1_in1k", 80.382, 224),
        ("timm:resnet50.a1_in1k", 81.240, 288),
        ("timm:resnet50.a2_in1k", 79.828, 224),
        ("timm:resnet50.a3_in1k", 78.052, 224),
    ),
    "resnet101": (
        ("torchvision:IMAGENET1K_V1", 77.374, 224),
        ("torchvision:IMAGENET1K_V2", 81.886, 224),
        ("timm:resnet101.a1_in1k", 81.494, 224),
        ("timm:resnet101.a1_in1k", 82.326, 288),
        ("timm:resnet101.a2_in1k", 81.344, 224),
        ("timm:resnet101.a3_in1k", 79.836, 224),
    ),
    "resnet50-v1": (("keras:ResNet50", 74.9, 224),),
    "resnet101-v1": (("keras:ResNet101", 76.4, 224),),
    "res2net50": (("timm:res2net50_26w_4s.in1k", 77.994, 224),),
    "res2net101": (("timm:res2net101_26w_4s.in1k", 79.192, 224),),
    "res2net50-26w6s": (("timm:res2net50_26w_6s.in1k", 78.586, 224),),
    "res2net50-26w8s": (("timm:res2net50_26w_8s.in1k", 78.950, 224),),
    "res2net50-14w8s": (("timm:res2net50_14w_8s.in1k", 78.142, 224),),
    "res2net50-48w2s": (("timm:res2net50_48w_2s.in1k", 77.528, 224),),
    "resnet50d": (("timm:resnet50d.a1_in1k", 80.730, 224), ("timm:resnet50d.a1_in1k", 81.466, 288)),
    "resnet101d": (("timm:resnet101d.ra2_in1k", 82.254, 256), ("timm:resnet101d.ra2_in1k", 83.020, 320)),
    "seresnet50": (("timm:seresnet50.a1_in1k", 80.012, 224), ("timm:seresnet50.a1_in1k", 81.114, 288)),
    "resnetrs50": (("timm:resnetrs50.tf_in1k", 77.858, 160), ("timm:resnetrs50.tf_in1k", 79.934, 224)),
    "resnetrs101": (("timm:resnetrs101.tf_in1k", 80.706, 192), ("timm:resnetrs101.tf_in1k", 82.288, 288)),
}


def _entry(name: str, summary: str, config: NetworkConfig) -> Entry:
    published = tuple(
        Published(weights=weights, top1_percent=top1, side=side, source=_SOURCES[weights.partition(":")[0]])
        for weights, top1, side in _FIGURES.get(name, ())
    )
    return Entry(name=name, summary=summary, config=config, published=published)


def _plain(depth: int) -> tuple[Entry, ...]:
    return (
        _entry(f"resnet{depth}", f"ResNet-{depth}, stride in the 3x3", NetworkConfig(depth=depth)),
        _entry(
            f"resnet{depth}-small",
            f"ResNet-{depth} with the small-image stem",
            NetworkConfig(depth=depth, stem="small"),
        ),
        _entry(
            f"resnet{depth}-v1",
            f"ResNet-{depth}, stride in the first 1x1: the paper's, Keras's",
            NetworkConfig(depth=depth, stride="first"),
        ),
    )


def _multiscale(depth: int) -> tuple[Entry, ...]:
    res2net = NetworkConfig(depth=depth, splits=4, bottleneck_width=26)
    big_little = NetworkConfig(depth=depth, branches=BigLittle())
    bases = {
        f"resnet{depth}": (f"ResNet-{depth}", NetworkConfig(depth=depth)),
        f"res2net{depth}": (f"Res2Net-{depth}, 4 splits of 26 channels", res2net),
        f"blresnet{depth}": (f"bLResNet-{depth}, alpha 2, beta 4", big_little),
    }
    heads = {
        "fpn": ("with a top-down pyramid as head", "top_down"),
        "concat": ("with all stages' averages as head", "concatenate"),
    }
    fused = (
        _entry(f"{name}-{ending}", f"{summary}, {words}", replace(config, fusion=fusion))
        for name, (summary, config) in bases.items()
        for ending, (words, fusion) in heads.items()
    )
    own = (_entry(name, *bases[name]) for name in bases if name != f"resnet{depth}")
    return (*own, *fused)


def _res2net_forms() -> tuple[Entry, ...]:
    forms = ((26, 6), (26, 8), (14, 8), (48, 2))
    return tuple(
        _entry(
            f"res2net50-{width}w{splits}s",
            f"Res2Net-50, {splits} splits of {width} channels",
            NetworkConfig(depth=50, splits=splits, bottleneck_width=width),
        )
        for width, splits in forms
    )


def _relatives(depth: int) -> tuple[Entry, ...]:
    rs = NetworkConfig(
        depth=depth, stem="deep", shortcut="average", stem_pooling="convolution", squeeze_excitation=0.25
    )
    return (
        _entry(
            f"resnet{depth}d",
            f"ResNet-{depth}-D: deep stem, averaging shortcuts",
            NetworkConfig(depth=depth, stem="deep", shortcut="average"),
        ),
        _entry(
            f"seresnet{depth}",
            f"ResNet-{depth} with squeeze-excitation",
            NetworkConfig(depth=depth, squeeze_excitation=1 / 16),
        ),
        _entry(f"resnetrs{depth}", f"ResNet-RS-{depth}: ResNet-D, squeeze-excitation, no pooling in the stem", rs),
        _entry(
            f"resnetblur{depth}",
            f"ResNet-{depth} that blurs before every stride",
            NetworkConfig(depth=depth, antialias=True),
        ),
    )


def _in_pairs(*groups: tuple[tuple[Entry, ...], tuple[Entry, ...]]) -> tuple[Entry, ...]:
    """Both depths of a kind side by side."""
    return tuple(entry for small, big in groups for pair in zip(small, big, strict=True) for entry in pair)


ENTRIES = (
    *_in_pairs(
        (_plain(50), _plain(101)),
        (_multiscale(50), _multiscale(101)),
        (_relatives(50), _relatives(101)),
    ),
    *_res2net_forms(),
)


def published_backbone(config: NetworkConfig) -> Entry | None:
    """The entry whose published weights fill the stem and the stages of such a network, if there is one.

    Heads that fuse stages and other poolings have no weights of their own: they start from the plain network's.
    """
    own = _backbone(config)
    return next((entry for entry in ENTRIES if entry.published and _backbone(entry.config) == own), None)


def _backbone(config: NetworkConfig) -> NetworkConfig:
    return replace(config, fusion="none", pooling="average", drop_path=0.0, zero_init_last=True)
