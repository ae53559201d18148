"""What looking more than once came to: the looks taken, the error spent, and the trainings and time saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepenough.records import Verdict
from deepenough.report.language import later, say, term
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table, text_column

_ANSWERS = {
    "small_is_enough": later("enough"),
    "small_is_better": later("small is better"),
    "undecided": later("undecided"),
}


def in_words(verdict: Verdict) -> list[str]:
    """Where the study stopped and what that spent, in one or two sentences; none where it was looked at once."""
    looks = verdict.looks
    if not looks:
        return []
    taken = taken_looks(verdict)
    here, last = looks[len(taken) - 1], looks[-1]
    total = numbers.confidence(sum(look["alpha"] for look in looks))
    spent = numbers.confidence(sum(look["alpha"] for look in taken))
    level = numbers.confidence(here["level"])
    if len(taken) < len(looks):
        where = say(
            "Stopped at look {taken} of {looks}, as declared: {seeds} of {all} seeds of each network were "
            "trained, {spared} were not needed.",
            taken=len(taken),
            looks=len(looks),
            seeds=here["seeds"],
            all=last["seeds"],
            spared=last["seeds"] - here["seeds"],
        )
    else:
        where = say(
            "All {looks} declared looks were taken, the last after {seeds} seeds of each network.",
            looks=len(looks),
            seeds=last["seeds"],
        )
    return [
        where,
        say(
            "Looking repeatedly is paid for: the intervals are at {level}, so that all looks together err at most "
            "{total} of the time, of which {spent} are spent.",
            level=level,
            total=total,
            spent=spent,
        ),
    ]


def time_saved(verdict: Verdict, plan: Mapping[str, Any] | None) -> str:
    """What stopping early saved, against the forecast for all seeds; empty where nothing is known or saved."""
    looks = verdict.looks or []
    foretold, took = (dict((plan or {}).get(key) or {}).get("total_s") for key in ("forecast", "took"))
    if len(taken_looks(verdict)) == len(looks) or foretold is None or took is None:
        return ""
    whole = say(
        "all {seeds} seeds were forecast at {foretold}", seeds=looks[-1]["seeds"], foretold=numbers.duration(foretold)
    )
    saved = say(", {span} more", span=numbers.duration(foretold - took)) if foretold > took else ""
    return say("It took {took}; {whole}{saved}.", took=numbers.duration(took), whole=whole, saved=saved)


def looks_table(verdict: Verdict) -> Table:
    """One row a declared look: what it may spend, and what it saw where it was taken."""
    looks = verdict.looks or []
    rows = [_row(number, look, verdict) for number, look in enumerate(looks, start=1)]
    gain = say("gain, {unit}", unit=term(verdict.unit))
    heads = [
        say("look"),
        say("seeds of each"),
        say("may spend"),
        say("interval at"),
        say("px"),
        gain,
        say("interval"),
        text_column(say("answer")),
    ]
    note = say("A p-value of a look is to be held against what that look may spend, not against 5 %.")
    return table("looks", say("The looks declared before the study began"), heads, rows, note=note)


def taken_looks(verdict: Verdict) -> list[dict[str, Any]]:
    """The looks that were taken, in order."""
    return [look for look in verdict.looks or [] if look.get("answer") is not None]


def _row(number: int, look: Mapping[str, Any], verdict: Verdict) -> tuple[str, ...]:
    decimals = numbers.decimals_for(verdict.standard_error, look["interval"] or (), (0.0, verdict.margin))
    answer = look["answer"]
    if answer == "big_is_better":
        said = say("big is better") if look["beyond_margin"] else say("big is better; by more than the margin is open")
    else:
        said = say("not taken") if answer is None else say(_ANSWERS[answer])
    return (
        str(number),
        numbers.count(look["seeds"]),
        numbers.confidence(look["alpha"]),
        numbers.confidence(look["level"]),
        numbers.ABSENT if look["scale"] is None else str(look["scale"]),
        numbers.signed(look["difference"], decimals),
        numbers.interval(look["interval"], decimals),
        said,
    )
