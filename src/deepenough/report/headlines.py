"""The decision in one sentence: the answer, the gain with its interval, and the margin that it was held against."""

from __future__ import annotations

from deepenough.records import Verdict
from deepenough.report.language import say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers


def answer_in_words(verdict: Verdict, answer: str | None = None) -> str:
    """The answer alone, with the contenders' names: `ResNet-50 is enough`."""
    small, big = display_name(verdict.small), display_name(verdict.big)
    return {
        "small_is_enough": say("{small} is enough", small=small),
        "big_is_better": say("{big} is better", big=big),
        "small_is_better": say("{small} is better", small=small),
        "undecided": say("Undecided"),
    }[answer or verdict.answer]


def headline(verdict: Verdict) -> str:
    """The decision in one sentence: the answer, the difference with its interval, and the margin it was held against.

    A verdict over single runs says "this ResNet-50": it speaks of two checkpoints and of no other.
    """
    small, big = display_name(verdict.small), display_name(verdict.big)
    margin = numbers.shortest(verdict.margin)
    if verdict.scope == "checkpoint":
        small, big = say("this {small}", small=small), say("this {big}", big=big)
    body = {
        "small_is_enough": _enough,
        "big_is_better": _big_better,
        "small_is_better": _small_better,
        "undecided": _undecided,
    }[verdict.answer](verdict, small, big, margin)
    return body[0].upper() + body[1:] if body.startswith(("this ", "undecided")) else body


def _enough(verdict: Verdict, small: str, big: str, margin: str) -> str:
    at = _at(verdict)
    if verdict.interval[0] > 0:
        return say(
            "{small} is enough: {at}{big} is better, by {gain}, but by less than your margin of {margin}.",
            small=small,
            at=at,
            big=big,
            gain=_gain(verdict),
            margin=margin,
        )
    if verdict.difference < 0:
        behind = say("{at}{big} is {gain}", at=at, big=big, gain=_gain(verdict, verdict.difference < 0))
        return say(
            "{small} is enough: {behind}, and a gain as large as your margin of {margin} is ruled out.",
            small=small,
            behind=behind,
            margin=margin,
        )
    return say(
        "{small} is enough: {at}{big} gains {gain}, less than your margin of {margin}.",
        small=small,
        at=at,
        big=big,
        gain=_gain(verdict),
        margin=margin,
    )


def _big_better(verdict: Verdict, _: str, big: str, margin: str) -> str:
    gain = say("{big} is better: {at}it gains {gain}", big=big, at=_at(verdict), gain=_gain(verdict))
    if verdict.beyond_margin:
        return say("{gain}, more than your margin of {margin}.", gain=gain, margin=margin)
    return say("{gain}; whether by more than your margin of {margin} is open.", gain=gain, margin=margin)


def _small_better(verdict: Verdict, small: str, big: str, _: str) -> str:
    return say(
        "{small} is better: {at}{big} is {gain}.", small=small, at=_at(verdict), big=big, gain=_gain(verdict, True)
    )


def _undecided(verdict: Verdict, _: str, big: str, margin: str) -> str:
    gain = (
        say("{big} is {gain}", big=big, gain=_gain(verdict, True))
        if verdict.difference < 0
        else say("{big} gains {gain}", big=big, gain=_gain(verdict))
    )
    open_still = say("no gain at all and a gain of your margin of {margin} are both still possible", margin=margin)
    return say("undecided: {at}{gain}; {open_still}.", at=_at(verdict), gain=gain, open_still=open_still)


def _at(verdict: Verdict) -> str:
    return say("at {scale} px ", scale=verdict.scale) if verdict.scale > 0 else ""


def _gain(verdict: Verdict, behind: bool = False) -> str:
    """The difference with its interval; the interval is always that of the gain, big minus small."""
    decimals = decimals_of(verdict)
    bounds = numbers.interval(verdict.interval, decimals)
    amount = f"{numbers.fixed(abs(verdict.difference), decimals)} {term(verdict.unit)}"
    level = numbers.confidence(verdict.level)
    if behind:
        return say("{amount} behind ({level} interval of its gain {bounds})", amount=amount, level=level, bounds=bounds)
    return say("{amount} ({level} interval {bounds})", amount=amount, level=level, bounds=bounds)


def decimals_of(verdict: Verdict) -> int:
    """Decimals for this verdict: two digits of the half width, more where a bound comes near a landmark."""
    return numbers.decimals_for(verdict.standard_error, verdict.interval, (0.0, verdict.margin))


def gain_in_words(verdict: Verdict, difference: float, ends: tuple[float, float] | None) -> str:
    """A gain beside the verdict's own, in its unit, with its interval at the verdict's level where there is one."""
    half = (ends[1] - ends[0]) / 4 if ends is not None else verdict.standard_error
    decimals = numbers.decimals_for(half, ends or (), (0.0,))
    gain = f"{numbers.signed(difference, decimals)} {term(verdict.unit)}"
    if ends is None:
        return gain
    return say(
        "{gain} ({level} interval {ends})",
        gain=gain,
        level=numbers.confidence(verdict.level),
        ends=numbers.interval(ends, decimals),
    )
