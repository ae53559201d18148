"""Two contenders where not every run scored every sample, or where one has more runs than the other.

**Which difference.** That of the average run on the samples that both contenders scored at least once, every seed and
every such sample with the same weight. Runs are compared through the samples they share: within a contender, each run's
effect is the least-squares fit of `score = sample + run`, and a sample's value is the mean of its scores after those
effects are taken out. The mean over cells would instead reward the run that drew the easy samples, and give a run with
few scores little say; the mean over samples that *all* runs scored throws the rest away (with 6 runs that each scored a
random 80 % it keeps 26 % of the samples). On complete data all three are the difference of means.

**Its error.** The same components as `deepenough.stats.nested`, by the method of fitting constants (C. Henderson,
"Estimation of variance and covariance components", Biometrics 9 (1953), method 3): unbiased for any pattern of gaps,
and equal to the nested estimate where there are none. Gaps and unequal readers are treated with products of scores
instead by B. Gallas, A. Bandos, F. Samuelson, R. Wagner, "A framework for random-effects ROC analysis", Communications
in Statistics 38 (2009); those change with the origin of the score once scores are missing, and these do not.

**Few shared scores.** What gaps add to the noise of the runs' effects is taken out of their spread again, and where
runs share little that can leave next to nothing of it: less than one degree of freedom, with an interval 10^8 standard
errors wide at 0.2. There the spread is taken as it was seen. No interval is then wider than two complete runs would
have it, 12.7 standard errors; the level, 0.006-0.025 for 2 runs of 40 % or 3 of 30 samples, errs on the safe side.

**When it holds.** Whether a score is missing may depend on the run and on the sample (hard images are missing more
often, one run stopped early), but not on the score itself. If failures are what is missing, every estimate is too good,
and nothing in the data shows it: score a sample that could not be processed as wrong. Two weaker spots were measured.
Where hard samples are missing in one contender and its seeds differ by 1 point, the level is 0.07; where each run
scored 40 % of the samples, it is 0.035-0.045, on the safe side.

**Unequal numbers of seeds.** The published degrees of freedom are too many where the contender with few seeds varies
most. `guard="seeds"` counts the seed part of a contender with k seeds 1 + 2/(k - 1) times inside the degrees of freedom
(2 at k = 3, 1.2 at k = 10): at 10 seeds against 3 with seed SDs of 0.1 and 1 point it lowers the level from 0.082 to
0.065, with equal SDs of 0.3 from 0.055 to 0.046. For 10 against 2 it is 0.088 where it was 0.123.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.distributions import FloatArray
from deepenough.stats.estimate import ROUNDING as _ROUNDING
from deepenough.stats.estimate import Estimate
from deepenough.stats.mrmc import Guard, Spread

_FEWEST_DF = 1.0  # of two complete runs, the fewest that a complete design has
GuardRule = Guard | FloatArray | Literal["seeds"]


@dataclass(frozen=True, slots=True)
class Fit:
    """One contender's least-squares fit of sample and run effects; leading axes are data sets."""

    values: FloatArray  # (..., samples): mean over runs, run effects taken out; 0 where no run scored the sample
    effects: FloatArray  # (..., seeds): sum 0
    residual: FloatArray  # mean square of what is left over
    effect_covariance: FloatArray  # (..., seeds, seeds): of the effects, for a residual variance of 1
    shares: FloatArray  # (..., seeds, samples): of each run in a sample's plain mean
    scored: FloatArray  # (..., samples): by how many runs


