"""onnxruntime, imported so that it reports nothing to its makers."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

_SILENT = {"ORT_DISABLE_TELEMETRY": "1"}  # read when it is imported; from 1.32 on it reports on Linux too


def onnxruntime() -> ModuleType:
    """The package, once its telemetry is switched off, unless the user set the variable otherwise.

    Raises:
        ImportError: it is not installed.
    """
    for name, value in _SILENT.items():
        os.environ.setdefault(name, value)
    return importlib.import_module("onnxruntime")
