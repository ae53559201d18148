"""Metrics that can be had again under any weights of the samples, sorted and matched once: see `reweighted`.

Each function takes what the runs said and returns `metric(run, weights)` for weights of shape (resamples, units).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.distributions import FloatArray
from deepenough.stats.estimate import as_scores
from deepenough.stats.reweighting import Metric

_FEWEST_ACCEPTED = 10  # impostors that a false accept rate must let through to be measured at all
_CANDIDATES = 6.0  # standard deviations of the accepted impostors' number that are looked at before all are


def weighted_mean(scores: npt.ArrayLike) -> Metric:
    """Mean score; shape (runs, samples).

    >>> weighted_mean([[1, 0, 0]])(0, np.array([[1.0, 1, 1], [2, 1, 0]])).round(3).tolist()
    [0.333, 0.667]
    """
    array = as_scores(scores, "scores")
    return lambda run, weights: weights @ array[run] / weights.sum(1)


def tar_at_far(scores: npt.ArrayLike, genuine: npt.ArrayLike, far: float) -> Metric:
    """True accept rate at a false accept rate: the largest share of genuine trials accepted at any threshold at which
    at most `far` of the impostor trials are.

    Args:
        scores: similarity of each trial by each run, shape (runs, trials).
        genuine: whether both sides of a trial are the same identity, shape (trials,).
        far: false accept rate, in (0, 1).

    Raises:
        InputError: where fewer than 10 impostor trials would be accepted, too few to place a threshold by.

    >>> scores, genuine = np.arange(40.0)[None], np.arange(40) >= 20
    >>> tar_at_far(scores, genuine, 0.5)(0, np.ones((1, 40))).tolist()
    [1.0]
    """  # noqa: D205  one sentence
    array, same = as_scores(scores, "scores"), np.asarray(genuine)
    if same.shape != (array.shape[1],) or same.dtype != np.bool_ or not same.any():
        wanted = f"True or False for each of {array.shape[1]} trials, some True"
        raise InputError("genuine", wanted, f"shape {same.shape} of {same.dtype}, {np.count_nonzero(same)} True")
    impostors = int((~same).sum())
    if not 0.0 < far < 1.0:
        raise InputError("far", "a rate between 0 and 1", str(far))
    if far * impostors < _FEWEST_ACCEPTED:
        least = _FEWEST_ACCEPTED / max(impostors, 1)
        remedy = f"ask for {least:.2g} or more" if least < 1 else "test on more impostor trials"
        raise InputError("far", f"at least {_FEWEST_ACCEPTED} accepted impostors", f"{far * impostors:.3g}", remedy)
    places = np.flatnonzero(~same), np.flatnonzero(same)
    orders = [[kind[np.argsort(-row[kind], kind="stable")] for kind in places] for row in array]
    beaten = [
        np.searchsorted(-row[own], -row[other], side="left") for row, (other, own) in zip(array, orders, strict=True)
    ]
    expected, impostor = far * impostors, (~same).astype(np.float64)
    few = min(int(expected + _CANDIDATES * np.sqrt(expected) + 50.0), impostors)

    def metric(run: int, weights: FloatArray) -> FloatArray:
        other, own = orders[run]
        total = weights @ impostor
        allowed = far * (1.0 + 1e-9) * total[:, None]
        accepted = np.cumsum(weights[:, other[:few]], 1)
        if not (accepted[:, -1:] > allowed).all():
            accepted = np.cumsum(weights[:, other], 1)
        first = np.argmax(accepted > allowed, 1)  # the best-scoring impostor who must stay out
        mass = np.cumsum(weights[:, own], 1)
        count = beaten[run][first]
        kept = np.where(count > 0, np.take_along_axis(mass, np.maximum(count - 1, 0)[:, None], 1)[:, 0], 0.0)
        known = (total > 0) & (mass[:, -1] > 0)
        return np.where(known, kept / np.where(known, mass[:, -1], 1.0), np.nan)

    return metric


def pair_weights(identities: FloatArray, first: npt.ArrayLike, second: npt.ArrayLike) -> FloatArray:
    """Weights of verification pairs where identities are resampled: for two identities the product, for one its own.

    Pairs that share an identity are not independent, identities are. A genuine pair has the weight of its identity and
    not the square: an identity drawn twice stands for two people, each with these photos, whose cross pairs nobody has
    scored. R. Fogliato, P. Patil, P. Perona, "Confidence intervals for error rates in 1:1 matching tasks" (2024), treat
    the dependence.

    Args:
        identities: weight of each, shape (resamples, identities).
        first: identity of each pair's first side, shape (pairs,), as a column of `identities`.
        second: of its second side.

    Returns:
        Shape (resamples, pairs); `lambda run, w: metric(run, pair_weights(w, first, second))` then has identities for
        its units.

    >>> pair_weights(np.array([[2.0, 3.0]]), [0, 0], [0, 1]).tolist()
    [[2.0, 6.0]]
    """
    left, right = np.asarray(first), np.asarray(second)
    if left.shape != right.shape or left.ndim != 1 or left.dtype.kind not in "iu" or right.dtype.kind not in "iu":
        raise InputError("pairs", "two vectors of identity numbers", f"{left.dtype}{left.shape}, {right.dtype}")
    weights = identities[:, left]
    return np.where(left == right, weights, weights * identities[:, right])


def average_precision(scores: npt.ArrayLike, positive: npt.ArrayLike) -> Metric:
    """Average precision, the area under the steps of the precision-recall curve; tied samples are taken together.

    Args:
        scores: shape (runs, samples).
        positive: whether each sample is, shape (samples,).

    >>> average_precision([0.1, 0.4, 0.35, 0.8], [False, False, True, True])(0, np.ones((1, 4))).round(4).tolist()
    [0.8333]
    """
    array, mask = as_scores(scores, "scores"), np.asarray(positive)
    if mask.shape != (array.shape[1],) or mask.dtype != np.bool_ or not mask.any():
        raise InputError("positive", f"True or False for each of {array.shape[1]} samples, some True", f"{mask.dtype}")
    orders = [np.argsort(-row, kind="stable") for row in array]
    lasts = [_tie_ends(row[order]) for row, order in zip(array, orders, strict=True)]

    def metric(run: int, weights: FloatArray) -> FloatArray:
        order = orders[run]
        gathered = weights[:, order]
        found = gathered * mask[order]
        precision = _precision(found, gathered, lasts[run])
        with np.errstate(invalid="ignore"):
            return (found * precision).sum(1) / found.sum(1)

    return metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """One run's detections, matched to the true boxes once, at one overlap; every field has shape (detections,)."""

    image: npt.NDArray[np.integer]  # column of the weights
    category: npt.NDArray[np.integer]  # column of the truths
    confidence: FloatArray
    matched: npt.NDArray[np.bool_]  # whether it is the one that found a true box


