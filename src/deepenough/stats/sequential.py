"""Looking more than once: seeds trained in declared looks, and two checkpoints watched image by image.

**Seeds.** A study that is tested at 5 % after 3, 5, 8 and 12 seeds and stops when it likes what it sees errs 9 to 11 %
of the time. Here the looks are declared beforehand and the 5 % are divided among them: each look has a level of its
own, and by Bonferroni's inequality the intervals of all looks cover the true gain together with probability 95 % or
more, however the looks depend on each other. So the interval at which a study stops is right whatever made it stop,
and the decision rule may be applied to it. Unlike the spending functions of K. Lan and D. DeMets, "Discrete sequential
boundaries for clinical trials", Biometrika 70 (1983), no joint distribution of the looks is needed, and none is known
for seeds and samples that are both drawn; the price is that the total error stays well below 5 %.

**Images.** For two fixed checkpoints the samples on which just one is right are tosses of a fair coin if both are
equally good. The fortune `e` of whoever bets on such a coin, starting with 1, ever reaches 1/alpha with probability at
most alpha (J. Ville, "Étude critique de la notion de collectif", 1939), so one may look after every sample. The bet
here is a beta mixture of likelihood ratios: H. Robbins, "Statistical methods related to the law of the iterated
logarithm", Annals of Mathematical Statistics 41 (1970). It says nothing about seeds: see `checkpoints`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError
from deepenough.stats.checkpoints import is_binary
from deepenough.stats.distributions import FloatArray
from deepenough.stats.mrmc import Guard

TOTAL_ERROR = 0.05
FEWEST_SEEDS = 2  # at the first look
# Looks after 2, 3 and 5 seeds (n = 5000, 4,000 repetitions) err 0.047 and 0.054 of the time in all with the published
# degrees of freedom and seed SDs of 0.1 and 0.3 points, 0.092 where one is 0.1 and one 1; guarded 0.034, 0.037, 0.069.
LOOK_GUARD: Guard = 2
_FIRST = 2.0  # what the first look spends, in parts of what every other look does


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look: after how many seeds a contender, what error it may spend, and how its degrees of freedom are taken."""

    seeds: int
    alpha: float = TOTAL_ERROR
    guard: Guard = 1

    @property
    def level(self) -> float:
        """Of the look's interval.

        >>> Look(seeds=3, alpha=0.02).level
        0.98
        """
        return 1.0 - self.alpha


def spending(looks: int, *, alpha: float = TOTAL_ERROR) -> tuple[float, ...]:
    """The error that each of several looks may spend: the first twice as much as every other; `alpha` in all.

    Four looks spend 40, 20, 20 and 20 % of it. The first has more, since with the fewest seeds the interval is widest,
    and since stopping there saves most.

    Args:
        looks: at least 1.
        alpha: of all looks together, between 0 and 1.

    >>> [round(share, 10) for share in spending(4)], spending(1)
    ([0.02, 0.01, 0.01, 0.01], (0.05,))
    """
    if looks < 1:
        raise InputError("looks", "at least 1", str(looks))
    if not 0.0 < alpha < 1.0:
        raise InputError("alpha", "a number between 0 and 1", str(alpha))
    whole = _FIRST + looks - 1.0
    return (alpha * _FIRST / whole, *(alpha / whole for _ in range(looks - 1)))


def schedule(seeds: Sequence[int], *, alpha: float = TOTAL_ERROR) -> tuple[Look, ...]:
    """Looks after so many seeds a contender, with guarded degrees of freedom.

    Args:
        seeds: increasing, the first at least 2.
        alpha: of all looks together.

    Raises:
        InputError: if they do not increase, or begin below 2.

    >>> [(look.seeds, round(look.level, 10), look.guard) for look in schedule([3, 5, 8])]
    [(3, 0.975, 2), (5, 0.9875, 2), (8, 0.9875, 2)]
    """
    if not seeds or seeds[0] < FEWEST_SEEDS or any(b <= a for a, b in pairwise(seeds)):
        raise InputError("looks", f"increasing numbers of seeds from {FEWEST_SEEDS} on", str(list(seeds)))
    shares = spending(len(seeds), alpha=alpha)
    return tuple(Look(seeds=k, alpha=share, guard=LOOK_GUARD) for k, share in zip(seeds, shares, strict=True))


