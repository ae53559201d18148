"""Planning: how often designs that are "sure" stay undecided, and how often seed SDs lie below their upper bound."""

from __future__ import annotations

import math

import numpy as np

from deepenough.stats.mrmc import nested_spread
from deepenough.stats.prediction import fewest_samples, interval_half_width, seed_sd_factor
from deepenough.stats.simulation import Experiment, Family, draw
from gates.row import Row

MARGIN = 0.02


def sure_designs(repetitions: int, seed: int) -> list[Row]:
    """Undecided at the worst gain, half the margin: the study's own interval may come out wider than was foretold."""
    rows, slack = [], 1.5 / math.sqrt(repetitions)  # three standard errors of a share of 1/2
    for k, sd in ((3, 0.0), (3, 0.002), (5, 0.003), (10, 0.003)):
        parts = Family().components((sd, sd))
        size = fewest_samples(lambda n, k=k, parts=parts: 2.0 * interval_half_width(parts, k, n) <= MARGIN)
        assert size is not None
        experiments = [Experiment(seeds=(k, k), samples=size, seed_sds=(sd, sd), gain=g) for g in (MARGIN / 2, 0.0)]
        undecided, wider, done = np.zeros(2), 0, 0
        for block in draw(experiments, repetitions, np.random.default_rng((seed, k, int(1e4 * sd)))):
            for row, (a, b) in enumerate(block):
                spread = nested_spread(a, b)
                half = spread.half_width()
                undecided[row] += ((spread.difference - half <= 0) & (spread.difference + half >= MARGIN)).sum()
                wider += row * int((2.0 * half > MARGIN).sum())
            done += len(block[0][0])
        setting = f"k={k} n={size} SD {100 * sd:g} margin 2"
        rows.append(Row("undecided, gain = margin / 2", setting, undecided[0] / done, 0.0, 0.2))
        rows.append(Row("undecided, gain = 0", setting, undecided[1] / done, 0.0, 0.05))
        rows.append(Row("interval wider than the margin", setting, wider / done, 0.5 - 0.05 - slack, 0.5 + slack))
    return rows


def upper_seed_sd(repetitions: int, seed: int) -> list[Row]:
    """How often the 80 % upper bound of a contender's seed SD, noise subtracted, is at least the true one."""
    rows, slack = [], 0.015 + 1.2 / math.sqrt(repetitions)  # linear in the seed effect only to first order
    for k in (3, 5):
        for sd in (0.003, 0.01):
            setting = [Experiment(seeds=(k, 2), samples=2000, seed_sds=(sd, 0.0))]
            held = done = 0
            for [(a, b)] in draw(setting, repetitions, np.random.default_rng((seed, k, int(1e4 * sd)))):
                spread = nested_spread(a, b)
                bound = spread.seed_mean_variances[..., 0] * seed_sd_factor(k) ** 2 - spread.residuals[..., 0] / 2000
                held, done = held + int((bound >= sd * sd).sum()), done + len(a)
            rows.append(
                Row("upper seed SD holds", f"k={k} n=2000 SD {100 * sd:g}", held / done, 0.8 - slack, 0.8 + slack)
            )
    return rows


PARTS = (sure_designs, upper_seed_sd)