def mean_average_precision(runs: Sequence[Detections], truths: npt.ArrayLike) -> Metric:
    """Mean over categories of the area under the precision-recall curve, made monotone (VOC 2010 and later).

    M. Everingham et al., "The Pascal Visual Object Classes challenge: a retrospective", IJCV 111 (2015), who resample
    images likewise. A category without a true box in a resample is left out there. Several overlaps: average their
    metrics.

    Args:
        runs: of A, then of B.
        truths: number of true boxes, shape (images, categories).

    >>> one = Detections(image=np.array([0, 1]), category=np.array([0, 0]), confidence=np.array([0.9, 0.8]),
    ...                  matched=np.array([True, False]))
    >>> mean_average_precision([one], [[1], [1]])(0, np.ones((1, 2))).tolist()
    [0.5]
    """
    boxes = np.asarray(truths, np.float64)
    if boxes.ndim != 2 or not boxes.any() or boxes.min() < 0:
        raise InputError("truths", "numbers of true boxes, shape (images, categories), some above 0", f"{boxes.shape}")
    prepared = [_by_category(run, boxes.shape) for run in runs]

    def metric(run: int, weights: FloatArray) -> FloatArray:
        total = weights @ boxes
        area = np.zeros(total.shape)
        for category, (image, hit, last) in prepared[run].items():
            gathered = weights[:, image]
            found = gathered * hit
            precision = _precision(found, gathered, last)
            precision = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
            area[:, category] = (found * precision).sum(1)
        with np.errstate(invalid="ignore"):
            return np.nansum(area / total, 1) / (total > 0).sum(1)

    return metric


def _by_category(
    run: Detections, shape: tuple[int, int]
) -> dict[int, tuple[npt.NDArray[np.integer], npt.NDArray[np.bool_], npt.NDArray[np.integer]]]:
    """For each category its detections by falling confidence: image, whether matched, end of the tie."""
    sizes = {len(part) for part in (run.image, run.category, run.confidence, run.matched)}
    if len(sizes) > 1:
        raise InputError("detections", "fields of one length", f"lengths {sorted(sizes)}")
    if not np.isfinite(run.confidence).all():
        raise InputError("detections", "finite confidences", "NaN or an infinity")
    for name, column, limit in (("image", run.image, shape[0]), ("category", run.category, shape[1])):
        if len(column) and not 0 <= column.min() <= column.max() < limit:
            raise InputError("detections", f"{name} numbers from 0 to {limit - 1}", f"{column.min()}..{column.max()}")
    order = np.argsort(-run.confidence, kind="stable")
    prepared = {}
    for category in np.unique(run.category).tolist():
        chosen = order[run.category[order] == category]
        prepared[category] = run.image[chosen], run.matched[chosen], _tie_ends(run.confidence[chosen])
    return prepared


def _tie_ends(falling: FloatArray) -> npt.NDArray[np.integer]:
    """Last place of each value's equals in a falling row."""
    return np.searchsorted(-falling, -falling, side="right") - 1


def _precision(found: FloatArray, gathered: FloatArray, last: npt.NDArray[np.integer]) -> FloatArray:
    """Share of found among all down to each place's last equal; 0 where nothing was drawn."""
    below = np.cumsum(gathered, 1)[:, last]
    return np.cumsum(found, 1)[:, last] / np.maximum(below, np.finfo(float).tiny)
