"""How far a weight is from the head, counted in the parts of the network: what layer-wise learning rates go by."""

from __future__ import annotations

STAGES = ("layer1", "layer2", "layer3", "layer4")
_STEM = ("conv1", "bn1", "maxpool")
_AFTER = ("neck", "fc")  # what joins the maps belongs to the head: public weights know neither
BACKBONE = "backbone"  # the name of the residual network within a larger one, whose other parts are its head


def distance_from_head(name: str) -> int:
    """Parts between a weight and the head: 0 for the head and the neck, 1 for the last stage, ... 5 for the stem.

    Stages, not blocks, are the parts, whatever they are made of. ResNet-101 has 17 blocks more than ResNet-50 in one
    stage; counted by blocks, its stem would hardly be trained at a decay at which ResNet-50's still is, and a
    comparison would be one of learning rates too. Counted by stages, contenders of every depth and kind get the same
    rates in the same places.

    Args:
        name: of a parameter of a `ResNet`, or of a network around one, as in its state dict.

    Raises:
        ValueError: the name belongs to no part of the family.

    >>> [distance_from_head(name) for name in ("fc.bias", "layer4.2.conv1.weight", "layer1.0.bn1.weight", "bn1.weight")]
    [0, 1, 4, 5]
    """
    part, _, rest = name.partition(".")
    if part == BACKBONE:
        return distance_from_head(rest)
    if part in _AFTER or part.startswith("head"):
        return 0
    if part in _STEM:
        return len(STAGES) + 1
    if part in STAGES:
        return len(STAGES) - STAGES.index(part)
    raise ValueError(f"a weight of no part of the family: {name!r}")
