"""What looking more than once came to: the looks taken, the error spent, and the trainings and time saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepenough.records import Verdict
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table, text_column

_ANSWERS = {
    "small_is_enough": "enough",
    "small_is_better": "small is better",
    "undecided": "undecided",
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
        where = (
            f"Stopped at look {len(taken)} of {len(looks)}, as declared: {here['seeds']} of {last['seeds']} seeds of "
            f"each network were trained, {last['seeds'] - here['seeds']} were not needed."
        )
    else:
        where = f"All {len(looks)} declared looks were taken, the last after {last['seeds']} seeds of each network."
    return [
        where,
        f"Looking repeatedly is paid for: the intervals are at {level}, so that all looks together err at most {total} "
        f"of the time, of which {spent} are spent.",
    ]


def time_saved(verdict: Verdict, plan: Mapping[str, Any] | None) -> str:
    """What stopping early saved, against the forecast for all seeds; empty where nothing is known or saved."""
    looks = verdict.looks or []
    foretold, took = (dict((plan or {}).get(key) or {}).get("total_s") for key in ("forecast", "took"))
    if len(taken_looks(verdict)) == len(looks) or foretold is None or took is None:
        return ""
    whole = f"all {looks[-1]['seeds']} seeds were forecast at {numbers.duration(foretold)}"
    saved = f", {numbers.duration(foretold - took)} more" if foretold > took else ""
    return f"It took {numbers.duration(took)}; {whole}{saved}."


def looks_table(verdict: Verdict) -> Table:
    """One row a declared look: what it may spend, and what it saw where it was taken."""
    looks = verdict.looks or []
    rows = [_row(number, look, verdict) for number, look in enumerate(looks, start=1)]
    gain = f"gain, {verdict.unit}"
    heads = ["look", "seeds of each", "may spend", "interval at", "px", gain, "interval", text_column("answer")]
    note = "A p-value of a look is to be held against what that look may spend, not against 5 %."
    return table("looks", "The looks declared before the study began", heads, rows, note=note)


def taken_looks(verdict: Verdict) -> list[dict[str, Any]]:
    """The looks that were taken, in order."""
    return [look for look in verdict.looks or [] if look.get("answer") is not None]


def _row(number: int, look: Mapping[str, Any], verdict: Verdict) -> tuple[str, ...]:
    decimals = numbers.decimals_for(verdict.standard_error, look["interval"] or (), (0.0, verdict.margin))
    answer = look["answer"]
    if answer == "big_is_better":
        said = "big is better" if look["beyond_margin"] else "big is better; by more than the margin is open"
    else:
        said = "not taken" if answer is None else _ANSWERS[answer]
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
