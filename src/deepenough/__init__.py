"""Is ResNet-50 deep enough for your images, or do you need ResNet-101, and at which scale?

The names below are the public way in; each is imported when it is first asked for, so `import deepenough` is instant
and brings in neither torch nor polars:

    compare           train, test and decide: the main job, from a source of images to a study that shows its verdict
    open_study        a finished study from its folder
    decide_study      the verdict from a frame of scores per sample, contender and seed
    read_predictions  such a frame from anybody's predictions in CSV or Parquet
    InputError        what all of them raise when the input cannot be used: where, expected, got, remedy
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepenough.api import compare, open_study
    from deepenough.comparison import decide_study, read_predictions
    from deepenough.errors import InputError

__version__ = "0.1.0"

__all__ = ["InputError", "__version__", "compare", "decide_study", "open_study", "read_predictions"]

_HOMES = {
    "InputError": ("deepenough.errors", "InputError"),
    "compare": ("deepenough.api", "compare"),
    "decide_study": ("deepenough.comparison", "decide_study"),
    "open_study": ("deepenough.api", "open_study"),
    "read_predictions": ("deepenough.comparison", "read_predictions"),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'deepenough' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
