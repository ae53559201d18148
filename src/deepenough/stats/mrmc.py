"""Multi-reader multi-case estimators: how sure a difference of means is when both seeds and samples are drawn.

Seeds play the readers, samples the cases, contenders the modalities of diagnostic radiology, where the problem was
solved: N. Obuchowski and H. Rockette, "Hypothesis testing of diagnostic accuracy for multiple readers and multiple
tests", Communications in Statistics 24 (1995); S. Hillis, "A marginal-mean ANOVA approach for analyzing multireader
multicase radiological imaging data", Statistics in Medicine 33 (2014), who gives the degrees of freedom used here.

For seeds and samples drawn independently, `score[s, i] = mean + S[s] + I[i] + E[s, i]` is the ANOVA decomposition and
not a modelling assumption, so 0/1 scores are fine. Measured error rates are in docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.distributions import FloatArray, t_quantile, t_two_sided
from deepenough.stats.estimate import ROUNDING as _ROUNDING
from deepenough.stats.estimate import Components, Design, Estimate, as_scores

Guard = Literal[1, 2]


@dataclass(frozen=True, slots=True)
class Spread:
    """The variance of a mean difference in its parts; every field may bear leading axes (one entry a data set).

    `seeds` and `residuals` have a last axis over the independent sets of seeds, of sizes `counts`.
    """

    difference: FloatArray
    seeds: FloatArray  # V_j: share of the variance that falls with the number of seeds
    samples: FloatArray  # V_I: share that falls with the number of samples only
    residuals: FloatArray  # mean square of seed by sample
    seed_mean_variances: FloatArray  # of the seeds' means as seen
    counts: tuple[int, ...]
    size: int | FloatArray  # samples; an array where the data sets differ in it
    guard: Guard | FloatArray  # an array has an entry a set of seeds
    seed_df: FloatArray | None = None  # degrees of freedom of each entry of `seeds`; counts - 1 where None

    @property
    def variance(self) -> FloatArray:
        """Of the difference: what falls with seeds and what falls with samples only."""
        return self.seeds.sum(-1) + self.samples

    @property
    def degrees_of_freedom(self) -> FloatArray:
        """Welch-Satterthwaite over the sets of seeds, Hillis' form, at most samples - 1.

        `guard` inflates the seed part inside the degrees of freedom only; 1 is the published form.
        """
        own = np.array(self.counts) - 1.0 if self.seed_df is None else self.seed_df
        guarded = self.guard * self.seeds
        below = np.square(guarded / np.sqrt(own)).sum(-1)
        above = np.square(guarded.sum(-1) + self.samples)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = np.where(below > 0, above / below, np.inf)
        return np.minimum(ratio, self.size - 1.0)

    def half_width(self, level: float = 0.95) -> FloatArray:
        """Half the width of the two-sided interval at `level`."""
        return t_quantile(self.degrees_of_freedom, 0.5 + level / 2.0) * np.sqrt(self.variance)

    def estimate(self, design: Design, *, level: float = 0.95, warnings: Sequence[str] = ()) -> Estimate:
        """One data set's spread as an `Estimate`."""
        return _estimate(self, design, level, list(warnings))


def nested(a: npt.ArrayLike, b: npt.ArrayLike, *, guard: Guard = 1, level: float = 0.95) -> Estimate:
    """Expected gain of a freshly trained A over a freshly trained B on a new sample; seeds nested in contenders.

    The default design: the seeds of A and of B are independent runs (even where they bear the same number), the samples
    are the same. Unequal numbers of seeds are allowed, and cost level: see docs/statistics.md.

    Args:
        a: scores of A, shape (seeds of A, samples), at least two of each; higher is better.
        b: scores of B, shape (seeds of B, samples), the same samples in the same order.
        guard: 2 makes the degrees of freedom more cautious where seed variances may differ much.
        level: of the interval.

    Raises:
        InputError: on NaN, differing samples, fewer than two seeds or samples.

    >>> a = [[1, 1, 0, 1, 1, 0], [1, 1, 1, 1, 1, 0], [1, 0, 1, 1, 1, 0]]
    >>> b = [[1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 1, 0], [1, 0, 1, 1, 0, 0]]
    >>> estimate = nested(a, b)
    >>> round(estimate.difference, 4), round(estimate.degrees_of_freedom, 2)
    (0.2778, 5.0)
    """
    first, second = as_scores(a, "a"), as_scores(b, "b")
    _check(first, second, seeds=2)
    return nested_estimate(nested_spread(first, second, guard), level)


