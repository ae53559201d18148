"""One run each: what can be said about two checkpoints, and how large a run-to-run SD would overturn it.

With one run a contender no claim about architectures is possible: whatever the test, its level for that claim was
measured between 0.05 and 0.73. T. Dietterich, "Approximate statistical tests for comparing supervised classification
learning algorithms", Neural Computation 10 (1998): for two classifiers trained once, McNemar's test is the one to use.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.distributions import binomial_cdf, normal_quantile, t_interval_and_p
from deepenough.stats.estimate import ROUNDING, Components, Estimate, as_scores


def mcnemar_mid_p(only_a: int, only_b: int) -> float:
    """Two-sided McNemar mid-p: are `only_a` and `only_b` alike, given their sum?

    M. Fagerland, S. Lydersen, P. Laake, "The McNemar test for binary matched-pairs data: mid-p and asymptotic are
    better than exact conditional", BMC Medical Research Methodology 13 (2013): it broke its level in none of 9595
    settings.

    Args:
        only_a: samples that A got right and B wrong.
        only_b: samples that B got right and A wrong.

    >>> round(mcnemar_mid_p(2, 10), 5), mcnemar_mid_p(4, 4), mcnemar_mid_p(0, 0)
    (0.02246, 1.0, 1.0)
    """
    fewer, total = min(only_a, only_b), only_a + only_b
    if total == 0:
        return 1.0
    return min(1.0, binomial_cdf(fewer, total, 0.5) + binomial_cdf(fewer - 1, total, 0.5))


def mcnemar_exact_p(only_a: int, only_b: int) -> float:
    """Two-sided exact conditional McNemar p: never above its level, usually far below it.

    >>> round(mcnemar_exact_p(2, 10), 5)
    0.03857
    """
    return min(1.0, 2.0 * binomial_cdf(min(only_a, only_b), only_a + only_b, 0.5))


def agresti_min_interval(only_a: int, only_b: int, samples: int, *, level: float = 0.95) -> tuple[float, float]:
    """Interval for the difference of two proportions on the same samples, half a sample added to each of four cells.

    A. Agresti and Y. Min, "Simple improved confidence intervals for comparing matched proportions", Statistics in
    Medicine 24 (2005). The default here: by exact enumeration it covers 0.951-0.970 where Tango covers 0.936-0.961 and
    Wald 0.924-0.953.

    >>> tuple(round(end, 4) for end in agresti_min_interval(10, 2, 100))
    (0.0108, 0.146)
    """
    _check_counts(only_a, only_b, samples)
    total = samples + 2.0
    difference = (only_a - only_b) / total
    error = math.sqrt((only_a + only_b + 1.0) / total - difference**2) / math.sqrt(total)
    half = normal_quantile(0.5 + level / 2.0) * error
    return max(difference - half, -1.0), min(difference + half, 1.0)


def tango_interval(only_a: int, only_b: int, samples: int, *, level: float = 0.95) -> tuple[float, float]:
    """Score interval for the difference of two proportions on the same samples.

    T. Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample design",
    Statistics in Medicine 17 (1998): all differences that the score test does not reject, found by bisection.

    >>> tuple(round(end, 4) for end in tango_interval(10, 2, 100))
    (0.0143, 0.158)
    """
    _check_counts(only_a, only_b, samples)
    seen, z = (only_a - only_b) / samples, normal_quantile(0.5 + level / 2.0)

    def end(outer: float) -> float:
        inner = seen
        for _ in range(80):  # halves [0, 2] to below one unit in the last place
            middle = (inner + outer) / 2.0
            if abs(_tango_score(only_a, only_b, samples, middle)) <= z:
                inner = middle
            else:
                outer = middle
        return inner

    return end(-1.0), end(1.0)


def tipping_seed_sd(difference: float, sample_error: float, *, level: float = 0.95) -> float:
    """Run-to-run SD of one contender at which a difference seen on one run each would no longer be significant.

    Both runs vary, so the variance of their difference gains twice the square of it. 0 where the difference is not
    significant even without it.

    Args:
        difference: of the two checkpoints, in any unit.
        sample_error: its standard error over samples, in the same unit.
        level: of the interval that would have to leave out 0.

    >>> round(tipping_seed_sd(1.81, 0.0), 3), tipping_seed_sd(0.1, 0.2)
    (0.653, 0.0)
    """
    needed = (difference / normal_quantile(0.5 + level / 2.0)) ** 2
    return math.sqrt(max(needed - sample_error**2, 0.0) / 2.0)


def compare_checkpoints(a: npt.ArrayLike, b: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """A minus B for these very checkpoints over new samples: McNemar mid-p with Agresti-Min for 0/1, else paired t.

    Args:
        a: scores of A, shape (samples,) or (seeds, samples); several seeds are averaged and taken as one fixed ensemble
            of runs, which makes the scores real-valued.
        b: scores of B on the same samples.
        level: of the interval.

    >>> estimate = compare_checkpoints([1, 1, 1, 0, 1, 1], [1, 0, 0, 0, 1, 1])
    >>> estimate.design, round(estimate.difference, 4), estimate.p_value
    ('mcnemar', 0.3333, 0.25)
    """
    first, second = as_scores(a, "a"), as_scores(b, "b")
    if first.shape[1] != second.shape[1]:
        raise InputError("b", f"the same {first.shape[1]} samples as A", f"{second.shape[1]} samples")
    seeds, samples = (len(first), len(second)), first.shape[1]
    differences = first.mean(0) - second.mean(0)
    rounding = ROUNDING * max(float(np.abs(first).max()), float(np.abs(second).max()))
    differences[np.abs(differences) <= rounding] = 0.0  # of runs that agree, averaged over unequal numbers
    difference = float(differences.mean())
    binary = seeds == (1, 1) and is_binary(first) and is_binary(second)
    if samples < 2 and not binary:
        raise InputError("scores", "at least 2 samples", str(samples), "test on more samples")
    variance = float(differences.var(ddof=1)) if samples > 1 else 0.0
    variance = variance if variance > rounding**2 else 0.0
    error = math.sqrt(variance / samples)
    if binary:
        only_a, only_b = int((differences > 0).sum()), int((differences < 0).sum())
        interval, df = agresti_min_interval(only_a, only_b, samples, level=level), None
        p_value = mcnemar_mid_p(only_a, only_b)
    else:
        df = samples - 1.0
        interval, p_value = t_interval_and_p(difference, error, df, level)
    return Estimate(
        difference=difference,
        standard_error=error,
        degrees_of_freedom=df,
        interval=interval,
        p_value=p_value,
        design="mcnemar" if binary else "paired_t",
        seeds=seeds,
        samples=samples,
        components=Components(seed_variances=(), residual_variances=(), sample_variance=variance),
        warnings=() if error > 0 else ("no_variance",),
    )


def wilson_interval(right: float, samples: int, *, level: float = 0.95) -> tuple[float, float]:
    """Interval for one proportion. E. Wilson, Journal of the American Statistical Association 22 (1927).

    >>> tuple(round(end, 4) for end in wilson_interval(9, 10))
    (0.5958, 0.9821)
    """
    z = normal_quantile(0.5 + level / 2.0)
    share, spread = right / samples, z * z / samples
    centre = (share + spread / 2.0) / (1.0 + spread)
    half = z / (1.0 + spread) * math.sqrt(share * (1.0 - share) / samples + spread / (4.0 * samples))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def is_binary(scores: npt.NDArray[np.float64]) -> bool:
    """Whether every score is exactly 0 or 1."""
    return bool(np.equal(scores * scores, scores).all())


def _tango_score(only_a: int, only_b: int, samples: int, difference: float) -> float:
    """Tango's statistic: standardised by the variance under `difference`, with only_b's share at its likeliest."""
    n, d = float(samples), difference
    linear = -(only_a + only_b) + (2.0 * n - only_a + only_b) * d
    constant = -only_b * d * (1.0 - d)
    share = (math.sqrt(max(linear**2 - 8.0 * n * constant, 0.0)) - linear) / (4.0 * n)
    variance = n * (2.0 * share + d * (1.0 - d))
    distance = only_a - only_b - n * d
    if variance <= 0.0:
        return 0.0 if distance == 0.0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def _check_counts(only_a: int, only_b: int, samples: int) -> None:
    if samples < 1 or min(only_a, only_b) < 0 or only_a + only_b > samples:
        got = f"{only_a} and {only_b} of {samples}"
        raise InputError("counts", "samples >= 1, and discordant counts of at most as many", got)
