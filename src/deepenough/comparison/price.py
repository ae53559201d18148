"""What an answer costs in money: the time of a network and the errors it makes, a day.

    cost of a contender a day = traffic x (latency x price of a millisecond + error rate x cost of an error)

The latency is taken as measured, without error; the interval of a difference is that of the accuracies, which is why it
is the interval of the gain turned over and stretched. The page of a study does the same in the reader's browser
(`report/templates/panel.js`); this is what it is tested against.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepenough.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """In any one currency: a millisecond of this machine, a wrong answer; and how many images come in a day."""

    millisecond: float
    error: float
    images_a_day: float

    def __post_init__(self) -> None:
        for name in ("millisecond", "error", "images_a_day"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(name, "a number, 0 or above", f"{value:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What two contenders cost a day, and big minus small with its interval: below 0, the big one saves money."""

    small: float
    big: float
    difference: float
    interval: tuple[float, float]
    break_even: float | None  # gain, as a share of the images, that pays for the big one; None where errors are free


def cost_a_day(latency_s: float, accuracy: float, prices: Prices) -> float:
    """What one contender costs a day.

    Args:
        latency_s: seconds an image.
        accuracy: share of right answers, 0 to 1.
        prices: of time and errors.

    >>> round(cost_a_day(0.010, 0.9, Prices(millisecond=1e-6, error=0.01, images_a_day=1e6)), 6)
    1010.0
    """
    return prices.images_a_day * (1000.0 * latency_s * prices.millisecond + (1.0 - accuracy) * prices.error)


def bill(
    latency_s: tuple[float, float],
    accuracy: tuple[float, float],
    gain_interval: tuple[float, float],
    prices: Prices,
) -> Bill:
    """What small and big cost a day, and their difference.

    Args:
        latency_s: seconds an image, of small and big.
        accuracy: shares of right answers, of small and big.
        gain_interval: of big's accuracy minus small's, as shares.
        prices: of time and errors.

    >>> asked = bill((0.010, 0.017), (0.90, 0.91), (0.0, 0.02), Prices(millisecond=1e-6, error=0.01, images_a_day=1e6))
    >>> round(asked.difference, 6), [round(end, 6) for end in asked.interval], round(asked.break_even, 6)
    (-93.0, [-193.0, 7.0], 0.0007)
    """
    slower = 1000.0 * (latency_s[1] - latency_s[0]) * prices.millisecond

    def difference(gain: float) -> float:
        return prices.images_a_day * (slower - gain * prices.error)

    low, high = gain_interval
    return Bill(
        small=cost_a_day(latency_s[0], accuracy[0], prices),
        big=cost_a_day(latency_s[1], accuracy[1], prices),
        difference=difference(accuracy[1] - accuracy[0]),
        interval=(difference(high), difference(low)),
        break_even=slower / prices.error if prices.error > 0 else None,
    )
