"""What methods without a trained network reach, and whether any network is worth its training beside them."""

from __future__ import annotations

from collections.abc import Sequence

from deepenough.records import BaselineResult, Verdict
from deepenough.report.headlines import decimals_of, gain_in_words
from deepenough.report.language import say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers

_WITHOUT_SHORTCUTS = "+shortcut=none"


def in_words(verdict: Verdict) -> list[str]:
    """What the baselines reach, and which of the deciding pair is shown to be better than all of them."""
    found = verdict.baselines
    if not found:
        return _plain(verdict)
    decimals = decimals_of(verdict)
    reached = [f"{term(each.baseline)} {numbers.level(each.mean, verdict.unit, decimals)}" for each in found]
    images = numbers.count(found[0].samples)
    said = say(
        "Without a trained network, on {images} of the same test samples, by {metric}: {reached}.",
        images=images,
        metric=term(verdict.metric),
        reached=say(", ").join(reached),
    )
    return [said, *_worth(verdict, found), *_plain(verdict)]


def _plain(verdict: Verdict) -> list[str]:
    """Of each network without shortcuts that took part: whether the smaller residual one is shown to be better."""
    lines = []
    for pair in verdict.pairs:
        plain = next((name for name in (pair.small, pair.big) if _WITHOUT_SHORTCUTS in name), None)
        if plain is None or pair.scale != verdict.scale or verdict.small not in (pair.small, pair.big):
            continue
        sign = -1.0 if pair.big == plain else 1.0
        ends = sorted(sign * end for end in pair.simultaneous_interval or pair.interval)
        if ends[0] > 0:
            continue
        decimals = numbers.decimals_for((ends[1] - ends[0]) / 4, ends, (0.0,))
        lines.append(
            say(
                "No residual network is shown to be worth it: {plain} has no shortcuts, and {network} is not shown to "
                "be better than it ({ends} {unit}).",
                plain=display_name(plain),
                network=display_name(verdict.small),
                ends=numbers.interval(ends, decimals),
                unit=term(verdict.unit),
            )
        )
    return lines


def _worth(verdict: Verdict, found: Sequence[BaselineResult]) -> list[str]:
    pair = [name for name in (verdict.small, verdict.big) if all(name in each.gains for each in found)]
    above = {name: [each for each in found if _is_above(each, name)] for name in pair}
    lines = [_least(verdict, found, name) for name in pair if len(above[name]) == len(found)]
    lines += [_not_above(verdict, each, name) for name in pair for each in found if each not in above[name]]
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


def _not_above(verdict: Verdict, each: BaselineResult, name: str) -> str:
    ends, gain = each.intervals[name], _gain(verdict, each, name)
    network, baseline = display_name(name), term(each.baseline)
    if ends is not None and ends[1] < 0:
        return say("{network} is worse than {baseline}: {gain}.", network=network, baseline=baseline, gain=gain)
    return say(
        "{network} is not shown to be better than {baseline}: {gain}.", network=network, baseline=baseline, gain=gain
    )


def _least(verdict: Verdict, found: Sequence[BaselineResult], name: str) -> str:
    least = min(found, key=lambda each: each.gains[name])
    return say(
        "{network} is better than each of them; its least gain is over {baseline}, {gain}.",
        network=display_name(name),
        baseline=term(least.baseline),
        gain=_gain(verdict, least, name),
    )


def _gain(verdict: Verdict, each: BaselineResult, name: str) -> str:
    return gain_in_words(verdict, each.gains[name], each.intervals[name])


def _is_above(each: BaselineResult, name: str) -> bool:
    ends = each.intervals[name]
    return ends is not None and ends[0] > 0
