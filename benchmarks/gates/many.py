"""Six contenders at once: chance of any false claim, coverage of all intervals together, pooled seed variance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.stats import multivariate_normal, norm

from deepenough.stats.distributions import t_quantile, t_two_sided
from deepenough.stats.joint import Joint, difference_contrasts, joint_moments
from deepenough.stats.multiplicity import bonferroni_level, holm, max_t
from deepenough.stats.simulation import Family
from gates.row import Row

CONTENDERS = 6
SAMPLES = 3000
SETTINGS = ((3, 0.001), (3, 0.003), (5, 0.003))
CONTRASTS = difference_contrasts([(i, 0) for i in range(1, CONTENDERS)], CONTENDERS)
GAINS = (0.0, 0.0, 0.0, 0.02, 0.03, 0.03)  # contenders 1 and 2 equal the reference, the others do not
BLOCK = 20  # experiments drawn at once


def family_wise(repetitions: int, seed: int) -> list[Row]:
    """No contender differs: any claim is false. Holm claims something exactly where Bonferroni does."""
    rows = []
    for k, sd in SETTINGS:
        uncorrected = holms = 0
        for joint in experiments(repetitions, k, (sd,) * CONTENDERS, (seed, k, int(1e4 * sd))):
            p_values = two_sided(joint)[0]
            uncorrected += int((p_values <= 0.05).any(-1).sum())
            holms += sum(min(holm(row)) <= 0.05 for row in p_values)
        setting = f"k={k} n={SAMPLES} SD {100 * sd:g}, 5 contrasts of 6, guard 2"
        rows.append(Row("any false claim, uncorrected", setting, uncorrected / repetitions, 0.10, 0.25))
        rows.append(Row("any false claim, Holm", setting, holms / repetitions, 0.0, 0.06))
    return rows


def partly_false(repetitions: int, seed: int) -> list[Row]:
    """Two of five nulls are true: Holm's false claims, and intervals that must cover all five gains together."""
    rows = []
    truth = CONTRASTS @ np.array(GAINS)
    for k, sd in SETTINGS:
        claimed = covered = 0
        for joint in experiments(repetitions, k, (sd,) * CONTENDERS, (seed, k, int(1e4 * sd), 1), GAINS):
            p_values, estimates, errors, freedom = two_sided(joint)
            claimed += sum(min(holm(row)[:2]) <= 0.05 for row in p_values)
            half = t_quantile(freedom, 0.5 + bonferroni_level(len(truth)) / 2.0) * errors
            covered += int((np.abs(estimates - truth) <= half).all(-1).sum())
        setting = f"k={k} n={SAMPLES} SD {100 * sd:g}, 2 of 5 nulls true, guard 2"
        rows.append(Row("any false claim, Holm", setting, claimed / repetitions, 0.0, 0.06))
        rows.append(Row("simultaneous coverage, Bonferroni", setting, covered / repetitions, 0.94, 1.0))
    return rows


def largest_t(repetitions: int, seed: int) -> list[Row]:
    rows = []
    for k, sd in ((5, 0.001), (5, 0.003)):
        rng, claimed, matched = np.random.default_rng((seed, k, 4)), 0, 0
        for joint in experiments(repetitions, k, (sd,) * CONTENDERS, (seed, k, int(1e4 * sd), 2)):
            p_values, estimates, errors, freedom = two_sided(joint)
            correlation = joint.correlation(CONTRASTS)
            for one in zip(norm.isf(p_values / 2.0), correlation, strict=True):
                matched += min(max_t(*one, math.inf, rng=rng, draws=2000)[0]) <= 0.05
            for one in zip(estimates / errors, correlation, freedom.min(-1), strict=True):
                claimed += min(max_t(*one, rng=rng, draws=2000)[0]) <= 0.05
        setting = f"k={k} n={SAMPLES} SD {100 * sd:g}, 5 contrasts of 6, guard 2"
        rows.append(Row("any false claim, max-T", setting, claimed / repetitions, 0.0, 0.06))
        rows.append(Row("any false claim, max-T of matched normals", setting, matched / repetitions, 0.0, 0.06))
    return rows


def pooled(repetitions: int, seed: int) -> list[Row]:
    """One contrast of the six: seed variances that are equal, and one contender that varies ten times as much."""
    rows = []
    for name, sds, low, high in (
        ("equal SD 0.3", (0.003,) * CONTENDERS, 0.035, 0.065),
        ("SD 1 and 0.1", (0.01, *(0.001,) * (CONTENDERS - 1)), 0.08, 0.6),
    ):
        claimed = 0
        for joint in experiments(repetitions, 3, sds, (seed, 3, int(1e4 * sds[0]), 3), pool=True):
            spread = joint.spread(CONTRASTS[0])
            claimed += int((np.abs(spread.difference) > spread.half_width()).sum())
        rows.append(Row("type-I, seed variance pooled over 6", f"k=3 {name}", claimed / repetitions, low, high))
    return rows


def two_sided(joint: Joint) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """p-values, differences, standard errors and degrees of freedom, each of shape (experiments, contrasts)."""
    spreads = [joint.spread(row, 2) for row in CONTRASTS]
    differences = np.stack([spread.difference for spread in spreads], -1)
    errors = np.sqrt(np.stack([spread.variance for spread in spreads], -1))
    freedom = np.stack([spread.degrees_of_freedom for spread in spreads], -1)
    return t_two_sided(differences / errors, freedom), differences, errors, freedom


def experiments(
    repetitions: int,
    seeds: int,
    seed_sds: tuple[float, ...],
    seed: tuple[int, ...],
    gains: tuple[float, ...] = (0.0,) * CONTENDERS,
    pool: bool = False,
) -> Iterator[Joint]:
    """The probit family of `deepenough.stats.simulation` with any number of contenders, in blocks."""
    rng, family = np.random.default_rng(seed), Family()
    across, same = (latent_correlation(family.accuracy, share) for share in (family.across, family.same))
    for done in range(0, repetitions, BLOCK):
        size = min(BLOCK, repetitions - done)
        common = math.sqrt(across) * rng.standard_normal((size, SAMPLES), np.float32)
        groups = []
        for sd, gain in zip(seed_sds, gains, strict=True):
            easy = common + math.sqrt(same - across) * rng.standard_normal((size, SAMPLES), np.float32)
            bar = norm.ppf(family.accuracy + gain)
            slope = sd / norm.pdf(bar)
            bars = bar * math.sqrt(1.0 + slope * slope) + slope * rng.standard_normal((size, seeds, 1))
            latent = rng.standard_normal((size, seeds, SAMPLES), np.float32)
            latent *= np.float32(math.sqrt(1.0 - same))
            latent += easy[:, None].astype(np.float32)
            groups.append((latent > -bars.astype(np.float32)).astype(np.float64)[:, :, None])
        yield joint_moments(groups, pooled=pool)


@cache
def latent_correlation(accuracy: float, differing: float) -> float:
    """At which two runs of this accuracy differ in being right on the share `differing`."""
    bar = norm.ppf(accuracy)

    def excess(correlation: float) -> float:
        both = multivariate_normal.cdf([bar, bar], cov=[[1.0, correlation], [correlation, 1.0]])
        return 2.0 * (accuracy - both) - differing

    return brentq(excess, 0.01, 0.999)


PARTS = (family_wise, partly_false, largest_t, pooled)
