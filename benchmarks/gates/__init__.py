"""Error rates of the statistics, one module a family; each lists its functions in `PARTS`.

A part is `part(repetitions, seed) -> list[Row]`: deterministic in both, its randomness its own.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from gates.row import Row

Part = Callable[[int, int], list[Row]]


def all_parts() -> list[Part]:
    """Those of every module here, in the order of the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [part for name in names for part in getattr(importlib.import_module(f"{__name__}.{name}"), "PARTS", ())]
