"""Why weights do not fit a network, read from the file's tensor names and shapes alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deepenough.networks.config import STAGE_BLOCKS, NetworkConfig

Shape = tuple[int, ...]

_SHOWN = 3  # names of a list that the message shows; it also gives the count
_FIRST_BLOCK_WIDTH = (64, 64, 3, 3)  # of the plain ResNet's first 3x3 convolution
_KNOWN_BLOCKS = {**STAGE_BLOCKS, 152: (3, 8, 36, 3)}


@dataclass(frozen=True, slots=True)
class Misfit:
    """What a file lacks, has too much, or has in another shape: name -> (wanted, found)."""

    missing: Sequence[str]
    unexpected: Sequence[str]
    misshaped: Mapping[str, tuple[Shape, Shape]]

    @property
    def any(self) -> bool:
        """Whether anything does not fit."""
        return bool(self.missing or self.unexpected or self.misshaped)

    def summary(self) -> str:
        """The counts and the first few of each kind, one line."""
        parts = []
        if self.missing:
            parts.append(f"{len(self.missing)} missing ({_first_few(self.missing)})")
        if self.unexpected:
            parts.append(f"{len(self.unexpected)} unexpected ({_first_few(self.unexpected)})")
        if self.misshaped:
            shown = [f"{name} {found} instead of {wanted}" for name, (wanted, found) in self.misshaped.items()]
            parts.append(f"{len(self.misshaped)} of another shape ({_first_few(shown)})")
        return ", ".join(parts)


def _first_few(items: Sequence[str]) -> str:
    return ", ".join(items[:_SHOWN]) + (", ..." if len(items) > _SHOWN else "")


def likely_cause(config: NetworkConfig, shapes: Mapping[str, Shape]) -> str:
    """One clause that says what the file probably is, or an empty string where nothing points to a cause.

    Args:
        config: of the network that the file was meant for.
        shapes: the file's tensors.

    >>> blocks = [f"layer{stage}.{i}.conv3.weight" for stage, n in enumerate((3, 4, 23, 3), 1) for i in range(n)]
    >>> likely_cause(NetworkConfig(depth=50), dict.fromkeys(blocks, (1,)))
    'this is a ResNet-101: layer3 has 23 blocks, where ResNet-50 has 6'
    """
    prefix = _common_prefix(shapes)
    if prefix:
        return f"every name in the file begins with {prefix!r}; take that prefix off and save again"
    blocks = _blocks(shapes)
    if not any(blocks):
        return "none of its names are a ResNet's; it is of another family or of another library"
    return _another_block(config, shapes) or _another_depth(config, blocks) or _another_stem(config, shapes)


def _common_prefix(shapes: Mapping[str, Shape]) -> str:
    prefix = next((name.partition("layer1.")[0] for name in shapes if "layer1." in name), "")
    return prefix if all(name.startswith(prefix) for name in shapes) else ""


def _blocks(shapes: Mapping[str, Shape]) -> tuple[int, ...]:
    found = [re.match(r"layer([1-4])\.(\d+)\.", name) for name in shapes]
    places = {(int(match[1]), int(match[2])) for match in found if match}
    return tuple(sum(stage == wanted for stage, _ in places) for wanted in (1, 2, 3, 4))


def _another_block(config: NetworkConfig, shapes: Mapping[str, Shape]) -> str:
    split, branched = "layer1.0.convs.0.weight" in shapes, any(name.startswith("layer1.little.") for name in shapes)
    plain, gated = "layer1.0.conv2.weight" in shapes, any(".se." in name for name in shapes)
    two = "layer1.0.conv1.weight" in shapes and "layer1.0.conv3.weight" not in shapes
    ordinary = (config.groups, config.bottleneck_width, config.width, config.kernels[0]) == (1, 64, 1.0, 3)
    wide = ordinary and shapes.get("layer1.0.conv2.weight", _FIRST_BLOCK_WIDTH) != _FIRST_BLOCK_WIDTH
    joined = any(name.startswith("neck.") for name in shapes)
    causes = (
        (config.splits == 1 and split, "this is a Res2Net: its blocks hold several 3x3 convolutions"),
        (config.branches is None and branched, "this is a big-little network: its stages have two branches"),
        (
            config.fusion == "none" and joined,
            "this is a network whose head joins several stages, -fpn or -concat",
        ),
        (not config.squeeze_excitation and gated, "this is a network with squeeze-excitation, such as SE-ResNet"),
        (two, "this is a ResNet-18 or 34: its blocks have two convolutions, not three"),
        (config.branches is not None and plain, "this is a network without branches, such as a plain ResNet"),
        (config.splits > 1 and plain, "this is no Res2Net: its blocks hold one 3x3 convolution"),
        (config.squeeze_excitation > 0 and plain and not gated, "this is a network without squeeze-excitation"),
        (wide, "this is a wide or grouped variant (Wide ResNet, ResNeXt): its 3x3 convolutions have another width"),
        (
            config.stem != "deep" and "conv1.0.weight" in shapes,
            "this is a variant with a deep stem (ResNet-C or -D): its first convolution is three",
        ),
    )
    return next((cause for applies, cause in causes if applies), "")


def _another_depth(config: NetworkConfig, blocks: Shape) -> str:
    wanted = config.stage_blocks
    if blocks == wanted:
        return ""
    depth = next((depth for depth, row in _KNOWN_BLOCKS.items() if row == blocks), None)
    what = "of another depth" if depth is None else f"a ResNet-{depth}"
    at = max(range(4), key=lambda index: abs(blocks[index] - wanted[index]))
    return f"this is {what}: layer{at + 1} has {blocks[at]} blocks, where {config.label} has {wanted[at]}"


def _another_stem(config: NetworkConfig, shapes: Mapping[str, Shape]) -> str:
    found = shapes.get("conv1.weight", ())[2:]
    if config.stem == "imagenet" and found == (3, 3):
        return "the file has the small-image stem (3x3); the contender's name for it ends in -small"
    if config.stem == "small" and found == (7, 7):
        return "the file has ImageNet's 7x7 stem; the contender's name for it does not end in -small"
    return ""
