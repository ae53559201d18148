"""What methods without a trained network reach, and whether any network is worth its training beside them."""

from __future__ import annotations

from collections.abc import Sequence

from deepenough.records import BaselineResult, Verdict
from deepenough.report.headlines import decimals_of
from deepenough.report.language import say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers


def in_words(verdict: Verdict) -> list[str]:
    """What the baselines reach, and which of the deciding pair is shown to be better than all of them."""
    found = verdict.baselines
    if not found:
        return []
    decimals = decimals_of(verdict)
    reached = [f"{term(each.baseline)} {numbers.level(each.mean, verdict.unit, decimals)}" for each in found]
    images = numbers.count(found[0].samples)
    said = say(
        "Without a trained network, on {images} of the same test samples, by {metric}: {reached}.",
        images=images,
        metric=term(verdict.metric),
        reached=say(", ").join(reached),
    )
    return [said, *_worth(verdict, found)]


def _worth(verdict: Verdict, found: Sequence[BaselineResult]) -> list[str]:
    pair = [name for name in (verdict.small, verdict.big) if all(name in each.gains for each in found)]
    above = {name: [each for each in found if _is_above(each, name)] for name in pair}
    lines = [_least(verdict, found, name) for name in pair if len(above[name]) == len(found)]
    lines += [
        say(
            "{network} is not shown to be better than {baseline}: {gain}.",
            network=display_name(name),
            baseline=term(each.baseline),
            gain=_gain(verdict, each, name),
        )
        for name in pair
        for each in found
        if each not in above[name]
    ]
    unbeaten = [each for each in found if not any(each in above[name] for name in pair)]
    if pair and unbeaten:
        best = max(unbeaten, key=lambda each: each.mean)
        lines.append(
            say(
                "Neither network is worth its training by this evidence: {baseline} takes none and is not shown to be "
                "worse.",
                baseline=term(best.baseline),
            )
        )
    return lines


def _least(verdict: Verdict, found: Sequence[BaselineResult], name: str) -> str:
    least = min(found, key=lambda each: each.gains[name])
    return say(
        "{network} is better than each of them; its least gain is over {baseline}, {gain}.",
        network=display_name(name),
        baseline=term(least.baseline),
        gain=_gain(verdict, least, name),
    )


def _gain(verdict: Verdict, each: BaselineResult, name: str) -> str:
    ends = each.intervals[name]
    half = (ends[1] - ends[0]) / 4 if ends is not None else verdict.standard_error
    decimals = numbers.decimals_for(half, ends or (), (0.0,))
    gain = f"{numbers.signed(each.gains[name], decimals)} {term(verdict.unit)}"
    if ends is None:
        return gain
    return say(
        "{gain} ({level} interval {ends})",
        gain=gain,
        level=numbers.confidence(verdict.level),
        ends=numbers.interval(ends, decimals),
    )


def _is_above(each: BaselineResult, name: str) -> bool:
    ends = each.intervals[name]
    return ends is not None and ends[0] > 0
