"""Studies: the study file, the plan, the run, and the folder that it leaves.

Owns the order of events: data, plan, training, evaluation, cost, verdict; what is resumed and what is refused; and the
study folder. Refuses to compute what a lower layer computes, and to draw or phrase what the report does. Importing this
package imports neither torch nor pydantic; its names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepenough.studies.listener import Listener
    from deepenough.studies.run import run_study
    from deepenough.studies.study import Study, load_study

__all__ = ["Listener", "Study", "load_study", "run_study"]

_HOMES = {"Listener": "listener", "Study": "study", "load_study": "study", "run_study": "run"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
