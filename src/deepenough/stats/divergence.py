"""Runs that diverged: how often it happens, as a rate with its interval, beside a verdict about runs that converge.

A diverged run is stopped, kept as evidence and never averaged away. Both ways of hiding it mislead. Left out in
silence, it turns "this network is better" into "this network is better when it trains", and flatters the contender that
fails: with a share r of runs that end at a score d instead of m, the mean over all trainings is lower by r (m - d), and
no number of converged runs shows it. Averaged in, one run at chance among three drowns the seed variance, so that
nothing can be shown about either contender (the t interval takes seeds to be roughly normal). So two things are said:
the gain between runs that converge, and the rate at which they do not.
"""

from __future__ import annotations

from dataclasses import dataclass

from deepenough.errors import InputError


@dataclass(frozen=True, slots=True)
class Divergence:
    """Of `runs` trainings with different seeds `diverged` did; the rate of further ones lies in `interval`."""

    diverged: int
    runs: int
    interval: tuple[float, float]

    @property
    def rate(self) -> float:
        """As seen, in [0, 1]."""
        return self.diverged / self.runs

    def flattery(self, converged_mean: float, diverged_score: float) -> tuple[float, float, float]:
        """By how much the mean of converged runs lies above the mean over all trainings: as seen, least and most.

        Args:
            converged_mean: of the runs that converged, any unit.
            diverged_score: what a diverged run is worth, in that unit: chance, or 0.

        >>> [round(points, 1) for points in diverged_rate(1, 5).flattery(90.0, 10.0)]
        [16.0, 0.4, 57.3]
        """
        drop = converged_mean - diverged_score
        low, high = sorted(end * drop for end in self.interval)
        return self.rate * drop, low, high


def diverged_rate(diverged: int, runs: int, *, level: float = 0.95) -> Divergence:
    """The rate at which trainings diverge, with the interval of Clopper and Pearson.

    C. Clopper and E. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26 (1934): exact, covers the true rate at least at its level for any number of runs.

    Args:
        diverged: how many did, from 0 to `runs`.
        runs: all that were started, at least 1; runs that were stopped for another reason do not count.
        level: of the interval.

    >>> seen = diverged_rate(1, 5)
    >>> seen.rate, tuple(round(end, 3) for end in seen.interval)
    (0.2, (0.005, 0.716))
    >>> tuple(round(end, 3) for end in diverged_rate(0, 3).interval)
    (0.0, 0.708)
    """
    if not 0 <= diverged <= runs or runs < 1:
        raise InputError("diverged", "from 0 to as many as the runs, of which 1 or more", f"{diverged} of {runs}")
    if not 0.0 < level < 1.0:
        raise InputError("level", "a number between 0 and 1", str(level))
    from scipy.special import betaincinv

    tail = (1.0 - level) / 2.0
    low = float(betaincinv(diverged, runs - diverged + 1, tail)) if diverged else 0.0
    high = float(betaincinv(diverged + 1, runs - diverged, 1.0 - tail)) if diverged < runs else 1.0
    return Divergence(diverged, runs, (low, high))
