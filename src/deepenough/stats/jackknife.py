"""Any metric of a whole test set as one value a sample, by leaving each sample out once.

For metrics whose influence values nobody has written down (mAP, a rate at a threshold): the metric is evaluated under
weights, as in `reweighting`, once with each sample's weight at 0. R. Miller, "The jackknife: a review", Biometrika 61
(1974). The values are moved so that they average to the metric itself, not to its value less the jackknife's bias;
their spread, which is what estimators take, stays.
"""

from __future__ import annotations

import numpy as np

from deepenough.errors import InputError
from deepenough.stats.distributions import FloatArray
from deepenough.stats.reweighting import Metric

_BLOCK = 1 << 21  # weights held at once


def jackknife_scores(metric: Metric, runs: int, samples: int) -> FloatArray:
    """One value a run and sample; rows average to each run's metric and vary, in the mean, as it does.

    Args:
        metric: called with run 0, 1, ... and weights of shape (resamples, samples), 1 meaning once; returns shape
            (resamples,).
        runs: how many.
        samples: how many; at least two.

    Returns:
        Shape (runs, samples).

    Raises:
        InputError: fewer than two samples, or the metric has no value without one of them.

    >>> values = np.array([1.0, 2.0, 6.0])
    >>> mean = lambda run, weights: weights @ values / weights.sum(1)
    >>> jackknife_scores(mean, 1, 3).round(9).tolist()
    [[1.0, 2.0, 6.0]]
    """
    if samples < 2:
        raise InputError("samples", "at least 2", str(samples), "test on more samples")
    rows = np.empty((runs, samples))
    step = max(1, _BLOCK // samples)
    for run in range(runs):
        whole, without = float(metric(run, np.ones((1, samples)))[0]), np.empty(samples)
        for first in range(0, samples, step):
            count = min(step, samples - first)
            weights = np.ones((count, samples))
            weights[np.arange(count), first + np.arange(count)] = 0.0
            without[first : first + count] = metric(run, weights)
        if not (np.isfinite(whole) and np.isfinite(without).all()):
            got = f"none without {np.count_nonzero(~np.isfinite(without))} of the {samples} samples"
            raise InputError("metric", "a value without any one sample", got, "test on more samples of the rarest kind")
        rows[run] = whole + (samples - 1) * (without.mean() - without)
    return rows
