"""Tasks: what is asked of the images, how it is taught and how each sample is scored.

Owns the `Task` contract, one file a task and the table of them; every task gives one score per sample, higher is
better, whose mean is the task's metric. Refuses files, devices and accumulation: everything here is a function of
outputs and targets (docs/tasks.md).
Importing this package imports no torch; its names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepenough.tasks.classification import ACCURACY, Classification
    from deepenough.tasks.contract import Task
    from deepenough.tasks.detection import Detection
    from deepenough.tasks.multilabel import MultiLabel
    from deepenough.tasks.registry import TASKS, make_task
    from deepenough.tasks.values import Given, Metric, Run, Scores

__all__ = [
    "ACCURACY",
    "TASKS",
    "Classification",
    "Detection",
    "Given",
    "Metric",
    "MultiLabel",
    "Run",
    "Scores",
    "Task",
    "make_task",
]

_HOMES = {
    **dict.fromkeys(("ACCURACY", "Classification"), "classification"),
    "Task": "contract",
    "Detection": "detection",
    "MultiLabel": "multilabel",
    **dict.fromkeys(("TASKS", "make_task"), "registry"),
    **dict.fromkeys(("Given", "Metric", "Run", "Scores"), "values"),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
