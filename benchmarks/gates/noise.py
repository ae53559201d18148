"""The account of the noise: does the interval of a seed SD hold the true one, and is the luck of single runs right?"""

from __future__ import annotations

import math

import numpy as np

from deepenough.stats.estimate import Components, Estimate
from deepenough.stats.mrmc import nested_spread
from deepenough.stats.noise import noise_budget, sd_interval
from deepenough.stats.simulation import Experiment, Family, draw
from gates.row import Row

SEED_SDS = (0.0, 0.003, 0.01)


def seed_sd(repetitions: int, seed: int) -> list[Row]:
    """How often the interval of one contender's own seed SD holds it; 0/1 scores, the samples' noise taken off."""
    rows = []
    for k, n in ((3, 2000), (5, 2000), (10, 500)):
        settings = [Experiment(seeds=(k, k), samples=n, seed_sds=(sd, sd)) for sd in SEED_SDS]
        low, high = sd_interval(1.0, k - 1)
        held = np.zeros(len(settings))
        for block in draw(settings, repetitions, np.random.default_rng((seed, k, n))):
            for place, (experiment, (a, b)) in enumerate(zip(settings, block, strict=True)):
                spread = nested_spread(a, b)
                seen, samples = spread.seed_mean_variances[:, 0], spread.residuals[:, 0] / n
                ends = (np.sqrt(np.maximum(seen * end**2 - samples, 0.0)) for end in (low, high))
                below, above = ends
                held[place] += ((below <= experiment.seed_sds[0]) & (experiment.seed_sds[0] <= above)).sum()
        for sd, count in zip(SEED_SDS, held, strict=True):
            gate = (0.96, 0.99) if sd == 0 else (0.93, 0.97)  # at 0 the lower end alone can miss it
            rows.append(Row("coverage of a seed SD", f"k={k} n={n} SD {100 * sd:g}", count / repetitions, *gate))
    return rows


def luck(repetitions: int, seed: int) -> list[Row]:
    """How often single trainings of two equal networks on the same samples differ by a gap said to have p = 0.1."""
    n, sd, family = 2000, 0.003, Family()
    rng = np.random.default_rng((seed, 7))
    gap = 1.6449 * math.sqrt(2.0 * (sd**2 + family.same / 2.0 / n))
    gap = (round(gap * n) - 0.5) / n  # halfway between two gaps that whole samples can make
    residual = family.same / 2.0
    parts = Components(seed_variances=(sd**2, sd**2), residual_variances=(residual, residual), sample_variance=0.0)
    plain = {"degrees_of_freedom": 4.0, "interval": (0.0, 0.0), "p_value": 1.0, "design": "nested", "seeds": (3, 3)}
    said = noise_budget(Estimate(difference=gap, standard_error=gap, samples=n, components=parts, **plain)).luck
    beyond = 0
    for block in draw([Experiment(seeds=(2, 2), samples=n, seed_sds=(sd, sd))], repetitions, rng, family):
        for a, _ in block:
            means = a.mean(-1)  # two trainings of one contender share their samples, as two equal networks would
            beyond += int((np.abs(means[:, 0] - means[:, 1]) >= gap).sum())
    return [
        Row(
            "luck of single runs minus what is said",
            f"n={n} SD {100 * sd:g}",
            beyond / repetitions - said,
            -0.015,
            0.015,
        )
    ]


PARTS = [seed_sd, luck]
