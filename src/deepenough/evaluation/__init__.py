"""Evaluation: one pass over the pictures feeds every network at every scale.

Owns the forward passes, the features that are kept of them, the scores frame, and where in a picture
an answer was found. Refuses to decode, to choose a scale
and to compare: it returns one row a contender, scale and sample, and the layers above decide.
"""

from deepenough.evaluation.explanation import grad_cam
from deepenough.evaluation.features import build_features, evaluate_head
from deepenough.evaluation.onepass import Shown, batch_at, evaluate, evaluate_batch_seconds

__all__ = ["Shown", "batch_at", "build_features", "evaluate", "evaluate_batch_seconds", "evaluate_head", "grad_cam"]
