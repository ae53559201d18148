"""Many contenders and scales at once: one covariance of all means, and any contrast of them with its error.

A group is one separately trained recipe: its seeds are its own, and its columns (the scales at which the same runs were
tested) share them. With S_g the covariance of the seeds' means over the columns of group g, k_g its seeds, E_g the mean
products of what seed and sample leave over, and n samples that all groups share,

    Sigma = blockdiag(S_g / k_g) + [Cov over samples of the seed-averaged scores - blockdiag(E_g / k_g)] / n

A contrast between groups with one column each is the nested design; one within a group (scale against scale of the same
checkpoints) is the paired design, without saying so. See `deepenough.stats.mrmc` for both and for the sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.distributions import FloatArray
from deepenough.stats.estimate import Estimate
from deepenough.stats.mrmc import Guard, Spread

_CANCELLED = 1e-13  # a quadratic form this much smaller than its terms is rounding error


@dataclass(frozen=True, slots=True)
class Group:
    """One recipe: what its runs leave when the samples are averaged, and when not; leading axes are data sets."""

    seed_means: FloatArray  # (..., seeds, columns)
    residuals: FloatArray  # (..., columns, columns): E_g

    @property
    def seeds(self) -> int:
        """Number of runs."""
        return self.seed_means.shape[-2]

    @property
    def columns(self) -> int:
        """Number of scales."""
        return self.seed_means.shape[-1]

    @property
    def covariance(self) -> FloatArray:
        """S_g: of the seeds' means over columns, shape (..., columns, columns)."""
        centred = self.seed_means - self.seed_means.mean(-2, keepdims=True)
        return np.einsum("...kc,...kd->...cd", centred, centred) / (self.seeds - 1)


