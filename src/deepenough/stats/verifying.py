"""Verification pairs judged at a threshold, as one value a pair: rows that average to the rate and vary as it does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.distributions import FloatArray
from deepenough.stats.weighted import tar_at_far

_APART = 2.0  # the slope of the ROC curve is taken between the false accept rate over and times this


def tar_at_far_scores(scores: npt.ArrayLike, genuine: npt.ArrayLike, far: float) -> FloatArray:
    """True accept rate at a false accept rate as one influence value a pair.

    With threshold t, the value of a genuine pair is its acceptance less the rate, over the share of genuine pairs; that
    of an impostor its acceptance less `far`, times minus the slope of the ROC curve there, over the share of impostors:
    were more impostors accepted, t would rise and genuine pairs be lost (the influence function of a quantile; Hampel,
    JASA 69 (1974)). The slope is that between half and twice the rate.

    Args:
        scores: similarity of each pair by each run, shape (runs, pairs).
        genuine: whether both pictures of a pair show the same identity, shape (pairs,).
        far: false accept rate, in (0, 1).

    Returns:
        Shape (runs, pairs); the mean of a row is that run's true accept rate, as `weighted.tar_at_far` has it.

    Raises:
        InputError: where fewer than 10 impostor pairs would be accepted, too few to place a threshold by.

    >>> scores, genuine = np.arange(80.0)[None], np.arange(80) >= 40
    >>> tar_at_far_scores(scores, genuine, 0.25).mean(1).tolist()
    [1.0]
    """
    array, same = np.atleast_2d(np.asarray(scores, np.float64)), np.asarray(genuine)
    metric = tar_at_far(array, same, far)
    rates = np.array([metric(run, np.ones((1, array.shape[1])))[0] for run in range(len(array))])
    return np.stack([_influence(row, same, rate, far) for row, rate in zip(array, rates, strict=True)])


def _influence(row: FloatArray, same: npt.NDArray[np.bool_], rate: float, far: float) -> FloatArray:
    impostors, own = np.sort(row[~same])[::-1], row[same]
    threshold = _threshold(impostors, far)
    low, high = far / _APART, min(far * _APART, 1.0 - 1e-9)
    rise = (own > _threshold(impostors, high)).mean() - (own > _threshold(impostors, low)).mean()
    slope, accepted = float(rise) / (high - low), row > threshold
    share = same.mean()
    values = np.where(
        same, (accepted - rate) / share, -slope * (accepted - (impostors > threshold).mean()) / (1.0 - share)
    )
    return rate + values


def _threshold(falling: FloatArray, far: float) -> float:
    """The best-scoring impostor who must stay out where at most the share `far` may come in."""
    return float(falling[min(int(far * len(falling) * (1.0 + 1e-9)), len(falling) - 1)])


def best_threshold(scores: npt.ArrayLike, genuine: npt.ArrayLike) -> float:
    """The threshold above which pairs are accepted with the best mean of both kinds' shares of right answers.

    Args:
        scores: similarity of each pair, shape (pairs,).
        genuine: as `tar_at_far_scores`; both kinds are there.

    Returns:
        Half way between two scores; on a tie the lowest. Below all scores where accepting all is best.

    Raises:
        InputError: one kind is missing.

    >>> best_threshold([0.1, 0.3, 0.7, 0.9], [False, False, True, True])
    0.5
    """
    row, same = np.asarray(scores, np.float64), np.asarray(genuine, bool)
    if same.all() or not same.any():
        raise InputError("genuine", "pairs of one identity and of two", f"{int(same.sum())} of {len(same)} of one")
    places, inverse = np.unique(row, return_inverse=True)
    lost = np.cumsum(np.bincount(inverse, weights=same, minlength=len(places))) / same.sum()
    kept_out = np.cumsum(np.bincount(inverse, weights=~same, minlength=len(places))) / (~same).sum()
    gain = np.concatenate([[0.0], kept_out - lost])
    best = int(np.argmax(gain.round(12)))
    edges = np.concatenate([[places[0] - 1.0], places, [places[-1] + 1.0]])
    return float((edges[best] + edges[best + 1]) / 2.0) if 0 < best < len(places) else float(edges[best])
