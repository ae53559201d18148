"""Successive halving with a test: a trial is ended early where it is shown to be worse, and never on a lone number.

Trials are held against each other after the same number of epochs (K. Jamieson and A. Talwalkar, "Non-stochastic best
arm identification and hyperparameter optimization", AISTATS 2016; run one after the other as in L. Li et al., "A system
for massively parallel hyperparameter tuning", MLSys 2020). There the worst two thirds end by rank alone. Here rank only
says who may go on whatever the test says: another trial ends only where a paired test over the same validation images
shows it worse than the best so far at the same rung. The best is the luckiest of several, and every rung is another
look, so each test has the error of its rung divided by the number of those that it was chosen from (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepenough.stats import compare_checkpoints

ETA = 3  # a rung has this many times the epochs of the one before
MOST = 3  # rungs, the last of which is the whole training
ERROR = 0.05  # chance that a trial as good as the best is ended early, over all rungs


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a rung said of a trial.

    Args:
        mean: of its scores.
        best: the trial that it was held against; None where it was the first.
        difference: its mean minus that trial's.
        interval: of that, at `level`.
        level: of the interval; None where there was nothing to test.
        rank: of the trial, from 1.
        among: how many trials stand at the rung, it among them.
        kept: whether it goes on.
    """

    mean: float
    best: int | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    level: float | None = None
    rank: int = 1
    among: int = 1
    kept: bool = True


def rungs_of(epochs: int) -> tuple[int, ...]:
    """Epochs after which trials are held against each other; the last are all of them.

    >>> rungs_of(9), rungs_of(20), rungs_of(2), rungs_of(1)
    ((1, 3, 9), (2, 7, 20), (1, 2), (1,))
    """
    return tuple(sorted({max(1, math.floor(epochs / ETA**power + 0.5)) for power in range(MOST)}))


def judge(own: npt.NDArray[np.float64], others: Mapping[int, npt.NDArray[np.float64]], *, rungs: int) -> Judgement:
    """Whether a trial goes on from a rung.

    It does where it is among the best third there (rounded up), or where the interval of its difference to the best
    reaches 0.

    Args:
        own: scores of the trial, (samples,).
        others: of the trials that reached the rung before, by number, on the same samples.
        rungs: at which trials may be ended, at least 1; the error is divided among them.
    """
    mean = float(own.mean())
    if not others:
        return Judgement(mean=mean)
    means = {number: float(scores.mean()) for number, scores in others.items()}
    best = max(means, key=lambda number: (means[number], -number))
    rank, among = 1 + sum(other > mean for other in means.values()), 1 + len(means)
    level = 1.0 - 2.0 * ERROR / (rungs * len(others))  # the interval's upper half errs by half of the rest
    estimate = compare_checkpoints(own, others[best], level=level)
    return Judgement(
        mean=mean,
        best=best,
        difference=estimate.difference,
        interval=estimate.interval,
        level=level,
        rank=rank,
        among=among,
        kept=rank <= math.ceil(among / ETA) or estimate.interval[1] >= 0.0,
    )
