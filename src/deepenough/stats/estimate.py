"""The one form in which every estimator answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError

Design = Literal["nested", "paired", "single", "mcnemar", "paired_t"]

#: Relative size below which a spread or a difference is rounding error: pairwise sums of 1e6 terms reach 2e-15.
ROUNDING = 1e-13

#: Words that `Estimate.warnings` may hold, with their meaning.
WARNINGS = {
    "two_seeds": "a contender has two seeds: the level was measured at 0.045-0.064 instead of 0.05",
    "unequal_seed_sd": "with fewer than 5 seeds one contender varies 3 times as much from seed to seed as the other",
    "tied_seeds": "all seeds of each contender tie, so the seed variance was taken from the residual instead",
    "unequal_seeds": "the contenders have unequal numbers of seeds, so the degrees of freedom were made more cautious",
    "missing_scores": "some runs lack scores of some samples: the gain is over the samples that both contenders scored",
    "pooled_seed_variance": "the contenders' seed variances were taken as equal: where they are not, the level was "
    "measured at 0.08-0.30 instead of 0.05",
    "no_variance": "nothing varies, over seeds or samples: the interval has no width and says nothing about new data",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Variances of one score, split by where they come from; squared units of the score.

    `seed_variances` and `residual_variances` hold one entry per independent set of seeds: two (A, B) where seeds are
    nested in contenders, one (of the differences) where they are paired, none for a pair of checkpoints.
    """

    seed_variances: tuple[float, ...]  # of the true mean over fresh seeds, at least 0
    residual_variances: tuple[float, ...]  # seed by sample, and noise: falls with samples and with seeds
    sample_variance: float  # of the seed-averaged difference over samples, at least 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A difference of means (A minus B, or one mean) with what is known about its error, in the score's unit."""

    difference: float
    standard_error: float
    degrees_of_freedom: float | None  # None where no t distribution is used
    interval: tuple[float, float]
    p_value: float  # two-sided, for a true difference of 0
    design: Design
    seeds: tuple[int, ...]  # per contender
    samples: int  # images, or clusters where there are any
    components: Components
    seed_sd: tuple[float, ...] = ()  # SD of the seeds' means as seen, sampling noise included
    guarded_interval: tuple[float, float] | None = None  # guard=2, where "unequal_seed_sd" is warned of
    warnings: tuple[str, ...] = ()  # keys of WARNINGS

    def scaled(self, factor: float) -> Estimate:
        """The same in another unit: `factor` = 100 turns shares into percent points."""

        def both(ends: tuple[float, float]) -> tuple[float, float]:
            return ends[0] * factor, ends[1] * factor

        parts, square = self.components, factor * factor
        return replace(
            self,
            difference=self.difference * factor,
            standard_error=self.standard_error * factor,
            interval=both(self.interval),
            seed_sd=tuple(sd * factor for sd in self.seed_sd),
            guarded_interval=None if self.guarded_interval is None else both(self.guarded_interval),
            components=Components(
                seed_variances=tuple(v * square for v in parts.seed_variances),
                residual_variances=tuple(v * square for v in parts.residual_variances),
                sample_variance=parts.sample_variance * square,
            ),
        )


def as_scores(scores: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    """`scores` as float64 of shape (seeds, samples); a vector counts as one seed.

    Raises:
        InputError: if it is empty, has another number of axes, or holds NaN or an infinity.
    """
    array = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    if array.ndim != 2 or array.size == 0:
        raise InputError(name, "scores of shape (seeds, samples)", f"shape {np.shape(scores)}")
    finite = np.isfinite(array)
    if not finite.all():
        seed, sample = np.argwhere(~finite)[0]
        raise InputError(
            name,
            "finite scores",
            f"{array[seed, sample]} at seed {seed}, sample {sample} ({np.count_nonzero(~finite)} such scores)",
            "leave out such samples for all contenders alike, or the seed as diverged",
        )
    return array