def nested_unbalanced(
    a: npt.ArrayLike, b: npt.ArrayLike, *, guard: GuardRule | None = None, level: float = 0.95
) -> Estimate:
    """Expected gain of a freshly trained A over a freshly trained B on a new sample, from scores with gaps.

    Args:
        a: scores of A, shape (seeds of A, samples), NaN where missing; a run without any score is left out.
        b: scores of B, the same samples in the same order.
        guard: of the degrees of freedom, or one for each contender; by default 1, the published form, with equal
            numbers of seeds and "seeds" with unequal ones.
        level: of the interval.

    Returns:
        As `nested`, and equal to it on complete data under the same guard. `samples` counts those that both scored.

    Raises:
        InputError: on infinities, fewer than two runs a contender or two samples that both scored, or runs that no
            chain of shared samples connects.

    >>> from math import nan
    >>> a = [[1, 1, 0, 1, 1, nan], [1, 1, 1, 1, 1, 0], [nan, 0, 1, 1, 1, 0]]
    >>> b = [[1, 0, 0, 1, 0, 0], [1, 0, nan, 1, 1, 0], [1, 0, 1, 1, 0, 0]]
    >>> estimate = nested_unbalanced(a, b)
    >>> round(estimate.difference, 3), estimate.samples, estimate.warnings
    (0.229, 6, ('missing_scores',))
    """
    first, second = _checked(a, "a"), _checked(b, "b")
    if first.shape[1] != second.shape[1]:
        raise InputError("b", f"the same {first.shape[1]} samples as A", f"{second.shape[1]}", "NaN marks a gap")
    both = int((~np.isnan(first).all(0) & ~np.isnan(second).all(0)).sum())
    if both < 2:
        wanted = "at least 2 samples that both contenders scored"
        raise InputError("scores", wanted, str(both), "score the same samples")
    equal = len(first) == len(second)
    fits = fit_runs(first), fit_runs(second)
    spread, pure = _combine(fits, ((1 if equal else "seeds") if guard is None else guard))
    words = [] if equal else ["unequal_seeds"]
    words += ["two_seeds"] if min(spread.counts) == 2 else []
    words += ["missing_scores"] if np.isnan(first).any() or np.isnan(second).any() else []
    estimate = spread.estimate("nested", level=level, warnings=words)
    components = replace(
        estimate.components,
        seed_variances=tuple(float(variance) for variance in pure),
        sample_variance=float(spread.samples) * both,
    )
    return replace(estimate, components=components, samples=both)


def guard_by_seeds(counts: tuple[int, ...]) -> FloatArray:
    """How many times the seed part of each contender counts inside the degrees of freedom: 1 + 2/(seeds - 1).

    >>> guard_by_seeds((10, 3)).round(2).tolist()
    [1.22, 2.0]
    """
    return 1.0 + 2.0 / (np.array(counts, np.float64) - 1.0)


def unbalanced_spread(a: FloatArray, b: FloatArray, guard: GuardRule = 1) -> Spread:
    """The variance of `nested_unbalanced` for shape (..., seeds, samples): data sets in any number, unchecked."""
    return _combine((fit_runs(a), fit_runs(b)), guard)[0]


def fit_runs(scores: FloatArray) -> Fit:
    """Fit `score = sample + run` to one contender's scores, shape (..., seeds, samples), NaN where missing.

    The runs' effects solve normal equations of one row a run, so the cost is that of a few passes over the scores.

    >>> fit_runs(np.array([[1.0, 2.0, 3.0], [2.0, 3.0, np.nan]])).effects.round(6).tolist()
    [-0.5, 0.5]
    """
    there = ~np.isnan(scores)
    scored, filled = there.sum(-2), np.where(there, scores, 0.0)
    shares = there / np.maximum(scored, 1)[..., None, :]
    plain = filled.sum(-2) / np.maximum(scored, 1)
    left = np.where(there, scores - plain[..., None, :], 0.0)
    seeds, cells = scores.shape[-2], there.sum((-2, -1))
    unit, each = np.eye(seeds), (cells / seeds)[..., None, None]
    normal = there.sum(-1)[..., None] * unit - there.astype(np.float64) @ np.swapaxes(shares, -1, -2)
    covariance = np.linalg.inv(normal + each / seeds) - 1.0 / (each * seeds)
    effects = np.einsum("...st,...t->...s", covariance, left.sum(-1))
    shift = np.einsum("...si,...s->...i", shares, effects)
    left = np.where(there, left - (effects[..., None] - shift[..., None, :]), 0.0)
    freedom = cells - (scored > 0).sum(-1) - (seeds - 1)
    square = np.einsum("...si,...si->...", left, left) / np.maximum(freedom, 1)
    square = np.where(square > np.square(_ROUNDING * np.abs(plain).max(-1)), square, 0.0)
    return Fit(plain - shift, effects, square, covariance, shares, scored)


