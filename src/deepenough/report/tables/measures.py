"""Tables of what was measured beside the verdict: further metrics, and temperatures."""

from __future__ import annotations

from deepenough.records import Measure, Measures
from deepenough.report.language import later, recorded, say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Cell, Table, table, text_column

_SPLITS = {
    "test": later("test images"),
    "test_shifted": later("shifted test images"),
    "validation": later("validation images"),
}


def reached(found: Measures) -> tuple[Table, ...]:
    """A table a split: one row a metric, what both reach and the gain, intervals below."""
    splits = dict.fromkeys(each.split for each in found.measures)
    return tuple(_of_split(found, split, [each for each in found.measures if each.split == split]) for split in splits)


def _of_split(found: Measures, split: str, measures: list[Measure]) -> Table:
    rows, untrained = [], list(dict.fromkeys(name for each in measures for name in each.baselines))
    for each in measures:
        decimals = numbers.decimals_for((each.interval[1] - each.interval[0]) / 4)
        row = [Cell(recorded(each.metric))]
        for name in (found.small, found.big):
            ends = each.intervals[name]
            below = "" if ends is None else numbers.interval(ends, decimals)
            row.append(Cell(numbers.fixed(each.means[name], decimals), sub=below))
        gain = Cell(numbers.signed(each.difference, decimals), sub=numbers.interval(each.interval, decimals))
        beside = [
            Cell(numbers.fixed(each.baselines[name], decimals) if name in each.baselines else numbers.ABSENT)
            for name in untrained
        ]
        rows.append([*row, gain, *beside, Cell(numbers.count(each.samples))])
    first = measures[0]
    shown, unit = numbers.level_unit(first.unit), term(first.unit)
    title = say("On {of} at {scale} px", of=say(_SPLITS[split]), scale=found.scale)
    note = say(
        "Below: {level} intervals. A threshold is chosen on validation and taken as given.",
        level=numbers.confidence(found.level),
    )
    names = (f"{display_name(name)}, {shown}" for name in (found.small, found.big))
    heads = [text_column(say("measure")), *names, say("gain, {unit}", unit=unit), *map(term, untrained), say("samples")]
    return table(f"measures-{split.replace('_', '-')}", title, heads, rows, note=note)


def temperatures(found: Measures) -> Table:
    """One row a contender and split: the calibration error before and after, and what chance alone makes of it."""
    rows = [
        (
            display_name(each.contender),
            say(_SPLITS[each.split]),
            numbers.count(each.samples),
            ", ".join(numbers.fixed(value, 2) for value in each.temperatures),
            Cell(numbers.share(each.error), sub=_shares(each.interval)),
            Cell(numbers.share(each.error_after), sub=_shares(each.interval_after)),
            numbers.share(each.by_chance_after),
        )
        for each in found.tempered
    ]
    heads = [
        say("contender"),
        text_column(say("on")),
        say("number"),
        say("temperature by seed"),
        say("calibration error"),
        say("error after"),
        say("by chance alone"),
    ]
    note = say(
        "Logits are divided by one number a network, fitted on validation (Guo et al. 2017). Errors (ECE, 15 bins) are "
        "means over seeds; below, 95 % over resampled images, which lean upwards, as an error is never below 0."
    )
    return table("temperatures", say("Confidence before and after temperature scaling"), heads, rows, note=note)


def _shares(ends: tuple[float, float]) -> str:
    return say("{low} to {high}", low=numbers.share(ends[0]), high=numbers.share(ends[1]))
