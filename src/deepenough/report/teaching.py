"""What learning from another network brought: does a teacher help, and does the pupil reach it?"""

from __future__ import annotations

from collections.abc import Mapping

from deepenough.comparison.order import TAUGHT_BY, teacher_of
from deepenough.records import PairResult, Verdict
from deepenough.report.headlines import gain_in_words
from deepenough.report.language import later, say
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers

_HELPS = {
    "big_is_better": later("it does"),
    "small_is_enough": later("by less than the margin of {margin}, if at all"),
    "small_is_better": later("it does harm"),
    "undecided": later("that is open"),
}
_REACHES = {
    "small_is_enough": later("it does, to within the margin of {margin}"),
    "big_is_better": later("it does not"),
    "small_is_better": later("it is better than its teacher"),
    "undecided": later("that is open"),
}


def in_words(verdict: Verdict) -> list[str]:
    """Of each pupil, two answers at the verdict's scale, each taken alone; nothing where no contender had a teacher."""
    known = {(pair.small, pair.big): pair for pair in verdict.pairs if pair.scale == verdict.scale}
    lines: list[str] = []
    for pupil in dict.fromkeys(each.contender for each in verdict.contenders):
        teacher = teacher_of(pupil)
        if teacher is None:
            continue
        untaught = known.get((pupil.replace(TAUGHT_BY + teacher, ""), pupil))
        reached = known.get((pupil, teacher))
        if untaught is not None:
            lines.append(
                say(
                    "Does a teacher help? {big} gains {gain} over {small}: {outcome}.",
                    **_filled(verdict, untaught, _HELPS),
                )
            )
        if reached is not None:
            lines.append(
                say(
                    "Does the pupil reach its teacher? {big} gains {gain} over {small}: {outcome}.",
                    **_filled(verdict, reached, _REACHES),
                )
            )
    return lines


def _filled(verdict: Verdict, pair: PairResult, outcomes: Mapping[str, str]) -> dict[str, str]:
    return {
        "small": display_name(pair.small),
        "big": display_name(pair.big),
        "gain": gain_in_words(verdict, pair.difference, pair.interval),
        "outcome": say(outcomes[pair.answer], margin=numbers.shortest(verdict.margin)),
    }
