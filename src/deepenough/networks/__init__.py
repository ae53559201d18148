"""Networks: what a contender is made of, from pixels to logits, and where its weights come from.

Owns the ResNet family (`config`, `blocks`, `multiscale`, `fusion`, `resnet`), its contenders by name (`family`,
`catalogue`) and the reading and writing of weights (`weights`). Refuses training, losses, data and costs: a network
here knows neither its task nor its image source.
Importing this package imports no torch; its names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepenough.networks.catalogue import build, describe, names
    from deepenough.networks.config import STAGE_BLOCKS, NetworkConfig
    from deepenough.networks.resnet import ResNet, Tap
    from deepenough.networks.weights import LoadReport, check_weights, load_weights, save_weights

__all__ = [
    "STAGE_BLOCKS",
    "LoadReport",
    "NetworkConfig",
    "ResNet",
    "Tap",
    "build",
    "check_weights",
    "describe",
    "load_weights",
    "names",
    "save_weights",
]

_HOMES = {
    **dict.fromkeys(("build", "describe", "names"), "catalogue"),
    **dict.fromkeys(("STAGE_BLOCKS", "NetworkConfig"), "config"),
    **dict.fromkeys(("ResNet", "Tap"), "resnet"),
    **dict.fromkeys(("LoadReport", "check_weights", "load_weights", "save_weights"), "weights"),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
