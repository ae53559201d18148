"""Temperature scaling: one number, from validation, by which a network's logits are divided.

C. Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2. It changes no prediction and no
ranking within an image, only how sure the answers are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from deepenough.comparison.calibration import BINS

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
_RANGE = (1.0 / 50.0, 50.0)  # of 1 / temperature
_HALVINGS = 60
_SMALLEST = 1e-30


def fit_temperature(chances: FloatArray, labels: Labels) -> float:
    """The temperature with the least negative log likelihood of the labels, within 1/50 and 50.

    In 1 / temperature the likelihood is convex, so its slope, the mean logit less that of the right class, is halved in
    on.

    Args:
        chances: probability of each class, (images, classes).
        labels: the right ones, (images,).

    >>> fit_temperature(np.array([[0.9, 0.1]] * 10), np.array([0] * 9 + [1])).__round__(6)
    1.0
    """
    logits = np.log(np.maximum(chances, _SMALLEST))
    right = logits[np.arange(len(labels)), labels].mean()
    low, high = _RANGE
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        slope = (_softmax(middle * logits) * logits).sum(1).mean() - right
        low, high = (low, middle) if slope > 0 else (middle, high)
    return float(1.0 / np.sqrt(low * high))


def tempered(chances: FloatArray, temperature: float) -> FloatArray:
    """Probabilities whose logits were divided by the temperature.

    >>> tempered(np.array([[0.9, 0.1]]), 2.0).round(3).tolist()
    [[0.75, 0.25]]
    """
    return _softmax(np.log(np.maximum(chances, _SMALLEST)) / temperature)


def calibration_error(confidence: FloatArray, right: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Expected calibration error, and what it would be by chance if every confidence were right; as `calibration_of`.

    >>> tuple(round(value, 3) for value in calibration_error(np.array([0.9] * 4), np.array([True] * 3 + [False])))
    (0.15, 0.12)
    """
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64), 1, BINS) - 1
    counts = np.bincount(place, minlength=BINS)
    there = counts > 0
    sure = np.bincount(place, weights=confidence, minlength=BINS)[there] / counts[there]
    hit = np.bincount(place, weights=right, minlength=BINS)[there] / counts[there]
    share = counts[there] / len(confidence)
    luck = np.sqrt(2.0 * sure * np.maximum(1.0 - sure, 0.0) / (np.pi * counts[there]))
    return float((share * np.abs(sure - hit)).sum()), float((share * luck).sum())


def _softmax(logits: FloatArray) -> FloatArray:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
