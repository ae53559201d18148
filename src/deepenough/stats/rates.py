"""Measured error rates: how often the interval of a design misses the truth, and the decision rule says too much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deepenough.stats.distributions import FloatArray
from deepenough.stats.mrmc import Guard, Spread, nested_spread
from deepenough.stats.simulation import Experiment, Family, draw

SpreadOf = Callable[[FloatArray, FloatArray], Spread]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Shares of all repetitions; the interval is at 95 %."""

    missed: float  # the interval leaves out the true gain: type-I error where the gain is 0, 1 - coverage elsewhere
    above_zero: float  # claims a gain
    below_margin: float  # claims a gain less than the margin
    repetitions: int


def measure(
    experiments: Sequence[Experiment],
    *,
    margin: float,
    repetitions: int,
    rng: np.random.Generator,
    guard: Guard = 1,
    family: Family | None = None,
    spread_of: SpreadOf | None = None,
) -> list[Rates]:
    """Error rates of the nested design in each experiment; they must share seeds, samples and clusters.

    Args:
        experiments: the settings.
        margin: of `below_margin`, as a share.
        repetitions: simulated data sets; a rate of 0.05 has a standard error of 0.0022 at 10,000.
        rng: all randomness comes from here.
        guard: of the degrees of freedom.
        family: of the simulation.
        spread_of: another estimator in place of the nested one.

    >>> settings = [Experiment(seeds=(3, 3), samples=300)]
    >>> [rates] = measure(settings, margin=0.01, repetitions=400, rng=np.random.default_rng(1))
    >>> 0.02 < rates.missed < 0.09
    True
    """

    def nested(a: FloatArray, b: FloatArray) -> Spread:
        return nested_spread(a, b, guard)

    estimate = spread_of or nested
    counts = np.zeros((len(experiments), 3))
    for block in draw(list(experiments), repetitions, rng, family):
        for row, (experiment, (a, b)) in enumerate(zip(experiments, block, strict=True)):
            spread = estimate(a, b)
            half = spread.half_width()
            low, high = spread.difference - half, spread.difference + half
            missed = (low > experiment.gain) | (high < experiment.gain)
            counts[row] += (missed.sum(), (low > 0).sum(), (high < margin).sum())
    return [
        Rates(missed=missed, above_zero=above, below_margin=below, repetitions=repetitions)
        for missed, above, below in (counts / repetitions).tolist()
    ]
