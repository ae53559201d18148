"""Metrics that are no means, as one influence value a sample: rows that average to the metric and vary as it does.

A metric of the whole test set, such as AUROC, moves with each sample; to first order by the sample's influence value.
A row of influence values (plus the metric itself) has the metric as its mean and the metric's sampling error as the
error of that mean, so every estimator for scores (`nested`, `paired`, `compare_checkpoints`, `cluster_scores`) takes it
in place of scores. F. Hampel, "The influence curve and its role in robust estimation", JASA 69 (1974).

Where the classes of the test set are strata (AUROC, balanced accuracy) the values are stretched a little within each
class, by sqrt(m / (m - 1)) for m samples and by sqrt((n - 1) / n): the plain variance of a row is then exactly the sum
of the strata's unbiased variances, for AUROC DeLong's. That is right for samples drawn at random as well, because the
expected metric is the same whatever the class counts turn out to be.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.distributions import FloatArray
from deepenough.stats.estimate import as_scores

Labels = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def auroc_scores(scores: npt.ArrayLike, positive: npt.ArrayLike) -> FloatArray:
    """Area under the ROC curve as one value a sample; ties between a positive and a negative count one half.

    E. DeLong, D. DeLong, D. Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
    characteristic curves", Biometrics 44 (1988), by the ranks of X. Sun and W. Xu, IEEE Signal Processing Letters 21
    (2014): O(n log n) a run. The variance of a row's mean, and the covariance of two rows', is DeLong's.

    Args:
        scores: how strongly each run takes each sample for positive, shape (runs, samples); any increasing scale.
        positive: whether each sample is, shape (samples,); at least two of either kind.

    Returns:
        Shape (runs, samples); the mean of a row is that run's AUROC, single values may lie outside [0, 1].

    Raises:
        InputError: on NaN, other shapes, or fewer than two samples of a kind.

    >>> auroc_scores([0.1, 0.4, 0.35, 0.8], [False, False, True, True]).mean(1).tolist()
    [0.75]
    """
    array, mask = _checked(scores, positive)
    above, below = _placements(array, mask)
    area = above.mean(1, keepdims=True)
    size, values = array.shape[1], np.empty_like(array)
    for place, kind in ((above, mask), (below, ~mask)):
        values[:, kind] = area + _stratum(place.shape[1], size) * (place - area)
    return values


def auroc_covariance(scores: npt.ArrayLike, positive: npt.ArrayLike) -> FloatArray:
    """DeLong's covariance matrix of the runs' AUROC over new samples, shape (runs, runs); arguments as `auroc_scores`.

    >>> auroc_covariance([0.1, 0.4, 0.35, 0.8], [False, False, True, True]).tolist()
    [[0.125]]
    """
    above, below = _placements(*_checked(scores, positive))
    return np.atleast_2d(np.cov(above) / above.shape[1] + np.cov(below) / below.shape[1])


def average_precision_scores(scores: npt.ArrayLike, positive: npt.ArrayLike) -> FloatArray:
    """Average precision (the area under the steps of the precision-recall curve) as one value a sample.

    Precision at each positive's own score, tied samples taken together, averaged over the positives. Its influence
    values have a mean of exactly zero, so rows average to the metric.

    Args:
        scores: as `auroc_scores`.
        positive: as `auroc_scores`.

    Returns:
        Shape (runs, samples); the mean of a row is that run's average precision.

    >>> round(float(average_precision_scores([0.1, 0.4, 0.35, 0.8], [False, False, True, True]).mean()), 4)
    0.8333
    """
    array, mask = _checked(scores, positive)
    return np.stack([_average_precision(row, mask) for row in array])


def macro_f1_scores(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> FloatArray:
    """F1 averaged over classes, each with the same weight, as one value a sample.

    The classes are those of `targets`, for all runs alike: a prediction of any other class is a wrong one and nothing
    more. With F_c = 2 TP_c / (predicted_c + true_c), the value of a sample is F + mean over c of
    [2 (y = p = c) - F_c ((p = c) + (y = c))] / d_c, d_c being the share predicted c plus the share truly c.

    Args:
        predictions: class of each sample by each run, shape (runs, samples) or (samples,); integers or text.
        targets: true class of each sample, shape (samples,), of the same type; at least two samples a class.

    Returns:
        Shape (runs, samples); the mean of a row is that run's macro-F1.

    Raises:
        InputError: on other shapes or types, or a class with a single sample, whose error nothing tells.

    >>> macro_f1_scores(["a", "b", "b", "b"], ["a", "a", "b", "b"]).mean(1).round(4).tolist()
    [0.7333]
    """
    predicted, true, classes = _coded(predictions, targets)
    size, right = predicted.shape[1], predicted == true
    share_true = np.bincount(true, minlength=classes) / size
    rows = []
    for run, hit in zip(predicted, right, strict=True):
        either = np.bincount(run, minlength=classes + 1)[:classes] / size + share_true
        f1 = 2.0 * (np.bincount(true[hit], minlength=classes) / size) / either
        gain, loss = 2.0 / either, np.append(f1 / either, 0.0)  # the last: a class that no target has
        rows.append(f1.mean() + (hit * gain[true] - loss[run] - loss[true]) / classes)
    return np.stack(rows)


def balanced_accuracy_scores(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> FloatArray:
    """Recall averaged over classes, each with the same weight, as one value a sample.

    Args:
        predictions: as `macro_f1_scores`.
        targets: as `macro_f1_scores`.

    Returns:
        Shape (runs, samples); the mean of a row is that run's balanced accuracy (macro recall).

    >>> balanced_accuracy_scores(["a", "b", "b", "b"], ["a", "a", "b", "b"]).mean(1).tolist()
    [0.75]
    """
    predicted, true, classes = _coded(predictions, targets)
    right, size = (predicted == true).astype(np.float64), predicted.shape[1]
    counts = np.bincount(true, minlength=classes)
    recall = np.stack([np.bincount(true, weights=row, minlength=classes) for row in right]) / counts
    factor = np.array([_stratum(int(count), size) for count in counts]) / classes
    return recall.mean(1, keepdims=True) + factor[true] * (right - recall[:, true])


def _stratum(members: int, size: int) -> float:
    """Factor for deviations within a class, at which a row's plain variance is the sum of unbiased ones by class."""
    return size / members * float(np.sqrt(members / (members - 1.0) * (size - 1.0) / size))


