"""Bootstrap of 0/1 scores by counting, exact and in milliseconds; real-valued scores in blocks of bounded memory.

A difference of mean 0/1 scores depends on a resample only through how many samples of each pattern (who was right) it
holds, and those numbers are multinomial. So drawing them is drawing the resample: exact, not approximate, whatever the
number of samples. B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 6, for the bootstrap.

A cross-check only: `nested` decides, in closed form. The bootstrap over samples takes the seeds as given, and the one
over seeds and samples is wrong at few seeds (see `resample_two_way`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.checkpoints import is_binary
from deepenough.stats.distributions import FloatArray
from deepenough.stats.estimate import as_scores

_BLOCK = 1 << 20  # numbers held at once
_MOST_RUNS = 62  # whose 0/1 pattern fits an int64


def resample_difference(a: npt.ArrayLike, b: npt.ArrayLike, repetitions: int, rng: np.random.Generator) -> FloatArray:
    """Differences of mean scores, A minus B, on resampled samples; the runs stay as they are.

    Args:
        a: scores of A, shape (seeds of A, samples) or (samples,).
        b: scores of B, the same samples.
        repetitions: resamples.
        rng: all randomness comes from here.

    Returns:
        Shape (repetitions,).

    Raises:
        InputError: on NaN, differing samples, or no repetitions.

    10,000 resamples of 50,000 samples of 0/1 scores by three seeds each took 5 ms on one core of a busy machine
    (best of 5; Python 3.11, numpy 2.4), by ten seeds 13 ms.

    >>> a, b = [1, 1, 1, 0, 1, 1], [1, 0, 0, 0, 1, 1]
    >>> drawn = resample_difference(a, b, 4000, np.random.default_rng(0))
    >>> sorted(set((drawn * 6).round().astype(int).tolist()))
    [0, 1, 2, 3, 4, 5, 6]
    """
    first, second = _checked(a, b, repetitions)
    binary, offset = is_binary(first) and is_binary(second), len(first) * len(second)
    if binary:
        gains = len(second) * first.sum(0) - len(first) * second.sum(0)  # whole numbers, -offset to offset
        counts = np.bincount(gains.astype(np.int64) + offset, minlength=2 * offset + 1)[None]
        width = int(np.count_nonzero(counts))
    else:
        gains = first.mean(0) - second.mean(0)
        counts, width = None, len(gains)
    drawn = np.empty(repetitions)
    for rows in _blocks(repetitions, width):
        if counts is not None:
            drawn[rows] = _from_counts(counts, len(drawn[rows]), rng) / offset
        else:
            drawn[rows] = gains[rng.integers(width, size=(len(drawn[rows]), width))].mean(1)
    return drawn


def resample_two_way(a: npt.ArrayLike, b: npt.ArrayLike, repetitions: int, rng: np.random.Generator) -> FloatArray:
    """As `resample_difference`, with the seeds of A and of B resampled as well: the pigeonhole bootstrap.

    A. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007). A cross-check for ten seeds or more
    and no basis for a decision at three: there it shows 2/3 of the seeds' part of the variance (k - 1 of k), 2.33 times
    the part of seed by sample (3 - 2/k), and its percentiles lack the t quantile that three seeds call for. As a test
    at k = 3 its level was measured at 0.012-0.168 instead of 0.05.

    Args:
        a: scores of A, shape (seeds of A, samples), at least two seeds.
        b: scores of B, the same samples, at least two seeds.
        repetitions: resamples.
        rng: all randomness comes from here.

    Returns:
        Shape (repetitions,).

    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.random((10, 200)) < 0.9, rng.random((10, 200)) < 0.8
    >>> bool(0.05 < np.median(resample_two_way(a, b, 2000, rng)) < 0.15)
    True
    """
    first, second = _checked(a, b, repetitions)
    if min(len(first), len(second)) < 2:
        raise InputError("scores", "at least 2 seeds a contender", "1", "resample the samples alone")
    offset, both = len(first) * len(second), np.concatenate([first, second])
    patterns, counts = _patterns(both) if is_binary(both) else (both, None)
    drawn, size = np.empty(repetitions), patterns.shape[1]
    for rows in _blocks(repetitions, max(size, 2 * offset + 1)):
        gains = _seed_weights(len(drawn[rows]), len(first), len(second), rng) @ patterns
        if counts is None:
            drawn[rows] = np.take_along_axis(gains, rng.integers(size, size=gains.shape), 1).mean(1)
        else:
            drawn[rows] = _from_counts(_lattice(gains, counts, offset), len(gains), rng)
    return drawn / offset


def _blocks(repetitions: int, width: int) -> Iterator[slice]:
    """All repetitions in order, so many at once that a row each of `width` numbers stays within the block."""
    step = max(1, _BLOCK // width)
    return (slice(done, min(done + step, repetitions)) for done in range(0, repetitions, step))


def _seed_weights(rows: int, seeds_a: int, seeds_b: int, rng: np.random.Generator) -> FloatArray:
    """How often each seed was drawn, shape (rows, seeds of A and B): weights of A minus B, in 1 / (seeds_a seeds_b)."""
    a, b = (rng.multinomial(seeds, np.full(seeds, 1.0 / seeds), rows) for seeds in (seeds_a, seeds_b))
    return np.concatenate([a * seeds_b, -b * seeds_a], axis=1).astype(np.float64)


def _lattice(gains: FloatArray, counts: npt.NDArray[np.int64], offset: int) -> npt.NDArray[np.int64]:
    """Samples at each value -offset..offset, a row each for a row of `gains`; `counts` samples share a column."""
    rows, width = len(gains), 2 * offset + 1
    cells = gains.astype(np.int64) + offset + np.arange(rows)[:, None] * width
    totals = np.bincount(cells.ravel(), np.broadcast_to(counts, cells.shape).ravel(), rows * width)
    return totals.astype(np.int64).reshape(rows, width)


def _from_counts(counts: npt.NDArray[np.int64], repetitions: int, rng: np.random.Generator) -> FloatArray:
    """Means of resamples of as many values from the lattice -m..m as `counts` has, (1 or repetitions, 2 m + 1)."""
    used, size = np.flatnonzero(counts.any(0)), int(counts[0].sum())
    shares = counts[:, used] / size
    drawn = rng.multinomial(size, shares[0], repetitions) if len(shares) == 1 else rng.multinomial(size, shares)
    return drawn @ (used - (counts.shape[1] - 1) // 2).astype(np.float64) / size


def _patterns(scores: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Distinct columns of a 0/1 matrix, shape (runs, patterns), and how many samples have each."""
    if len(scores) > _MOST_RUNS:
        return scores, np.ones(scores.shape[1], np.int64)
    codes = (1 << np.arange(len(scores))) @ scores.astype(np.int64)
    _, where, counts = np.unique(codes, return_index=True, return_counts=True)
    return scores[:, where], counts


def _checked(a: npt.ArrayLike, b: npt.ArrayLike, repetitions: int) -> tuple[FloatArray, FloatArray]:
    first, second = as_scores(a, "a"), as_scores(b, "b")
    if first.shape[1] != second.shape[1]:
        raise InputError("b", f"the same {first.shape[1]} samples as A", f"{second.shape[1]} samples")
    if repetitions < 1:
        raise InputError("repetitions", "at least 1", str(repetitions))
    return first, second
