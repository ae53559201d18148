"""A linear head on features that stand still: logistic regression, its penalty chosen on validation.

The problem is convex, so the head depends on the features, the labels and the penalty alone: no initial weights, no
order of the images, no seed.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepenough.errors import InputError

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

PENALTIES = (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5)  # declared, from the strongest
MOST_STEPS = 1000
_TO_CHOOSE = 1e-4  # of the gradient's largest entry; to reach a tenth of it took 2.5 times as long for the same choice
_TO_KEEP = 1e-6
_NEVER = -1e4  # logit of a class that has no training image


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A fitted head: logits are `features @ weight.T + bias`.

    Args:
        weight: float32 (classes, width).
        bias: float32 (classes,).
        penalty: that was chosen.
        tried: accuracy on validation, in [0, 1], by penalty, as it was when the penalty was chosen.
        loss: mean cross entropy on the training features, in nats, without the penalty.
        train_accuracy: on the training features, in [0, 1].
        val_accuracy: of this head, which was fitted to a finer tolerance than those that were tried.
        steps: of L-BFGS at the chosen penalty.
        converged: whether the solver reached its tolerance there.
    """

    weight: np.ndarray
    bias: np.ndarray
    penalty: float
    tried: dict[float, float]
    loss: float
    train_accuracy: float
    val_accuracy: float
    steps: int
    converged: bool


def fit_head(
    train: tuple[np.ndarray, np.ndarray],
    val: tuple[np.ndarray, np.ndarray],
    classes: int,
    *,
    penalties: tuple[float, ...] = PENALTIES,
) -> Head:
    """Fit a head for every penalty and keep that with the best accuracy on validation; on a tie the strongest.

    Minimises the mean cross entropy plus penalty / 2 times the squared length of the weights, by scikit-learn's L-BFGS
    in float64; so is done with features of other networks, such as by Kornblith et al. 2019 (arXiv 1805.08974). Each
    feature is standardised by its mean and deviation in training first, so that a penalty means the same for every
    network; the head that is returned takes features as they are. With two classes the penalty is on the difference
    of their weights, as scikit-learn has it.

    Args:
        train: float (samples, width) features and int64 (samples,) class indices; takes 16 bytes of memory a feature.
        val: the same of other samples, at least one.
        classes: how many there are; one without a training sample is never predicted.
        penalties: above 0, to choose from; at least one.

    Raises:
        InputError: features that are not finite, or training samples of one class alone.
    """
    from sklearn.linear_model import LogisticRegression  # a second to import, and needed by probes only
    from sklearn.preprocessing import StandardScaler

    features, labels = train
    _check(features, labels)
    scaler = StandardScaler()
    scaled, unseen = scaler.fit_transform(np.asarray(features, np.float64)), np.asarray(val[0], np.float64)
    tried: dict[float, float] = {}
    model = LogisticRegression(max_iter=MOST_STEPS, tol=_TO_CHOOSE, warm_start=True)
    for penalty in sorted(penalties, reverse=True):
        _fit(model, scaled, labels, penalty)
        weight, bias = _as_head(model, scaler, classes)
        tried[penalty] = _accuracy(unseen @ weight.T + bias, val[1])
    chosen = max(tried, key=lambda penalty: (tried[penalty], penalty))
    model = LogisticRegression(max_iter=MOST_STEPS, tol=_TO_KEEP)
    converged = _fit(model, scaled, labels, chosen)
    weight, bias = _as_head(model, scaler, classes)
    logits = np.asarray(features, np.float64) @ weight.T + bias
    return Head(
        weight=weight.astype(np.float32),
        bias=bias.astype(np.float32),
        penalty=chosen,
        tried=tried,
        loss=_cross_entropy(logits, labels),
        train_accuracy=_accuracy(logits, labels),
        val_accuracy=_accuracy(unseen @ weight.T + bias, val[1]),
        steps=int(model.n_iter_.max()),
        converged=converged,
    )


def _check(features: np.ndarray, labels: np.ndarray) -> None:
    if not np.isfinite(features).all():
        remedy = "the starting weights do not fit these images, or are not those of a trained network"
        raise InputError("features of the training images", "finite numbers", "some that are not", remedy)
    if len(np.unique(labels)) < 2:
        raise InputError("training images", "at least two classes", "one", "put images of every class in training")


def _fit(model: LogisticRegression, scaled: np.ndarray, labels: np.ndarray, penalty: float) -> bool:
    """Fit in place; whether it converged."""
    from sklearn.exceptions import ConvergenceWarning

    model.C = 1.0 / (penalty * len(labels))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(scaled, labels)
    return not any(issubclass(warning.category, ConvergenceWarning) for warning in said)


def _as_head(model: LogisticRegression, scaler: StandardScaler, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight (classes, width) and bias (classes,) for features as they are, a row for every class."""
    rows, shifts = model.coef_, model.intercept_
    if len(rows) == 1:  # of two classes scikit-learn keeps the difference
        rows, shifts = np.concatenate([-rows, rows]) / 2, np.concatenate([-shifts, shifts]) / 2
    rows = rows / np.asarray(scaler.scale_)
    weight, bias = np.zeros((classes, rows.shape[1])), np.full(classes, _NEVER)
    weight[model.classes_], bias[model.classes_] = rows, shifts - rows @ np.asarray(scaler.mean_)
    return weight, bias


def _accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float((logits.argmax(1) == labels).mean())


def _cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    largest = logits.max(1, keepdims=True)
    log_sum = largest[:, 0] + np.log(np.exp(logits - largest).sum(1))
    return math.fsum(log_sum - logits[np.arange(len(labels)), labels]) / len(labels)
