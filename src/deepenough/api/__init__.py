"""The program from Python, as a notebook calls it: the same studies, by the same names, that the command line runs.

Owns what a study looks like to who has it in hand: a verdict, tables and figures that display themselves. Refuses to
compute, decide, phrase and draw, which the layers below do. Importing this package imports neither torch nor polars.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepenough.api.comparing import carry_out, compare, executor_of
    from deepenough.api.opened import OpenStudy, open_study
    from deepenough.api.shown import ShownFigure, ShownVerdict

__all__ = ["OpenStudy", "ShownFigure", "ShownVerdict", "carry_out", "compare", "executor_of", "open_study"]

_HOMES = {
    "OpenStudy": "opened",
    "ShownFigure": "shown",
    "ShownVerdict": "shown",
    "carry_out": "comparing",
    "compare": "comparing",
    "executor_of": "comparing",
    "open_study": "opened",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