def _placements(scores: FloatArray, positive: Mask) -> tuple[FloatArray, FloatArray]:
    """Share of negatives below each positive, (runs, positives), and of positives above each negative."""
    ranks = _midranks(scores)
    sides = []
    for kind in (positive, ~positive):
        within = _midranks(scores[:, kind])
        sides.append((ranks[:, kind] - within) / (scores.shape[1] - within.shape[1]))
    return sides[0], 1.0 - sides[1]


def _midranks(values: FloatArray) -> FloatArray:
    """Ranks from 1 along the last axis; equal values share the mean of theirs."""
    order = values.argsort(-1, kind="stable")
    ordered, places = np.take_along_axis(values, order, -1), np.arange(values.shape[-1])
    edge = np.ones((*values.shape[:-1], 1), bool)
    steps = ordered[..., 1:] != ordered[..., :-1]
    first = np.maximum.accumulate(np.where(np.concatenate([edge, steps], -1), places, 0), -1)
    ends = np.where(np.concatenate([steps, edge], -1), places, values.shape[-1])
    last = np.minimum.accumulate(ends[..., ::-1], -1)[..., ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2.0 + 1.0, -1)
    return ranks


def _average_precision(scores: FloatArray, positive: Mask) -> FloatArray:
    """Influence values of one run: of being retrieved oneself, and of standing among others' retrieved."""
    size, order = len(scores), np.argsort(-scores, kind="stable")
    ordered, hit = scores[order], positive[order].astype(np.float64)
    last = np.searchsorted(-ordered, -ordered, side="right") - 1  # ties are retrieved together
    retrieved = (last + 1.0) / size
    precision = np.cumsum(hit)[last] / (last + 1.0)
    share = hit.mean()
    area = float(hit @ precision) / (share * size)
    lower = np.cumsum((hit / retrieved)[::-1])[::-1] / size  # over positives that retrieve this sample
    worse = np.cumsum((hit * precision / retrieved)[::-1])[::-1] / size
    first = np.searchsorted(-ordered, -ordered, side="left")
    values = np.empty(size)
    values[order] = area + (hit * (precision - area) + hit * lower[first] - worse[first]) / share
    return values


def _checked(scores: npt.ArrayLike, positive: npt.ArrayLike) -> tuple[FloatArray, Mask]:
    array, mask = as_scores(scores, "scores"), np.asarray(positive)
    if mask.shape != (array.shape[1],) or mask.dtype != np.bool_:
        wanted = f"True or False for each of {array.shape[1]} samples"
        raise InputError("positive", wanted, f"shape {mask.shape} of {mask.dtype}")
    fewest = min(int(mask.sum()), int((~mask).sum()))
    if fewest < 2:
        got = f"{int(mask.sum())} positive and {int((~mask).sum())} negative"
        raise InputError("positive", "at least 2 positive and 2 negative samples", got, "test on more samples")
    return array, mask


def _coded(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[Labels, Labels, int]:
    """Predictions (runs, samples) and targets as class numbers, and how many classes; unknown ones get the last + 1."""
    given, true = np.atleast_2d(_labels(predictions, "predictions")), _labels(targets, "targets")
    if given.ndim != 2 or true.ndim != 1 or given.shape[1:] != true.shape or given.size == 0:
        got = f"shapes {given.shape} and {true.shape}"
        raise InputError("predictions", "shape (runs, samples), with targets of shape (samples,)", got)
    if (given.dtype.kind == "U") != (true.dtype.kind == "U"):
        got = f"{given.dtype} and {true.dtype}"
        raise InputError("predictions", "the same type of labels as the targets", got)
    classes, codes, counts = np.unique(true, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        alone = classes[counts < 2]
        got = f"1 of {alone[0]} ({len(alone)} such classes)"
        remedy = "test on more samples of it, or leave its samples out for all contenders"
        raise InputError("targets", "at least 2 samples of every class", got, remedy)
    places = np.minimum(np.searchsorted(classes, given), len(classes) - 1)
    return np.where(classes[places] == given, places, len(classes)), codes, len(classes)


def _labels(labels: npt.ArrayLike, name: str) -> npt.NDArray[np.generic]:
    array = np.asarray(labels)
    if array.dtype == object and all(isinstance(label, str) for label in array.ravel()):
        array = array.astype(str)
    if array.dtype.kind not in "biuU":
        raise InputError(name, "class labels, as integers or text", f"{array.dtype}")
    return array
