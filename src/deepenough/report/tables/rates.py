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
    heads = ["", say("learning rate"), say("interval"), say("tests agree on"), say("picks differ by")]
    note = say("The rate is the geometric mean of the tests' picks; they agree on so much of the intervals together.")
    columns = [*heads, text_column("", wraps=True)]
    return table("foundrates", say("Learning rates that were found"), columns, rows, note=note)


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
