"""The contenders by name: what each is made of, and what is published about it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import torch

from deepenough.errors import InputError
from deepenough.networks.config import NetworkConfig
from deepenough.networks.family import ENTRIES, Entry
from deepenough.networks.origins import public_weights
from deepenough.networks.resnet import SMALLEST_SIDE, ResNet, initialise

IMAGENET_CLASSES = 1000


_BY_NAME = {entry.name: entry for entry in ENTRIES}
_SEPARATOR = "+"


def names() -> tuple[str, ...]:
    """Every contender of the catalogue, in the order in which tables show them."""
    return tuple(_BY_NAME)


def entry(name: str) -> Entry:
    """The catalogue's entry of that name, or one with levers changed: `resnet50+width=0.5+kernels=5-3-3-3`.

    Args:
        name: a contender, and after each plus a field of `NetworkConfig` with its value; four numbers are joined by
            hyphens.

    Raises:
        InputError: no such contender (names the nearest one), no such lever, or a value outside its range.

    >>> entry("resnet50+blocks=3-4-9-3+stem=deep").config.stage_blocks
    (3, 4, 9, 3)
    """
    base, *levers = name.split(_SEPARATOR)
    if base not in _BY_NAME:
        raise InputError("contender", "a network of the catalogue", repr(base), _nearest(base, names()))
    found = _BY_NAME[base]
    if not levers:
        return found
    config = replace(found.config, **dict(_lever(lever) for lever in levers))
    words = ", ".join(lever.replace("_", " ").replace("=", " ") for lever in levers)
    return Entry(name=name, summary=f"{found.summary}; {words}", config=config)


def _lever(text: str) -> tuple[str, Any]:
    """A field of the config and its value, from `field=value`."""
    name, equals, value = text.partition("=")
    kinds = {field.name: str(field.type) for field in fields(NetworkConfig) if field.name not in ("depth", "branches")}
    if not equals or name not in kinds:
        near = difflib.get_close_matches(name, kinds, n=1)
        remedy = f"did you mean {near[0]}?" if near else ""
        if name == "depth":
            remedy = "blocks=3-4-6-3 sets the blocks of each stage; the depth is in the name, as in resnet101"
        raise InputError("contender", f"+LEVER=VALUE, LEVER one of {', '.join(kinds)}", repr(text), remedy)
    kind = kinds[name]
    try:
        if "Four" in kind:
            return name, tuple(int(part) for part in value.split("-"))
        if kind == "bool":
            return name, {"true": True, "false": False}[value.lower()]
        if "int" in kind and "Literal" not in kind:
            return name, int(value)
        return name, float(value) if kind == "float" else value
    except (ValueError, KeyError):
        expected = {"bool": "true or false", "float": "a number"}.get(kind, "whole numbers, joined by - where four")
        raise InputError(f"network: {name}", expected, repr(value)) from None


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
        `name`, `summary`, `depth`, `multi_scale` (how the network itself sees several scales), `stem`, `side`,
        `parameters` (with the 1,000 classes of ImageNet), `stages` (name, blocks, channels, stride, side of the map in
        positions), `weights_known` (origins of public weights; of the plain network's, where only the head differs)
        and `published` (weights, top1_percent, side, source).

    Raises:
        InputError: no such contender, or a side under 32 px.
    """
    if side < SMALLEST_SIDE:
        raise InputError("--side", f"at least {SMALLEST_SIDE} px", str(side))
    found, network = entry(name), skeleton(name)
    known = [weights.origin for weights in public_weights(found).values()]
    stages = [
        {"name": tap.name, "blocks": blocks, "channels": tap.channels, "stride": tap.stride, "side": tap.side(side)}
        for tap, blocks in zip(network.taps, found.config.stage_blocks, strict=True)
    ]
    return {
        "name": name,
        "summary": found.summary,
        "depth": found.config.depth,
        "multi_scale": list(found.kinds),
        "stem": found.config.stem,
        "side": side,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "stages": stages,
        "weights_known": list(dict.fromkeys((*known, *(published.weights for published in found.published)))),
        "published": [asdict(published) for published in found.published],
    }