@dataclass(frozen=True, slots=True)
class Joint:
    """The means of all columns of all groups, in order, and what their errors are made of."""

    groups: tuple[Group, ...]
    sample_covariance: FloatArray  # (..., columns in all, columns in all): of the seed-averaged scores over samples
    samples: int
    pooled: bool = False

    @property
    def means(self) -> FloatArray:
        """Shape (..., columns in all)."""
        return np.concatenate([group.seed_means.mean(-2) for group in self.groups], -1)

    @property
    def covariance(self) -> FloatArray:
        """Sigma of the means, positive semi-definite: the sample part is projected onto such matrices.

        Used for correlations between contrasts. The variance of one contrast comes from `spread`, which cuts its
        sample part at 0 by itself; that is never larger, and is exactly the published two-contender estimate.
        """
        whole = [self._pool()] * len(self.groups) if self.pooled else [group.covariance for group in self.groups]
        seeds = self._blocks([matrix / group.seeds for matrix, group in zip(whole, self.groups, strict=True)])
        residual = self._blocks([group.residuals / group.seeds for group in self.groups])
        values, vectors = np.linalg.eigh(self.sample_covariance - residual)
        clipped = np.einsum("...ij,...j,...kj->...ik", vectors, np.maximum(values, 0.0), vectors)
        return seeds + clipped / self.samples

    def contrast(self, weights: npt.ArrayLike, *, guard: Guard | None = None, level: float = 0.95) -> Estimate:
        """The weighted sum of the means, with interval and p-value.

        Args:
            weights: one a column, groups in order; for a difference 1, -1 and zeros.
            guard: of the degrees of freedom; by default 1 between groups and 2 within one, as `nested` and `paired`.
            level: of the interval.

        Raises:
            InputError: if the weights are not finite numbers, one a column, of which one at least is not 0; or if the
                contrast lies within one group of fewer than three seeds.
        """
        coefficients = np.asarray(weights, np.float64)
        total = len(self.means)
        if coefficients.shape != (total,) or not np.isfinite(coefficients).all() or not coefficients.any():
            raise InputError("weights", f"{total} finite numbers, not all 0", f"{weights}", "give one weight a column")
        spread = self.spread(coefficients, guard)
        inside = len(spread.counts) == 1
        if inside and spread.counts[0] < 3 and np.count_nonzero(coefficients) > 1:
            raise InputError("seeds", "at least 3 to compare columns of one group", "2", "train more seeds")
        words = ["pooled_seed_variance"] if self.pooled else []
        words += ["two_seeds"] if min(spread.counts) == 2 else []
        one = np.count_nonzero(coefficients) == 1
        return spread.estimate("single" if one else "paired" if inside else "nested", level=level, warnings=words)

    def spread(self, weights: FloatArray, guard: Guard | None = None) -> Spread:
        """`contrast` for any number of data sets at once, unchecked; groups without weight take no part."""
        ends = np.cumsum([group.columns for group in self.groups])[:-1]
        parts = np.split(weights, ends)
        taking = [i for i, part in enumerate(parts) if part.any()]
        residuals = np.stack([_form(self.groups[i].residuals, parts[i]) for i in taking], -1)
        counts = tuple(self.groups[i].seeds for i in taking)
        observed = np.stack([_seed_variance(self.groups[i], parts[i]) for i in taking], -1)
        seed_df = None
        if self.pooled:
            matrix, whole = self._pool(), np.array(counts, np.float64)
            observed = np.stack([_form(matrix, parts[i]) for i in taking], -1)
            load = sum(np.outer(parts[i], parts[i]) / self.groups[i].seeds for i in taking)
            together = self._pooled_df(matrix, np.asarray(load))
            share = (observed / whole).sum(-1)  # one variance: its error is that of the sum, dealt out over the parts
            below = np.square(observed / whole).sum(-1)
            with np.errstate(divide="ignore", invalid="ignore"):
                seed_df = np.where(share > 0, together * below / np.square(share), together)[..., None]
        tied = observed.sum(-1, keepdims=True) == 0
        seeds = np.where(tied, residuals / self.samples, observed) / counts
        between = _form(self.sample_covariance, weights) - (residuals / counts).sum(-1)
        chosen: Guard = guard or (2 if len(taking) == 1 and np.count_nonzero(weights) > 1 else 1)
        return Spread(
            self.means @ weights,
            seeds,
            np.maximum(between, 0.0) / self.samples,
            residuals,
            observed,
            counts,
            self.samples,
            chosen,
            seed_df,
        )

    def correlation(self, contrasts: FloatArray) -> FloatArray:
        """Of the estimates of several contrasts, shape (contrasts, columns) in, (..., contrasts, contrasts) out."""
        covariance = contrasts @ self.covariance @ contrasts.T
        deviations = np.sqrt(np.maximum(np.diagonal(covariance, axis1=-2, axis2=-1), 0.0))
        scale = deviations[..., :, None] * deviations[..., None, :]
        ratio = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)
        return np.where(np.eye(len(contrasts), dtype=bool), 1.0, np.clip(ratio, -1.0, 1.0))

    def _pool(self) -> FloatArray:
        """Seed covariance over all groups, weighted by their degrees of freedom."""
        weighted = [group.covariance * (group.seeds - 1) for group in self.groups]
        return np.sum(weighted, axis=0) / sum(group.seeds - 1 for group in self.groups)

    def _pooled_df(self, matrix: FloatArray, load: FloatArray) -> FloatArray:
        """Satterthwaite's of trace(matrix load), a Wishart matrix; all seeds less groups where columns weigh alike."""
        product = matrix @ load
        square = np.square(np.trace(product, axis1=-2, axis2=-1))
        squares = np.einsum("...ij,...ji->...", product, product)
        freedom = float(sum(group.seeds - 1 for group in self.groups))
        return freedom * np.divide(square, squares, out=np.ones_like(square), where=squares > 0)

    def _blocks(self, matrices: Sequence[FloatArray]) -> FloatArray:
        whole = np.zeros_like(self.sample_covariance)
        start = 0
        for matrix in matrices:
            end = start + matrix.shape[-1]
            whole[..., start:end, start:end] = matrix
            start = end
        return whole


def joint_means(groups: Sequence[npt.ArrayLike], *, pooled: bool = False) -> Joint:
    """Means of several contenders at several scales with their joint error.

    Args:
        groups: one array a contender, shape (seeds, columns, samples), or (seeds, samples) where it has one column; at
            least two seeds each; the samples are the same for all, in the same order.
        pooled: take the seed covariance as the same in all groups, which must then have the same columns. Intervals are
            8-13 % narrower at three seeds, and the level holds (0.041-0.057) if it is the same; if it is not, the level
            was measured at 0.08-0.30 instead of 0.05. Never choose it after a look at the data.

    Raises:
        InputError: on other shapes, NaN, fewer than two seeds or samples.

    >>> a = [[1, 1, 0, 1, 1, 0], [1, 1, 1, 1, 1, 0], [1, 0, 1, 1, 1, 0]]
    >>> b = [[1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 1, 0], [1, 0, 1, 1, 0, 0]]
    >>> estimate = joint_means([a, b]).contrast([1, -1])
    >>> round(estimate.difference, 4), round(estimate.degrees_of_freedom, 2)
    (0.2778, 5.0)
    """
    arrays = [_checked(group, f"groups[{position}]") for position, group in enumerate(groups)]
    if not arrays:
        raise InputError("groups", "at least one group", "none")
    sizes = {array.shape[-1] for array in arrays}
    if len(sizes) > 1 or sizes == {1}:
        raise InputError("groups", "the same 2 or more samples in every group", f"{sorted(sizes)} samples")
    if pooled and len({array.shape[1] for array in arrays}) > 1:
        raise InputError("pooled", "the same columns in every group", "different numbers", "do not pool")
    return joint_moments(arrays, pooled=pooled)


