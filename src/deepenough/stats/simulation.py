"""Experiments with a known truth: the probit family on which the error rates of docs/statistics.md were measured.

A run gets a sample right where a latent normal is above 0: the run's seed effect, plus how easy the sample is for
everybody, for this contender, and for this run alone. The shares are set by how often two runs disagree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from deepenough.stats.distributions import FloatArray
from deepenough.stats.estimate import Components

_NORMAL = NormalDist()
Latent = npt.NDArray[np.float32]  # single precision: twice as fast, and a threshold needs no more
_CHUNK = 1 << 21  # scores held at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Accuracy of A, and how often two runs differ in being right, seed effects left out; shares in [0, 1]."""

    accuracy: float = 0.90
    same: float = 0.045  # two runs of one contender
    across: float = 0.063  # one run of each of two contenders of equal accuracy

    def components(self, seed_sds: tuple[float, float]) -> Components:
        """The true variance components where both contenders have this accuracy."""
        residual = self.same / 2.0
        return Components(
            seed_variances=(seed_sds[0] ** 2, seed_sds[1] ** 2),
            residual_variances=(residual, residual),
            sample_variance=self.across - self.same,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One setting: how many runs of A and B, on how many samples, how much seeds vary, and the true gain A - B."""

    seeds: tuple[int, int]
    samples: int
    seed_sds: tuple[float, float] = (0.0, 0.0)  # SD of a run's true accuracy, as a share
    gain: float = 0.0
    clusters: npt.NDArray[np.int64] | None = None  # cluster of each sample, from 0 without gaps
    cluster_share: float = 0.5  # of the variance of how easy a sample is


def draw(
    experiments: list[Experiment], repetitions: int, rng: np.random.Generator, family: Family | None = None
) -> Iterator[list[tuple[FloatArray, FloatArray]]]:
    """Score experiments `repetitions` times, in blocks; all must share seeds, samples and clusters.

    One set of latent draws serves all experiments of a call, each of which is right by itself; they are not
    independent of each other.

    Yields:
        For each experiment a pair of 0/1 scores of A and B, shapes (block, seeds, samples).

    >>> setting = Experiment(seeds=(2, 3), samples=50)
    >>> [(a.shape, b.shape) for [(a, b)] in draw([setting], 4, np.random.default_rng(0))]
    [((4, 2, 50), (4, 3, 50))]
    """
    family = family or Family()
    first = experiments[0]
    block = max(1, _CHUNK // (sum(first.seeds) * first.samples))
    for done in range(0, repetitions, block):
        size = min(block, repetitions - done)
        easy = _shared(size, first, family, rng)
        latent = [_latent(part, k, family, rng) for part, k in zip(easy, first.seeds, strict=True)]
        effects = [rng.standard_normal((size, k, 1)) for k in first.seeds]
        yield [_scores(latent, effects, experiment, family) for experiment in experiments]


def _shared(size: int, experiment: Experiment, family: Family, rng: np.random.Generator) -> tuple[Latent, Latent]:
    """How easy each sample is for A and for B, shape (size, samples)."""
    across = _correlation(family.accuracy, family.across)
    same = _correlation(family.accuracy, family.same)
    common = np.float32(math.sqrt(across)) * _easy(size, experiment, rng)
    own = np.float32(math.sqrt(same - across))
    first, second = (common + own * _easy(size, experiment, rng) for _ in "AB")
    return first.astype(np.float32), second.astype(np.float32)


def _easy(size: int, experiment: Experiment, rng: np.random.Generator) -> Latent:
    """Unit normals of shape (size, samples), alike within clusters where there are any."""
    own = rng.standard_normal((size, experiment.samples), np.float32)
    if experiment.clusters is None:
        return own
    shared = rng.standard_normal((size, int(experiment.clusters.max()) + 1), np.float32)[:, experiment.clusters]
    share = experiment.cluster_share
    mixed = np.float32(math.sqrt(share)) * shared + np.float32(math.sqrt(1.0 - share)) * own
    return mixed.astype(np.float32)


def _latent(easy: Latent, runs: int, family: Family, rng: np.random.Generator) -> Latent:
    """Latent values of one contender's runs without their seed effects, shape (size, runs, samples)."""
    noise = rng.standard_normal((len(easy), runs, easy.shape[1]), np.float32)
    noise *= np.float32(math.sqrt(1.0 - _correlation(family.accuracy, family.same)))
    noise += easy[:, None, :]
    return noise


def _scores(
    latent: list[Latent], effects: list[FloatArray], experiment: Experiment, family: Family
) -> tuple[FloatArray, FloatArray]:
    """Scores of A and B under the experiment's seed SDs and gain."""
    pair: list[FloatArray] = []
    for side, accuracy in enumerate((family.accuracy + experiment.gain, family.accuracy)):
        bar = _NORMAL.inv_cdf(accuracy)
        spread = experiment.seed_sds[side] / _NORMAL.pdf(bar)  # latent SD of the seed effect, to first order
        bar *= math.sqrt(1.0 + spread * spread)  # so that the mean over seeds is exactly `accuracy`
        pair.append((latent[side] > (-bar - spread * effects[side]).astype(np.float32)).astype(np.float64))
    return pair[0], pair[1]


@cache
def _correlation(accuracy: float, differing: float) -> float:
    """Latent correlation of two runs of this accuracy that differ on the share `differing` of samples.

    The derivative of a bivariate normal's orthant probability by its correlation is the density there, so the share
    both get right is integrated up from independence. Bisected to 1e-12.
    """
    bar = _NORMAL.inv_cdf(accuracy)
    nodes, weights = np.polynomial.legendre.leggauss(60)

    def differ(correlation: float) -> float:
        angle = math.asin(correlation)  # the substitution r = sin(angle) removes the singularity at 1
        angles = angle * (nodes + 1.0) / 2.0
        density = np.exp(-bar * bar / (1.0 + np.sin(angles))) / (2.0 * math.pi)
        both = accuracy * accuracy + float(weights @ density) * angle / 2.0
        return 2.0 * (accuracy - both)

    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if differ(middle) > differing else (low, middle)
    return low