def log_evidence(only_a: npt.ArrayLike, only_b: npt.ArrayLike, *, prior: float = 10.0) -> FloatArray:
    """Logarithm of the e-value of discordant counts against "both are right equally often".

    `e = B(only_b + prior, only_a + prior) / B(prior, prior) * 2^(only_a + only_b)`: how much likelier the counts are
    under a coin drawn from Beta(prior, prior) than under a fair one.

    Args:
        only_a: samples that A alone got right, so far; any shape.
        only_b: samples that B alone got right, the same shape.
        prior: above 0. 1 bets on a large difference; at 10 to 30 smaller ones are found sooner.

    Returns:
        The same shape.

    >>> np.exp(log_evidence([0, 3, 10], [0, 1, 0], prior=1.0)).round(3).tolist()
    [1.0, 0.8, 93.091]
    """
    from scipy.special import betaln

    a, b = np.asarray(only_a, np.float64), np.asarray(only_b, np.float64)
    if not (math.isfinite(prior) and prior > 0):
        raise InputError("prior", "a number above 0", str(prior))
    if not ((a >= 0).all() and (b >= 0).all()):
        raise InputError("counts", "discordant counts of at least 0", f"{a.min()} and {b.min()}")
    return betaln(b + prior, a + prior) - betaln(prior, prior) + (a + b) * math.log(2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Two checkpoints watched sample by sample; arrays have the streams' shape, (..., samples)."""

    log_e: FloatArray  # evidence after each sample
    p_value: FloatArray  # 1 over the most evidence so far: valid at any time, never rises
    alpha: float

    @property
    def stops_after(self) -> npt.NDArray[np.int64]:
        """Samples after which the evidence first reached 1/alpha, shape (...); -1 where it never did."""
        crossed = self.log_e >= -math.log(self.alpha)
        return np.where(crossed.any(-1), crossed.argmax(-1) + 1, -1)


def watch(a: npt.ArrayLike, b: npt.ArrayLike, *, prior: float = 10.0, alpha: float = TOTAL_ERROR) -> Watch:
    """Watch the 0/1 scores of two checkpoints on samples in random order; one may stop whenever one likes.

    If both are right equally often, the chance that `Watch.stops_after` is ever other than -1 is at most `alpha`, and
    so is that of `p_value <= alpha` at any time: A. Ramdas, P. Grünwald, V. Vovk, G. Shafer, "Game-theoretic statistics
    and safe anytime-valid inference", Statistical Science 38 (2023).

    Args:
        a: 0/1 scores of A, shape (..., samples), in the order in which they come.
        b: of B, the same shape and samples.
        prior: see `log_evidence`.
        alpha: level, between 0 and 1.

    Raises:
        InputError: on other scores than 0 and 1, differing shapes or no samples.

    >>> found = watch([1] * 30, [1] * 10 + [0] * 20)
    >>> int(found.stops_after), round(float(found.p_value[-1]), 4)
    (25, 0.0066)
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.shape != second.shape or first.ndim == 0 or first.shape[-1] == 0:
        raise InputError("scores", "the same shape (..., samples) for both", f"{first.shape} and {second.shape}")
    if not (is_binary(first) and is_binary(second)):
        raise InputError("scores", "0 and 1 alone", "other values", "compare real-valued scores at a fixed number")
    if not 0.0 < alpha < 1.0:
        raise InputError("alpha", "a number between 0 and 1", str(alpha))
    log_e = log_evidence((first > second).cumsum(-1), (first < second).cumsum(-1), prior=prior)
    return Watch(log_e=log_e, p_value=np.exp(-np.maximum(np.maximum.accumulate(log_e, -1), 0.0)), alpha=alpha)
