"""Sensitivity at a chosen specificity: the threshold from one set of images, what it finds on another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def threshold_at(chances: FloatArray, positive: Mask, specificity: float) -> float:
    """The lowest threshold at which at least that share of the negatives is not above it.

    Args:
        chances: how probably each image is positive, (images,).
        positive: whether it is; at least one is not.
        specificity: in (0, 1).

    >>> threshold_at(np.array([0.1, 0.2, 0.3, 0.4, 0.9]), np.array([False] * 4 + [True]), 0.75)
    0.3
    """
    negatives = np.sort(chances[~positive])
    return float(negatives[int(np.ceil(specificity * len(negatives) - 1e-9)) - 1])


def sensitivity_scores(chances: FloatArray, positive: Mask, threshold: float) -> FloatArray:
    """The share of positives above the threshold, as one value an image: their mean is it, and varies as it does.

    A ratio of two means: the value of a positive image is S + (hit - S) / share of positives, that of a negative one S.
    The threshold is taken as given: what choosing it on validation adds is not in the values.

    >>> sensitivity_scores(np.array([0.9, 0.2, 0.5]), np.array([True, True, False]), 0.4).tolist()
    [1.25, -0.25, 0.5]
    """
    hit = chances > threshold
    share = positive.mean()
    sensitivity = float(hit[positive].mean())
    return sensitivity + positive * (hit - sensitivity) / share
