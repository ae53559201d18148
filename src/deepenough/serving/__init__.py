"""A finished study's network in use: exported, held against the study image by image, and asked about new pictures.

Owns the exported file, what it says about itself, the proof that it answers as the network that was tested, and the way
from a picture's file to an answer. Refuses to choose by test images, to train, and to decide by statistics of its own.
`graph`, `torch_form`, `onnx_form`, `latency`, `exporting` and the playground import torch; `predicting` needs none of
them for an ONNX or OpenVINO file. Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepenough.serving.about import About
    from deepenough.serving.choosing import Choice, choose
    from deepenough.serving.exporting import Export, Material, export
    from deepenough.serving.mending import mend
    from deepenough.serving.opening import open_model
    from deepenough.serving.pictures import Found, find
    from deepenough.serving.predicting import Answer, Model, predict

__all__ = ["About", "Answer", "Choice", "Export", "Found", "Material", "Model"]
__all__ += ["choose", "export", "find", "mend", "open_model", "predict"]

_HOMES = {
    "About": "about",
    **dict.fromkeys(("Choice", "choose"), "choosing"),
    **dict.fromkeys(("Export", "Material", "export"), "exporting"),
    "mend": "mending",
    "open_model": "opening",
    **dict.fromkeys(("Found", "find"), "pictures"),
    **dict.fromkeys(("Answer", "Model", "predict"), "predicting"),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
