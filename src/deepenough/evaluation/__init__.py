"""Evaluation: one pass over the pictures feeds every network at every scale.

Owns the forward passes, the features that are kept of them, the tables of scores, and where in a picture an answer was
found. Refuses to decode, to choose a scale and to compare: it returns one row a contender, scale and sample, and the
layers above decide. Names are loaded when first used: `tiling` needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepenough.evaluation.averaging import evaluate_mean
    from deepenough.evaluation.batches import Batches, batch_at
    from deepenough.evaluation.explanation import grad_cam
    from deepenough.evaluation.features import build_features, evaluate_head
    from deepenough.evaluation.onepass import evaluate, evaluate_batch_seconds, examine
    from deepenough.evaluation.outcomes import Outcomes, Shown
    from deepenough.evaluation.precision import count_flips

__all__ = [
    "Batches",
    "Outcomes",
    "Shown",
    "batch_at",
    "build_features",
    "count_flips",
    "evaluate",
    "evaluate_batch_seconds",
    "evaluate_head",
    "evaluate_mean",
    "examine",
    "grad_cam",
]

_HOMES = {
    "evaluate_mean": "averaging",
    **dict.fromkeys(("Batches", "batch_at"), "batches"),
    "grad_cam": "explanation",
    **dict.fromkeys(("build_features", "evaluate_head"), "features"),
    **dict.fromkeys(("evaluate", "evaluate_batch_seconds", "examine"), "onepass"),
    **dict.fromkeys(("Outcomes", "Shown"), "outcomes"),
    "count_flips": "precision",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
