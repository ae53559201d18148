"""Evaluation: one pass over the pictures feeds every network at every scale.

Owns the forward passes and the scores frame. Refuses to decode, to choose a scale and to compare: it returns one row a
contender, scale and sample, and the layers above decide.
"""

from deepenough.evaluation.onepass import evaluate, evaluate_batch_seconds

__all__ = ["evaluate", "evaluate_batch_seconds"]
