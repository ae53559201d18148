"""Everything that two networks' totals of right answers leave open: which images they share.

With `x` and `y` of `n` images right, from `x - y` to `min(x + y, 2n - x - y)` images can be right in one and wrong in
the other. With several runs each, the same holds for the sum over images of the squared difference in runs that are
right, which is all that the error over images depends on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepenough.stats.checkpoints import agresti_min_interval, tipping_seed_sd
from deepenough.stats.distributions import FloatArray, t_quantile, t_two_sided
from deepenough.stats.granularity import CONVENTIONS, Figure, counts, nearest_count

IntArray = npt.NDArray[np.int64]
SIGNIFICANT = 0.05
MOST_IMAGES = 10**8  # with at most 100 runs and 6 decimals, every product stays in 64 bits
_GRID = 24  # counts of a figure that are tried where many print alike
_BLOCK = 4096
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Ranges:
    """Extremes over every pairing of every pair of counts that agrees with two figures; shares."""

    p_value: tuple[float, float]
    interval: tuple[float, float]  # of the higher minus the lower, holds every 95 % interval
    tipping_sd: tuple[float, float]


def ranges(high: Figure, low: Figure, images: int, runs: int) -> Ranges:
    """What the figures leave open on so many images; `high` is the more accurate.

    Where no whole numbers of right answers print as given, the nearest ones stand in.
    """
    p_values: list[float] = []
    ends: list[tuple[float, float]] = []
    tipping: list[float] = []
    for first, second in _possible_counts(high, low, images * runs):
        ahead = first - second  # below 0 where the printed places leave the order open
        p_values += [1.0] if ahead.min() <= 0 else []
        for squares in (_fewest_squares(ahead, images), _most_squares(first, second, images * runs, runs)):
            p_values += _p_value(np.abs(ahead), squares, np.full_like(ahead, images), runs).tolist()
            ends += [_interval(*each, images, runs) for each in zip(ahead.tolist(), squares.tolist(), strict=True)]
            errors = _error(ahead, squares, np.full_like(ahead, images), runs).tolist()
            means = (np.maximum(ahead, 0) / (images * runs)).tolist()
            tipping += [tipping_sd(mean, error, runs) for mean, error in zip(means, errors, strict=True)]
    return Ranges(
        (min(p_values), max(p_values)),
        (min(start for start, _ in ends), max(end for _, end in ends)),
        (min(tipping), max(tipping)) if images > 1 else (0.0, 0.0),
    )


def tipping_sd(gap: float, error: float, runs: int) -> float:
    """Run-to-run SD at which means of `runs` each are no longer significantly apart.

    For one run each it is taken as known; otherwise as estimated from the runs, by Student's t.

    >>> round(tipping_sd(1.22, 0.0, 3), 2)
    0.54
    """
    if runs == 1:
        return tipping_seed_sd(gap, error)
    critical = float(t_quantile(2.0 * runs - 2.0, 0.975))
    return math.sqrt(max((gap / critical) ** 2 - error**2, 0.0) * runs / 2.0)


def gap_of(high: Figure, low: Figure) -> float:
    """The difference of two figures as shares, from whole numbers."""
    return (high.right * low.scale - low.right * high.scale) / (high.scale * low.scale)


def most_discordant(high: Figure, low: Figure) -> float:
    """Largest share of images that one network can get right and the other wrong."""
    both, whole = high.right * low.scale + low.right * high.scale, high.scale * low.scale
    return min(both, 2 * whole - both) / whole


def decided_whatever_the_pairing(high: Figure, low: Figure, runs: int) -> tuple[int | None, int | None]:
    """First number of images at which the least favourable pairing is significant, and the one from which on all are.

    None where there is none up to 100 million, or where figures printed so coarsely may be equal.
    """
    gap, wrong, step = gap_of(high, low), most_discordant(high, low), max(high.step, low.step)

    def z_between(images: int) -> tuple[float, float]:
        """Bounds of the standardised difference, since counts are whole and figures rounded."""
        total = float(images * runs)
        slack = max(total * step, 1.0)
        least, most = total * gap - slack, total * gap - max(total * step - 1.0, 0.0) + 1.0
        widest, narrowest = runs * (total * wrong + slack), max(runs * (total * wrong - slack - 1.0), 1.0)
        return max(least, 0.0) / math.sqrt(widest), most / math.sqrt(narrowest)

    def slack_of_z(images: int) -> float:
        return 3.0 / (1.0 + images * wrong)

    stop = _bisect(lambda images: z_between(images)[0] > _Z + slack_of_z(images))
    first, always = None, None
    for end in range(stop or 0, 0, -_BLOCK):
        images = np.arange(max(end - _BLOCK, 0) + 1, end + 1, dtype=np.int64)
        decided = _extreme_p(high, low, images, runs, favourable=False) <= SIGNIFICANT
        if always is None and not decided.all():
            always = int(images[~decided][-1]) + 1
        if decided.any():
            first = int(images[decided][0])
        lowest = int(images[0])
        if lowest > _BLOCK and z_between(lowest)[1] < _Z - slack_of_z(lowest):
            break
    return first, always


def decided_at_best(high: Figure, low: Figure, runs: int) -> int | None:
    """Smallest number of images, up to 100 million, at which the most favourable pairing is significant."""
    gap = runs * gap_of(high, low)
    rounding = runs * (min(high.step, 1.0 - high.accuracy) + min(low.step, low.accuracy))
    fewest = 5 if runs == 1 else 4 if gap + rounding < 0.01 else 1  # right answers ahead: 2 ** -4 is above 0.05
    start = max(int(min((fewest - 1) / gap, fewest / (gap + rounding))) - 1, 1)
    while start <= MOST_IMAGES:
        images = np.arange(start, start + _BLOCK, dtype=np.int64)
        decided = _extreme_p(high, low, images, runs, favourable=True) <= SIGNIFICANT
        if decided.any():
            return int(images[decided][0])
        start += _BLOCK
    return None


def _possible_counts(high: Figure, low: Figure, total: int) -> list[tuple[IntArray, IntArray]]:
    """Right answers of both, one entry a convention by which both figures fit; the nearest counts where none does."""
    found = []
    for convention in CONVENTIONS:
        bounds = [counts(figure, total, convention) for figure in (high, low)]
        if all(least <= most for least, most in bounds):
            tried = [np.unique(np.linspace(*ends, _GRID).round().astype(np.int64)) for ends in bounds]
            first, second = np.meshgrid(*tried)
            found.append((first.ravel(), second.ravel()))
    nearest = [np.array([nearest_count(figure, total)], np.int64) for figure in (high, low)]
    return found or [(nearest[0], nearest[1])]


def _fewest_squares(ahead: IntArray, images: IntArray | int) -> IntArray:
    """Least sum of squares: every image adds to the difference alike."""
    each, more = ahead // images, ahead % images
    return images * each * each + more * (2 * each + 1)


def _most_squares(first: IntArray, second: IntArray, total: IntArray | int, runs: int) -> IntArray:
    """Greatest sum of squares: all runs of a network agree, and the two are never wrong (or right) together."""
    return runs * np.minimum(first + second, 2 * total - first - second)


def _p_value(ahead: IntArray, squares: IntArray, images: IntArray, runs: int) -> FloatArray:
    """McNemar's mid-p for one run each, else a paired t over images; `ahead` >= 0: right answers more."""
    if runs == 1:
        from scipy.special import betainc

        fewer = (squares - ahead) // 2
        more = squares - fewer
        at_most = betainc(np.maximum(more, 1), fewer + 1.0, 0.5)  # chance of `fewer` or less
        less = np.where(fewer > 0, betainc(more + 1.0, np.maximum(fewer, 1), 0.5), 0.0)
        return np.where(ahead > 0, np.minimum(at_most + less, 1.0), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(ahead > 0, ahead / (images * runs) / _error(ahead, squares, images, runs), 0.0)
    return np.where(images > 1, t_two_sided(statistic, np.maximum(images - 1.0, 1.0)), 1.0)


def _error(ahead: IntArray, squares: IntArray, images: IntArray, runs: int) -> FloatArray:
    """Standard error over images of the mean difference, as a share."""
    variance = np.maximum(squares / (images * runs * runs) - np.square(ahead / (images * runs)), 0.0)
    return np.sqrt(variance / np.maximum(images - 1.0, 1.0))


def _interval(ahead: int, squares: int, images: int, runs: int) -> tuple[float, float]:
    if runs == 1:
        return agresti_min_interval((squares + ahead) // 2, (squares - ahead) // 2, images)
    if images == 1:
        return -1.0, 1.0
    mean = ahead / (images * runs)
    error = float(_error(np.array(ahead), np.array(squares), np.array(images), runs))
    half = float(t_quantile(images - 1.0, 0.975)) * error
    return max(mean - half, -1.0), min(mean + half, 1.0)


def _extreme_p(high: Figure, low: Figure, images: IntArray, runs: int, *, favourable: bool) -> FloatArray:
    """Least or greatest p at each number of images, over conventions and counts; of nearest counts where none fits."""
    total = images * runs
    extreme = np.full(len(images), np.inf if favourable else -np.inf)
    for convention in CONVENTIONS:
        (x_least, x_most), (y_least, y_most) = (counts(figure, total, convention) for figure in (high, low))
        fits = (x_least <= x_most) & (y_least <= y_most)
        right = (x_most, y_least) if favourable else (x_least, y_most)
        _update(extreme, right, images, runs, fits, favourable)
    nearest = nearest_count(high, total), nearest_count(low, total)
    _update(extreme, nearest, images, runs, ~np.isfinite(extreme), favourable)
    return extreme


def _update(
    extreme: FloatArray,
    right: tuple[IntArray, IntArray],
    images: IntArray,
    runs: int,
    where: npt.NDArray[np.bool_],
    favourable: bool,
) -> None:
    first, second, some = right[0][where], right[1][where], images[where]
    ahead = np.maximum(first - second, 0)
    squares = _fewest_squares(ahead, some) if favourable else _most_squares(first, second, some * runs, runs)
    p_value = _p_value(ahead, squares, some, runs)
    extreme[where] = (np.minimum if favourable else np.maximum)(extreme[where], p_value)


def _bisect(holds: Callable[[int], bool]) -> int | None:
    """The smallest number up to MOST_IMAGES from which a rising condition holds."""
    if not holds(MOST_IMAGES):
        return None
    low, high = 0, MOST_IMAGES
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
