"""Tables of the learning rates that range tests found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepenough.report.language import say
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table, text_column


def found_rates(rates: Mapping[str, Any]) -> Table:
    """One row a contender: what was taken, the interval of useful rates, and how far the tests agree."""
    rows = [
        (
            display_name(name),
            numbers.plain(float(found["rate"])),
            say("{low} to {high}", low=numbers.two_digits(found["low"]), high=numbers.two_digits(found["high"])),
            numbers.share(found["agreement"], 0),
            numbers.ratio(found["spread"]),
            found.get("note", ""),
        )
        for name, found in rates.items()
    ]
    heads = ["", say("learning rate"), say("interval"), say("tests agree on"), say("middles differ by")]
    note = say(
        "The tests agree on so much of the intervals together. From the middle of what they say, short trainings climb "
        "to the rate that leaves the least loss; without any the middle is taken."
    )
    columns = [*heads, text_column("", wraps=True)]
    return table("foundrates", say("Learning rates that were found"), columns, rows, note=note)


def tried_rates(rates: Mapping[str, Any]) -> Table:
    """The short trainings that settled the rates: one row each."""
    rows = [
        (
            display_name(name),
            numbers.two_digits(each["rate"]),
            say("no number") if each["loss"] is None else numbers.fixed(each["loss"], 3),
        )
        for name, found in rates.items()
        for each in found.get("tried", ())
    ]
    heads = ["", say("learning rate"), say("loss")]
    return table("triedrates", say("Loss at the end of short trainings"), heads, rows)


def curves(rates: Mapping[str, Any]) -> Table:
    """The data behind the picture of the tests: every fourth step."""
    rows = [
        (
            display_name(name),
            str(number),
            numbers.two_digits(test["rates"][step]),
            numbers.fixed(test["losses"][step], 3),
        )
        for name, found in rates.items()
        for number, test in enumerate(found["tests"], start=1)
        for step in range(0, len(test["losses"]), 4)
    ]
    heads = ["", say("test"), say("learning rate"), say("loss")]
    return table("rangetests", say("Loss over the learning rate"), heads, rows)