def nested_estimate(spread: Spread, level: float = 0.95) -> Estimate:
    """Read one data set's nested `Spread`, with the warnings that it calls for."""
    words = ["two_seeds"] if min(spread.counts) == 2 else []
    low, high = sorted(float(sd) for sd in np.sqrt(spread.seed_mean_variances))
    guarded = None
    if high > 3.0 * low and min(spread.counts) < 5:
        words.append("unequal_seed_sd")
        guarded = _interval(replace(spread, guard=2), level) if spread.guard == 1 else None
    return _estimate(spread, "nested", level, words, guarded)


def paired(a: npt.ArrayLike, b: npt.ArrayLike, *, guard: Guard = 2, level: float = 0.95) -> Estimate:
    """As `nested`, where seed s fixes something that A and B share, such as the training subset.

    Declare it, never choose it from the data: without a shared factor it halves the degrees of freedom for nothing.
    With `guard=1` this is the Dorfman-Berbaum-Metz analysis with Hillis' degrees of freedom.

    Args:
        a: scores of A, shape (seeds, samples), at least three seeds and two samples.
        b: scores of B, the same shape: row s shares its factor with row s of `a`.
        guard: 1 is the published form, whose level was measured at 0.043-0.080; 2 gave 0.037-0.063.
        level: of the interval.

    Raises:
        InputError: on NaN, differing shapes, or fewer than three seeds (0.061-0.102 even guarded).

    >>> paired([[1, 1, 0, 1], [1, 1, 1, 1], [1, 0, 1, 1]], [[1, 0, 0, 1], [0, 1, 0, 1], [1, 0, 1, 0]]).difference
    0.3333333333333333
    """
    first, second = as_scores(a, "a"), as_scores(b, "b")
    _check(first, second, seeds=3)
    if len(first) != len(second):
        raise InputError(
            "b", f"{len(first)} seeds, each paired with one of A", f"{len(second)}", "use the nested design"
        )
    return _estimate(paired_spread(first, second, guard), "paired", level, [])


