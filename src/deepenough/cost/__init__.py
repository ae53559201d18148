"""Cost: what a network needs, counted on paper (parameters, MACs) and measured on this machine (time, memory).

Owns `count`, `measure` and the costs table. Refuses to know what a network is for or where it came from: any module
that takes images will do. Measures whatever it is given, never chooses between contenders.
Importing this package imports no torch; its names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepenough.cost.cascading import measure_cascade
    from deepenough.cost.counting import Count, count
    from deepenough.cost.timing import measure

__all__ = ["Count", "count", "measure", "measure_cascade"]

_HOMES = {**dict.fromkeys(("Count", "count"), "counting"), "measure": "timing", "measure_cascade": "cascading"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
