"""A range test of the learning rate, read: from which rate the loss falls, where it falls best, where it turns up.

The rate grows by the same factor from step to step while the network trains (Smith 2017, "Cyclical learning rates",
arXiv 1506.01186, section 3.3). One such test is noisy, since each rate is tried on one batch; several, from other
batches, are read one by one, and how far they agree is told. Numbers only: no network, no torch.

The tests say where rates are of use and where the search for one begins, in the middle of that: on quadratics 0.3 to
0.4 of 2 / L, the limit of stability (`tests/search/test_ranges.py`). They do not say which is best. What a rate leaves
when it has fallen is another matter than what a batch shows at it: on photographs the best peak was 2 to 10 times the
middle (docs/log.md, 2026-11-28). So short trainings settle it, each like a whole one with warm-up and cosine, on the
same batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

TESTS = 3  # each from other batches
STEPS = 80  # rates that a test tries, and steps of a short training
MOST_TRIED = 5  # short trainings
MOST_STEPS = (TESTS + MOST_TRIED) * STEPS  # that a rate takes

_WIDTH = 2.5  # steps: standard deviation of the Gaussian weights that smooth a curve
_FALLING = 0.25  # share of the whole fall after which the loss counts as falling
_LOST = 1.5  # a test stops where the mean of the last losses is so many times the first ones'
_LAST = 5  # losses in that mean
_RUNG = math.sqrt(10.0)  # between the rates of short trainings


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One range test: the loss on the batch before each step, and the rate of that step."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What one test says; rates.

    Args:
        low: from which the loss has fallen by a quarter of its whole fall and more.
        middle: of the two in logarithms, sqrt(low * high).
        high: at which the loss is back where it began, or the last that was tried.
    """

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A short training: its peak rate, and the mean loss of its last steps; None where that was no number."""

    rate: float
    loss: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRate:
    """What several tests, and short trainings after them, say together.

    Args:
        rate: the suggestion: of the short trainings' rates the best, or the geometric mean of the tests' middles.
        low: lower end of the interval of useful rates, the median of the tests'.
        high: its upper end, likewise.
        agreement: in [0, 1]: how long the tests' intervals are in common, as a share of all that they cover, in
            logarithms.
        spread: largest middle by the smallest, at least 1.
        tests: the curves.
        tried: the short trainings, in their order.
        took_s: seconds that the tests took.
        note: what makes the suggestion doubtful; empty where nothing does.
    """

    rate: float
    low: float
    high: float
    agreement: float
    spread: float
    tests: tuple[Curve, ...]
    tried: tuple[Tried, ...] = ()
    note: str = ""
    took_s: float = 0.0

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> FoundRate:
        """The record that JSON holds."""
        tests = (Curve(rates=tuple(each["rates"]), losses=tuple(each["losses"])) for each in plain["tests"])
        tried = (Tried(**each) for each in plain.get("tried", ()))
        return cls(**{**plain, "tests": tuple(tests), "tried": tuple(tried)})


def ladder(low: float, high: float, steps: int) -> tuple[float, ...]:
    """Rates from `low` to `high`, each the same factor above the one before.

    >>> ladder(0.001, 1.0, 4)
    (0.001, 0.01, 0.1, 1.0)
    """
    return tuple(float(f"{rate:.6g}") for rate in np.geomspace(low, high, steps))


def range_test(take: Callable[[float], float], rates: Sequence[float]) -> Curve:
    """Take a step at each rate, until the loss is lost.

    Args:
        take: makes a step at a rate and returns the loss before it; one that is not finite ends the test.
        rates: ascending.
    """
    losses: list[float] = []
    for rate in rates:
        loss = take(rate)
        if not math.isfinite(loss):
            break
        losses.append(loss)
        first, last = losses[:_LAST], losses[-_LAST:]
        if len(losses) >= 2 * _LAST and np.mean(last) > _LOST * np.mean(first):
            break
    return Curve(rates=tuple(rates[: len(losses)]), losses=tuple(losses))


def smoothed(losses: Sequence[float] | np.ndarray) -> np.ndarray:
    """A local straight line through the logarithms' neighbourhood of each step, so that the ends are not bent."""
    values, places = np.asarray(losses, np.float64), np.arange(len(losses), dtype=np.float64)
    away = places[None, :] - places[:, None]
    weights = np.exp(-0.5 * np.square(away / _WIDTH))
    total, first, second = (np.sum(weights * away**power, 1) for power in (0, 1, 2))
    level, slope = weights @ values, np.sum(weights * away * values[None, :], 1)
    return (second * level - first * slope) / (second * total - np.square(first))