def _combine(fits: tuple[Fit, Fit], guard: GuardRule) -> tuple[Spread, FloatArray]:
    """Spread of the difference, and the variance of the runs' true means, shape (..., 2)."""
    covered = (fits[0].scored > 0) & (fits[1].scored > 0)
    size: Any = covered.sum(-1)  # one a data set
    sides = [_side(fit, covered, size) for fit in fits]
    residuals = np.stack([fit.residual for fit in fits], -1)
    counts = fits[0].effects.shape[-1], fits[1].effects.shape[-1]
    observed, noise, seeds, known, freedom, error, between = (np.stack(part, -1) for part in zip(*sides, strict=True))
    seeds = np.where(seeds.sum(-1, keepdims=True) == 0, residuals * error, seeds)
    gains = np.where(covered, fits[0].values - fits[1].values, 0.0)
    difference = gains.sum(-1) / size
    spread_out = np.square(np.where(covered, gains - difference[..., None], 0.0)).sum(-1) / (size - 1)
    largest = np.max([np.abs(fit.values).max(-1) for fit in fits], axis=0)
    spread_out = np.where(spread_out > np.square(_ROUNDING * largest), spread_out, 0.0)
    samples = np.maximum(spread_out - (residuals * between).sum(-1), 0.0) / size
    inflation = guard_by_seeds(counts) if isinstance(guard, str) else guard
    own = freedom * np.square(known)
    spread = Spread(difference, seeds, samples, residuals, observed, counts, size, inflation, own)
    scarce = (spread.degrees_of_freedom < _FEWEST_DF)[..., None]
    if scarce.any():
        as_seen = observed / counts
        own = np.where(scarce & (seeds < as_seen), freedom, own)
        spread = replace(spread, seeds=np.where(scarce, np.maximum(seeds, as_seen), seeds), seed_df=own)
    return spread, np.maximum(observed - noise, 0.0)


def _side(fit: Fit, covered: npt.NDArray[np.bool_], size: FloatArray) -> tuple[FloatArray, ...]:
    """One contender's part, for `_combine`.

    In order: the observed variance of run effects, the noise in it, the seed part of the variance, how large that is
    beside the observed one, the degrees of freedom of the latter, and how often a residual variance of 1 enters the
    mean and the variance over samples.
    """
    k = fit.effects.shape[-1]
    matrix, unit = fit.effect_covariance, np.eye(k) - 1.0 / k
    used = fit.shares * covered[..., None, :]
    weights = used.sum(-1) / size[..., None]
    single = np.where(covered, 1.0 / np.maximum(fit.scored, 1), 0.0).sum(-1)
    drift = np.einsum("...s,...st,...t->...", weights, matrix, weights)  # error of the effects, in the mean
    error = single / np.square(size) + drift
    within = (matrix * (used @ np.swapaxes(used, -1, -2))).sum((-2, -1))
    between = ((1.0 - 1.0 / size) * single + within - size * drift) / (size - 1)
    share = np.trace(matrix, axis1=-2, axis2=-1) / (k - 1)
    largest = np.abs(fit.values).max(-1)
    observed = fit.effects.var(-1, ddof=1)
    observed = np.where(observed > np.square(_ROUNDING * largest), observed, 0.0)
    extra = np.where(np.abs(error - share / k) > 1e-12 * error, error - share / k, 0.0)  # 0 without gaps
    seeds = np.maximum(observed / k + fit.residual * extra, 0.0)
    noise = fit.residual * share
    spread = np.maximum(observed - noise, 0.0)[..., None, None] * unit + fit.residual[..., None, None] * matrix
    trace, squares = np.trace(spread, axis1=-2, axis2=-1), np.square(spread).sum((-2, -1))
    freedom = np.divide(np.square(trace), squares, out=np.full_like(trace, k - 1.0), where=squares > 0)
    known = np.divide(seeds * k, observed, out=np.ones_like(seeds), where=(observed > 0) & (seeds > 0))
    return observed, noise, seeds, known, freedom, error, between


def _checked(scores: npt.ArrayLike, name: str) -> FloatArray:
    array = np.asarray(scores, np.float64)
    if array.ndim != 2 or array.size == 0:
        raise InputError(name, "scores of shape (seeds, samples)", f"shape {np.shape(scores)}")
    if np.isinf(array).any():
        raise InputError(name, "finite scores, or NaN where missing", "an infinity", "take such a run out as diverged")
    array = array[~np.isnan(array).all(1)]
    if len(array) < 2:
        raise InputError(name, "at least 2 runs with scores", str(len(array)), "train more seeds")
    there = ~np.isnan(array)
    shared = (there.astype(np.float64) @ there.T) > 0
    reached = np.linalg.matrix_power(shared.astype(np.float64), len(array))[0] > 0
    if not reached.all():
        lost = int(np.flatnonzero(~reached)[0])
        got = f"run {lost} (of those with scores) and run 0 share none, even through others"
        raise InputError(name, "runs connected by samples that both scored", got, "score all runs on the same samples")
    if there.sum() - there.any(0).sum() - (len(array) - 1) < 1:
        raise InputError(name, "more samples that several runs scored", "too few to tell run from sample")
    return array
