"""Evaluation: one pass over the pictures feeds every network at every scale.

Owns the forward passes, the features that are kept of them, the tables of scores, and where in a picture an answer was
found. Refuses to decode, to choose a scale and to compare: it returns one row a contender, scale and sample, and the
layers above decide.
"""

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