def joint_moments(groups: Sequence[FloatArray], *, pooled: bool = False) -> Joint:
    """`joint` for arrays of shape (..., seeds, columns, samples): any number of data sets at once, unchecked."""
    parts, averages = [], []
    for group in groups:
        seeds, size = group.shape[-3], group.shape[-1]
        seed_means, sample_means = group.mean(-1), group.mean(-3)
        left = group - sample_means[..., None, :, :]
        left -= (seed_means - seed_means.mean(-2, keepdims=True))[..., None]
        flat = np.moveaxis(left, -2, -3).reshape(*left.shape[:-3], left.shape[-2], -1)
        largest = np.abs(sample_means).max(-1)
        squares = _without_rounding(flat @ np.swapaxes(flat, -1, -2) / ((seeds - 1) * (size - 1)), largest)
        parts.append(Group(seed_means, squares))
        averages.append(sample_means)
    together = np.concatenate(averages, -2)
    size, largest = together.shape[-1], np.abs(together).max(-1)
    together -= together.mean(-1, keepdims=True)
    covariance = _without_rounding(together @ np.swapaxes(together, -1, -2) / (size - 1), largest)
    return Joint(tuple(parts), covariance, size, pooled)


def difference_contrasts(pairs: Sequence[tuple[int, int]], columns: int) -> FloatArray:
    """One row a pair (first, second): the mean of column `first` minus that of column `second`.

    >>> difference_contrasts([(1, 0), (2, 0)], 3).tolist()
    [[-1.0, 1.0, 0.0], [-1.0, 0.0, 1.0]]
    """
    rows = np.zeros((len(pairs), columns))
    for row, (first, second) in zip(rows, pairs, strict=True):
        row[first] += 1.0
        row[second] -= 1.0
    return rows


def _checked(group: npt.ArrayLike, name: str) -> FloatArray:
    array = np.asarray(group, np.float64)
    array = array[:, None, :] if array.ndim == 2 else array
    if array.ndim != 3 or array.size == 0:
        raise InputError(name, "scores of shape (seeds, columns, samples)", f"shape {np.shape(group)}")
    if not np.isfinite(array).all():
        remedy = "use stats.unbalanced, or leave such samples out for all groups"
        raise InputError(name, "finite scores", "NaN or an infinity", remedy)
    if len(array) < 2:
        raise InputError(name, "at least 2 seeds", str(len(array)), "compare the checkpoints (stats.checkpoints)")
    return array


def _without_rounding(matrix: FloatArray, largest: FloatArray) -> FloatArray:
    """0 in the rows and columns whose variance is rounding error of values as large as `largest`."""
    real = np.diagonal(matrix, axis1=-2, axis2=-1) > np.square(_CANCELLED * largest)
    return np.where(real[..., :, None] & real[..., None, :], matrix, 0.0)


def _form(matrix: FloatArray, weights: FloatArray) -> FloatArray:
    """The quadratic form of the weights, 0 where only rounding error is left of it."""
    value = np.einsum("i,...ij,j->...", weights, matrix, weights)
    size = np.einsum("i,...ij,j->...", np.abs(weights), np.abs(matrix), np.abs(weights))
    return np.where(value > _CANCELLED * size, value, 0.0)


def _seed_variance(group: Group, weights: FloatArray) -> FloatArray:
    """Of the seeds' weighted means, 0 where only rounding error is left of it."""
    values = group.seed_means @ weights
    largest = (np.abs(group.seed_means) @ np.abs(weights)).max(-1)
    variance = values.var(-1, ddof=1)
    return np.where(variance > np.square(_CANCELLED * largest), variance, 0.0)
