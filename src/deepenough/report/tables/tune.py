"""Tables of a search under a budget: its trials, and which parts of the space mattered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepenough.report.language import say, term
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table, text_column

_SHOWN = 60  # characters of a contender


def best_first(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The trials that came to their end, the best first."""
    last = str(record["rungs"][-1])
    done = [each for each in record["trials"] if each["status"] == "trained"]
    return sorted(done, key=lambda each: (-each["rungs"][last]["mean"], each["number"]))


def ended(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The trials that a rung ended, in their order."""
    return [each for each in record["trials"] if each["status"] == "ended"]


def trials(record: Mapping[str, Any]) -> Table:
    """One row a trial that was trained: those that came to their end, the best first, then those that a rung ended."""
    rows = [_row(record, each, str(record["rungs"][-1])) for each in best_first(record)]
    rows += [_row(record, each, max(each["rungs"], key=int)) for each in ended(record)]
    heads = [
        say("trial"),
        text_column(say("network")),
        say("epochs"),
        say("{metric} on validation", metric=term(record["metric"])),
        say("MACs, M"),
        say("weights, M"),
        say("ended by"),
    ]
    note = say(
        "A trial is ended where a paired test on the validation images shows it worse than the best so far after as "
        "many epochs; the interval is of its difference to that, at the test's own level. What the best of several "
        "scored on validation flatters it: the verdict is from fresh seeds and test images."
    )
    return table("trials", say("Trials"), heads, rows, note=note)


def parts(record: Mapping[str, Any]) -> Table | None:
    """How much each part of the space has to do with being among the best; None where too few trials ended."""
    found = sorted(record["importances"].items(), key=lambda item: -item[1])
    rows = [(name, numbers.share(value, 0)) for name, value in found]
    heads = [text_column(say("part of the space")), say("importance")]
    note = say("PED-ANOVA over the trials that came to their end; from so few it says where to look, no more.")
    return table("importances", say("What mattered in the search"), heads, rows, note=note) if rows else None


def _row(record: Mapping[str, Any], trial: Mapping[str, Any], epoch: str) -> tuple[str, ...]:
    judged, unit = trial["rungs"][epoch], record["multiplier"]
    against = ""
    if trial["status"] == "ended" and judged["interval"] is not None:
        interval = numbers.interval([unit * end for end in judged["interval"]], 1)
        against = say("{interval} against {trial}", interval=interval, trial=judged["best"])
    return (
        str(trial["number"]),
        numbers.shortened(trial["contender"], _SHOWN),
        epoch,
        numbers.level(unit * judged["mean"], record["unit"], 1),
        numbers.millions(trial["macs"]),
        numbers.millions(trial["parameters"]),
        against,
    )