def read(curve: Curve) -> Read | None:
    """What a test says; None where its loss never fell by more than its own noise.

    The last losses of a test that was lost are far above the others, and would bend the smooth curve; what is read is
    therefore cut there at the first ones' level.
    """
    if len(curve.losses) < 2 * _LAST:
        return None
    start = float(np.mean(curve.losses[:_LAST]))
    line = smoothed(np.minimum(curve.losses, _LOST * start))
    noise = float(np.std(np.asarray(curve.losses[:_LAST])))
    lowest = int(np.argmin(line))
    fall = start - float(line[lowest])
    if lowest == 0 or fall <= max(2 * noise / math.sqrt(_LAST), 1e-12 * abs(start)):
        return None
    before = [place for place in range(lowest) if line[place] > start - _FALLING * fall]
    back = [place for place in range(lowest, len(line)) if line[place] >= start]
    high = curve.rates[back[0] if back else -1]
    low = curve.rates[before[-1] + 1 if before else 0]
    return Read(low=low, middle=math.sqrt(low * high), high=high)


def together(curves: Sequence[Curve], default: float) -> FoundRate:
    """What several tests say; `default` where none of them saw the loss fall."""
    found = [each for curve in curves if (each := read(curve)) is not None]
    if not found:
        nothing = "the loss fell in no test, so the default stays"
        return FoundRate(
            rate=default, low=default, high=default, agreement=0.0, spread=1.0, tests=tuple(curves), note=nothing
        )
    lows, middles, highs = (np.log([getattr(each, name) for each in found]) for name in ("low", "middle", "high"))
    common, covered = highs.min() - lows.max(), highs.max() - lows.min()
    agreement = max(0.0, float(common / covered)) if covered > 0 else 1.0
    spread = float(np.exp(middles.max() - middles.min()))
    return FoundRate(
        rate=_rounded(float(np.exp(middles.mean()))),
        low=float(np.exp(np.median(lows))),
        high=float(np.exp(np.median(highs))),
        agreement=agreement * len(found) / len(curves),
        spread=spread,
        tests=tuple(curves),
        note=_doubt(len(curves) - len(found), spread),
    )


def _doubt(silent: int, spread: float) -> str:
    said = [f"in {silent} of the tests the loss never fell"] if silent else []
    said += [f"the tests' middles differ by a factor of {spread:.1f}"] if spread > 3 else []
    return "; ".join(said)


def settled(found: FoundRate, train: Callable[[float], float]) -> FoundRate:
    """Climb from the middle to the rate that trains best: up by half a decade while the loss falls, else down.

    Args:
        found: of the tests; as it is where the loss fell in none of them.
        train: trains shortly at a peak rate and returns the mean loss of its last steps.

    >>> tests = FoundRate(rate=0.01, low=0.001, high=0.1, agreement=1.0, spread=1.0, tests=())
    >>> best = settled(tests, lambda rate: abs(math.log10(rate / 0.03)))
    >>> best.rate, [each.rate for each in best.tried]
    (0.0316, [0.01, 0.0316, 0.1])
    """
    if found.agreement == 0.0 and found.low == found.high:
        return found
    losses: dict[int, float] = {}

    def at(rung: int) -> float:
        if rung not in losses and len(losses) < MOST_TRIED:
            loss = train(_rounded(found.rate * _RUNG**rung))
            losses[rung] = loss if math.isfinite(loss) else math.inf
        return losses.get(rung, math.inf)

    best, way = 0, 1
    if at(0) <= at(1):
        way = -1
    while at(best + way) < at(best):
        best += way
    tried = tuple(
        Tried(rate=_rounded(found.rate * _RUNG**rung), loss=loss if loss < math.inf else None)
        for rung, loss in losses.items()
    )
    return replace(found, rate=_rounded(found.rate * _RUNG**best), tried=tried)


def _rounded(rate: float) -> float:
    return float(f"{rate:.3g}")
