"""The contenders by name: what each is made of, and what is published about it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from deepenough.errors import InputError
from deepenough.networks.resnet import SMALLEST_SIDE, NetworkConfig, ResNet, initialise

IMAGENET_CLASSES = 1000


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
    """One contender of the catalogue; `published` is empty where nobody published weights for exactly this network."""

    name: str
    summary: str
    config: NetworkConfig
    published: tuple[Published, ...] = ()


def _published(*rows: tuple[str, float, int]) -> tuple[Published, ...]:
    sources = {"torchvision": "torchvision weights meta data", "timm": "timm results/results-imagenet.csv"}
    return tuple(
        Published(weights=weights, top1_percent=top1, side=side, source=sources[weights.partition(":")[0]])
        for weights, top1, side in rows
    )


_ENTRIES = (
    Entry(
        name="resnet50",
        summary="ResNet-50, stride in the 3x3",
        config=NetworkConfig(depth=50),
        published=_published(
            ("torchvision:IMAGENET1K_V1", 76.130, 224),
            ("torchvision:IMAGENET1K_V2", 80.858, 224),
            ("timm:resnet50.a1_in1k", 80.382, 224),
            ("timm:resnet50.a1_in1k", 81.240, 288),
            ("timm:resnet50.a2_in1k", 79.828, 224),
            ("timm:resnet50.a3_in1k", 78.052, 224),
        ),
    ),
    Entry(
        name="resnet101",
        summary="ResNet-101, stride in the 3x3",
        config=NetworkConfig(depth=101),
        published=_published(
            ("torchvision:IMAGENET1K_V1", 77.374, 224),
            ("torchvision:IMAGENET1K_V2", 81.886, 224),
            ("timm:resnet101.a1_in1k", 81.494, 224),
            ("timm:resnet101.a1_in1k", 82.326, 288),
            ("timm:resnet101.a2_in1k", 81.344, 224),
            ("timm:resnet101.a3_in1k", 79.836, 224),
        ),
    ),
    Entry(
        name="resnet50-small",
        summary="ResNet-50 with the small-image stem",
        config=NetworkConfig(depth=50, stem="small"),
    ),
    Entry(
        name="resnet101-small",
        summary="ResNet-101 with the small-image stem",
        config=NetworkConfig(depth=101, stem="small"),
    ),
)
_BY_NAME = {entry.name: entry for entry in _ENTRIES}


def names() -> tuple[str, ...]:
    """Every contender of the catalogue, in the order in which tables show them."""
    return tuple(_BY_NAME)


def entry(name: str) -> Entry:
    """The catalogue's entry of that name.

    Raises:
        InputError: no such contender; names the nearest one, or all.
    """
    if name not in _BY_NAME:
        raise InputError("contender", f"one of {', '.join(names())}", repr(name), _nearest(name, names()))
    return _BY_NAME[name]


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name.lower().replace("_", "-"), known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else "`deepenough networks` lists them"


def build(name: str, outputs: int, *, seed: int = 0) -> ResNet:
    """A network with fresh weights, in training mode, fp32, on the CPU.

    Nothing but `name`, `outputs` and `seed` decides the weights, and torch's global generator is left as it was.

    Args:
        name: a contender of the catalogue.
        outputs: logits of the head, for classification the number of classes.
        seed: of the weights, 0 to 2**63 - 1.

    Raises:
        InputError: no such contender, or no outputs.
    """
    network = skeleton(name, outputs)
    network.to_empty(device="cpu")
    initialise(network, torch.Generator().manual_seed(seed))
    return network


def skeleton(name: str, outputs: int = IMAGENET_CLASSES) -> ResNet:
    """The network without memory for its weights (on torch's meta device): for counting and for shapes."""
    with torch.device("meta"):
        return ResNet(entry(name).config, outputs)


def describe(name: str, side: int = 224) -> dict[str, Any]:
    """What the catalogue knows of a contender, in plain values that JSON can hold; nothing is run.

    MACs are a cost: `deepenough.cost.count` gives them.

    Args:
        name: a contender of the catalogue.
        side: image side in pixels for which the shapes of the stages hold.

    Returns:
        `name`, `summary`, `depth`, `stem`, `side`, `parameters` (with the 1,000 classes of ImageNet), `stages` (name,
        blocks, channels, stride, side of the map in positions) and `published` (weights, top1_percent, side, source).

    Raises:
        InputError: no such contender, or a side under 32 px.
    """
    if side < SMALLEST_SIDE:
        raise InputError("--side", f"at least {SMALLEST_SIDE} px", str(side))
    found, network = entry(name), skeleton(name)
    stages = [
        {"name": tap.name, "blocks": blocks, "channels": tap.channels, "stride": tap.stride, "side": tap.side(side)}
        for tap, blocks in zip(network.taps, found.config.stage_blocks, strict=True)
    ]
    return {
        "name": name,
        "summary": found.summary,
        "depth": found.config.depth,
        "stem": found.config.stem,
        "side": side,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "stages": stages,
        "published": [asdict(published) for published in found.published],
    }
