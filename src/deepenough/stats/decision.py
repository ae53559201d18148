"""The decision: one 95 % interval of big minus small against a margin declared before looking.

"Small is enough" claims non-inferiority, "big is better" superiority; each is wrong at most 2.5 % of the time, and
since both cannot be wrong at once no correction is due: J. Goeman, A. Solari, T. Stijnen, "Three-sided hypothesis
testing", Statistics in Medicine 29 (2010).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepenough.errors import InputError
from deepenough.records import Answer


@dataclass(frozen=True, slots=True)
class Decision:
    """What an interval says against a margin."""

    answer: Answer
    beyond_margin: bool | None  # for big_is_better: whether it is shown to exceed the margin; None elsewhere
    gain_shown: bool  # the interval lies above 0, even where the gain is too small to matter

    @property
    def settled(self) -> bool:
        """Whether more data could not be expected to turn the answer: see `settled`."""
        return settled(self.answer, self.beyond_margin)


def settled(answer: Answer, beyond_margin: bool | None) -> bool:
    """Whether the question, is the small one enough at this margin, has its answer.

    Not where the big one is better by more or less than the margin: a narrower interval may still end below the margin,
    and the answer would then be that the small one is enough.

    >>> settled("small_is_enough", None), settled("undecided", None), settled("big_is_better", False)
    (True, False, False)
    """
    return answer != "undecided" and beyond_margin is not False


def decide(interval: tuple[float, float], margin: float) -> Decision:
    """Read the interval of big minus small against the margin.

    | interval [L, U] | answer |
    |---|---|
    | U < 0 | small is better |
    | 0 <= U < margin | small is enough (where L > 0, big is better but by less than the margin) |
    | L > margin | big is better, by more than the margin |
    | 0 < L <= margin <= U | big is better, whether by more than the margin is open |
    | L <= 0, margin <= U | undecided |

    An interval narrower than the margin is therefore never undecided.

    Args:
        interval: lower and upper end, in the margin's unit.
        margin: above 0, the gain too small to pay for.

    Raises:
        InputError: if the margin is not above 0, or the interval is not one.

    >>> decide((-0.12, 0.28), 0.5).answer, decide((0.1, 0.3), 0.5)
    ('small_is_enough', Decision(answer='small_is_enough', beyond_margin=None, gain_shown=True))
    >>> decide((1.9, 2.8), 0.5).beyond_margin, decide((0.2, 0.9), 0.5).beyond_margin, decide((-0.8, 0.7), 0.5).answer
    (True, False, 'undecided')
    """
    check_margin(margin)
    low, high = interval
    if math.isnan(low) or math.isnan(high) or low > high:
        raise InputError("interval", "a lower and an upper end", f"({low}, {high})")
    gain = low > 0
    if high < 0:
        return Decision("small_is_better", None, gain)
    if high < margin:
        return Decision("small_is_enough", None, gain)
    if gain:
        return Decision("big_is_better", low > margin, gain)
    return Decision("undecided", None, gain)


def check_margin(
    margin: float, where: str = "margin", remedy: str = "declare the gain that is too small to pay for"
) -> None:
    """Raise `InputError`, for the option `where`, unless the margin is a finite number above 0."""
    if not (math.isfinite(margin) and margin > 0):
        raise InputError(where, "a number above 0", f"{margin:g}", remedy)
