"""Tails and quantiles of the few distributions used here, from `scipy.special`, imported when first called.

`scipy.stats` has the same under friendlier names but takes three times as long to import as everything else together.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def normal_quantile(probability: float) -> float:
    """Quantile of the standard normal.

    >>> round(normal_quantile(0.975), 6)
    1.959964
    """
    return NormalDist().inv_cdf(probability)


def t_quantile(df: npt.ArrayLike, probability: float) -> Any:  # noqa: ANN401  scalar in, scalar out
    """Quantile of Student's t with `df` > 0 degrees of freedom (need not be whole).

    >>> round(float(t_quantile(4, 0.975)), 4)
    2.7764
    """
    from scipy.special import stdtrit

    return stdtrit(df, probability)


def t_two_sided(statistic: npt.ArrayLike, df: npt.ArrayLike) -> Any:  # noqa: ANN401
    """Two-sided tail probability of Student's t.

    >>> round(float(t_two_sided(2.7764451, 4)), 6)
    0.05
    """
    from scipy.special import stdtr

    return 2.0 * stdtr(df, -np.abs(statistic))


def t_interval_and_p(
    difference: float, error: float, df: float, level: float = 0.95
) -> tuple[tuple[float, float], float]:
    """Interval of a difference with a standard error, and its two-sided p; without error, whether it is 0.

    >>> interval, p = t_interval_and_p(1.0, 0.5, 4.0)
    >>> [round(end, 3) for end in interval], round(p, 4)
    ([-0.388, 2.388], 0.1161)
    """
    half = float(t_quantile(df, 0.5 + level / 2.0)) * error
    p_value = float(t_two_sided(difference / error, df)) if error > 0 else float(difference == 0)
    return (difference - half, difference + half), p_value


def binomial_cdf(successes: int, trials: int, probability: float) -> float:
    """P(X <= successes); 0 where `successes` is negative.

    >>> binomial_cdf(1, 2, 0.5), binomial_cdf(-1, 2, 0.5)
    (0.75, 0.0)
    """
    if successes < 0:
        return 0.0
    from scipy.special import bdtr

    return float(bdtr(successes, trials, probability))


def noncentral_t_power(df: npt.ArrayLike, noncentrality: npt.ArrayLike, critical: npt.ArrayLike) -> FloatArray:
    """P(T > critical) for a noncentral t; 1 where the noncentrality is above 30.

    `nctdtr` loses its digits or returns NaN there (for example `nctdtr(20, 40, 2.0)`); where it still returns NaN the
    normal approximation stands in, which at such df is right to about 1e-2.
    """
    from scipy.special import nctdtr, ndtr

    df, nc, critical = np.broadcast_arrays(np.asarray(df, float), np.asarray(noncentrality, float), critical)
    below = nctdtr(df, np.minimum(nc, 30.0), critical)
    spread = np.sqrt(1.0 + np.square(critical) / (2.0 * df))
    fallback = ndtr((critical * (1.0 - 1.0 / (4.0 * df)) - nc) / spread)
    return np.where(nc > 30.0, 1.0, 1.0 - np.where(np.isfinite(below), below, fallback))


def chi_square_quantile(df: npt.ArrayLike, probability: float) -> Any:  # noqa: ANN401
    """Quantile of the chi-square distribution with `df` > 0 degrees of freedom.

    >>> round(float(chi_square_quantile(2, 0.975)), 4)
    7.3778
    """
    from scipy.special import chdtri

    return chdtri(df, 1.0 - probability)
