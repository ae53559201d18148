"""Tasks: what is asked of the images, how it is taught and how each sample is scored.

Owns the `Task` contract and one file a task; every task gives one score per sample, higher is better. Refuses networks,
data and accumulation: everything here is a pure function of outputs and labels.
Importing this package imports no torch; its names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepenough.tasks.classification import ACCURACY, Classification
    from deepenough.tasks.contract import Metric, Scores, Task

__all__ = ["ACCURACY", "Classification", "Metric", "Scores", "Task"]

_HOMES = {
    **dict.fromkeys(("ACCURACY", "Classification"), "classification"),
    **dict.fromkeys(("Metric", "Scores", "Task"), "contract"),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