def single(scores: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Mean of one contender over fresh seeds and new samples; `difference` holds the mean, `p_value` tests mean 0.

    >>> round(single([[1, 1, 0, 1, 1], [1, 0, 0, 1, 1]]).difference, 3)
    0.7
    """
    array = as_scores(scores, "scores")
    _check(array, array, seeds=2)
    return _estimate(paired_spread(array, np.zeros((1, 1)), 1), "single", level, [])


def nested_spread(a: FloatArray, b: FloatArray, guard: Guard = 1) -> Spread:
    """The variance of `nested` for shape (..., seeds, samples): any number of data sets at once, unchecked."""
    size = a.shape[-1]
    (means_a, samples_a, residual_a), (means_b, samples_b, residual_b) = _decompose(a), _decompose(b)
    counts = (a.shape[-2], b.shape[-2])
    scale = np.maximum(_largest(means_a), _largest(means_b))
    observed = np.stack([means_a.var(-1, ddof=1), means_b.var(-1, ddof=1)], -1)
    observed = np.where(observed > np.square(_ROUNDING * scale)[..., None], observed, 0.0)
    residuals = np.stack([residual_a, residual_b], -1)
    per_seed = residuals / counts
    seeds = observed / counts
    tied = seeds.sum(-1, keepdims=True) == 0
    seeds = np.where(tied, per_seed / size, seeds)
    spread = (samples_a - samples_b).var(-1, ddof=1)
    spread = np.where(spread > np.square(_ROUNDING * scale), spread, 0.0)
    samples = np.maximum(spread - per_seed.sum(-1), 0.0) / size
    difference = means_a.mean(-1) - means_b.mean(-1)
    difference = np.where(np.abs(difference) > _ROUNDING * scale, difference, 0.0)  # 2 and 3 equal seeds: off by an ulp
    return Spread(difference, seeds, samples, residuals, observed, counts, size, guard)


def paired_spread(a: FloatArray, b: FloatArray, guard: Guard = 2) -> Spread:
    """The variance of `paired` for arrays of shape (..., seeds, samples), unchecked."""
    differences = a - b
    count, size = differences.shape[-2:]
    means, samples_mean, residual = _decompose(differences)
    observed = means.var(-1, ddof=1)
    floor = np.square(_ROUNDING * _largest(means))
    observed = np.where(observed > floor, observed, 0.0)
    seeds = np.where(observed > 0, observed / count, residual / (count * size))[..., None]
    spread = samples_mean.var(-1, ddof=1)
    samples = np.maximum(np.where(spread > floor, spread, 0.0) - residual / count, 0.0) / size
    return Spread(means.mean(-1), seeds, samples, residual[..., None], observed[..., None], (count,), size, guard)


def from_mean_squares(
    difference: float, ms: tuple[float, float, float], shape: tuple[int, int], *, guard: Guard = 1, level: float = 0.95
) -> Estimate:
    """The paired estimate from published mean squares of a modality x reader x case ANOVA with two modalities.

    Args:
        difference: of the modalities' means.
        ms: MS(TR), MS(TC) and MS(TRC): modality by reader, by case, and by both.
        shape: readers, cases.
        guard: 1 is the published form.
        level: of the interval.

    Example: the Van Dyke data (5 readers, 114 cases), as RJafroc prints them.

    >>> e = from_mean_squares(-0.04380032, (0.06281749, 0.09984808, 0.03997160), (5, 114))
    >>> round(e.standard_error, 5), round(e.degrees_of_freedom, 2), round(e.p_value, 4)
    (0.02075, 15.26, 0.0517)
    """
    seed, sample, residual = (np.asarray(2.0 * value) for value in ms)  # a difference of two has twice the mean square
    count, size = shape
    spread = Spread(
        np.asarray(difference),
        (seed / (count * size))[None],
        np.maximum(sample - residual, 0.0) / (count * size),
        residual[None],
        (seed / size)[None],
        (count,),
        size,
        guard,
    )
    return _estimate(spread, "paired", level, [])


def _decompose(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Seed means (..., k), sample means (..., n) and the mean square of what both leave over (...)."""
    count, size = x.shape[-2:]
    seed_means, sample_means = x.mean(-1), x.mean(-2)
    left = x - sample_means[..., None, :]
    left -= (seed_means - seed_means.mean(-1, keepdims=True))[..., None]
    square = np.einsum("...ki,...ki->...", left, left) / ((count - 1) * (size - 1))
    floor = np.square(_ROUNDING * np.maximum(_largest(seed_means), _largest(sample_means)))
    return seed_means, sample_means, np.where(square > floor, square, 0.0)


def _largest(x: FloatArray) -> FloatArray:
    return np.maximum(x.max(-1), -x.min(-1))


def _interval(spread: Spread, level: float) -> tuple[float, float]:
    half = float(spread.half_width(level))
    return float(spread.difference) - half, float(spread.difference) + half


def _estimate(
    spread: Spread, design: Design, level: float, words: list[str], guarded: tuple[float, float] | None = None
) -> Estimate:
    """Read one data set's `Spread` as an `Estimate`."""
    if not 0.0 < level < 1.0:
        raise InputError("level", "a number between 0 and 1", str(level))
    if not spread.seed_mean_variances.any():
        words = [*words, "tied_seeds"]
    difference, error = float(spread.difference), float(np.sqrt(spread.variance))
    df = float(spread.degrees_of_freedom)
    if error > 0:
        p_value = float(t_two_sided(difference / error, df))
    else:
        p_value, words = float(difference == 0), [*words, "no_variance"]
    pure = np.maximum(spread.seed_mean_variances - spread.residuals / spread.size, 0.0)
    seeds = spread.counts * 2 if design == "paired" else spread.counts
    return Estimate(
        difference=difference,
        standard_error=error,
        degrees_of_freedom=df,
        interval=_interval(spread, level),
        p_value=p_value,
        design=design,
        seeds=seeds,
        samples=int(spread.size),
        components=Components(
            seed_variances=tuple(float(v) for v in pure),
            residual_variances=tuple(float(v) for v in spread.residuals),
            sample_variance=float(spread.samples * spread.size),
        ),
        seed_sd=tuple(float(v) for v in np.sqrt(spread.seed_mean_variances)),
        guarded_interval=guarded,
        warnings=tuple(words),
    )


def _check(a: FloatArray, b: FloatArray, *, seeds: int) -> None:
    if a.shape[1] != b.shape[1]:
        raise InputError(
            "b", f"the same {a.shape[1]} samples as A", f"{b.shape[1]} samples", "score both on all samples"
        )
    if a.shape[1] < 2:
        raise InputError("scores", "at least 2 samples", "1", "test on more samples")
    fewest = min(len(a), len(b))
    if fewest < seeds:
        remedy = "compare the two checkpoints instead (stats.checkpoints)" if fewest == 1 else "use the nested design"
        raise InputError("scores", f"at least {seeds} seeds a contender", f"{fewest}", remedy)
