"""Tables and sentences of curves: what each setting reached, where two depths cross, what may lie beyond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepenough.report.language import later, say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table, text_column

TITLES = {
    "images": later("{metric} over the number of training images"),
    "time": later("{metric} over the length of training"),
    "size": later("{metric} over the size of the network"),
    "side": later("{metric} over the image side at test"),
}
UNITS = {
    "images": later("training images"),
    "time": later("epochs"),
    "size": later("million multiply-accumulates"),
    "side": later("px"),
}
_SCALE = {"size": 1e6}


def shown_x(axis: str, x: float) -> str:
    """A place on an axis as its readers know it."""
    value = x / _SCALE.get(axis, 1.0)
    return numbers.count(round(value)) if value >= 10 else numbers.two_digits(value)


def settings(record: Mapping[str, Any], found: Mapping[str, Any]) -> Table:
    """One row a setting of either depth."""
    axis = found["axis"]
    rows = [
        (
            display_name(each["base"]),
            shown_x(axis, each["x"]),
            numbers.level(each["mean"], record["unit"], 1),
            numbers.interval(each["interval"], 1),
        )
        for each in found["points"]
    ]
    heads = [text_column(""), say(UNITS[axis]), term(record["metric"]), say("95 % interval")]
    return table(f"curve{axis}", say(TITLES[axis], metric=term(record["metric"])), heads, rows)


def sentences(record: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Where the curves cross, and what the law says beyond them."""
    return [_crossing(found), *(_beyond(record, found, base) for base in found["bases"] if found["beyond"][base])]


def _crossing(found: Mapping[str, Any]) -> str:
    axis, crossing, unit = found["axis"], found["crossing"], say(UNITS[found["axis"]])
    leads = None if found["leads"] is None else display_name(found["leads"])
    if crossing is None:
        if leads is None:
            return say("The two depths have no size in common here, so where they cross cannot be said.")
        if found["leads_surely"]:
            return say("{leads} leads over all of it, shown at every place.", leads=leads)
        return say("{leads} leads over all of it, though not shown at every place.", leads=leads)
    low, high = (None if crossing[end] is None else shown_x(axis, crossing[end]) for end in ("low", "high"))
    place = shown_x(axis, crossing["x"])
    if low is not None and high is not None:
        return say(_BOUNDED, leads=leads, place=place, unit=unit, low=low, high=high)
    return say(_OPEN, leads=leads, place=place, unit=unit)


_BOUNDED = later("{leads} leads from about {place} {unit} on (95 % interval {low} to {high}).")
_OPEN = later("The curves meet at about {place} {unit}, {leads} above from there; the interval of that place is open.")


def _beyond(record: Mapping[str, Any], found: Mapping[str, Any], base: str) -> str:
    axis, beyond = found["axis"], found["beyond"][base]
    held, unit = beyond["held_out"], record["unit"]
    observed, predicted = (numbers.level(held[name], unit, 1) for name in ("observed", "predicted"))
    name, interval = display_name(base), numbers.interval(held["interval"], 1)
    if not beyond["rows"]:
        return say(
            "{name}: the power law of the other settings foretold {predicted} ({interval}) for the last, which reached "
            "{observed}: it does not hold, and nothing is said beyond.",
            name=name,
            predicted=predicted,
            interval=interval,
            observed=observed,
        )
    x, mean, low, high = beyond["rows"][-1]
    return say(
        "{name}: at {x} {axis}, {mean} ({low} to {high}) if the power law goes on; from the other settings it foretold "
        "{predicted} ({interval}) for the last, which reached {observed}.",
        name=name,
        x=shown_x(axis, x),
        axis=say(UNITS[axis]),
        mean=numbers.level(mean, unit, 1),
        low=numbers.fixed(low, 1),
        high=numbers.fixed(high, 1),
        predicted=predicted,
        interval=interval,
        observed=observed,
    )
