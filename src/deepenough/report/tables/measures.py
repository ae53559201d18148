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
    untrained = list(dict.fromkeys(name for each in measures for name in each.baselines))
    mixed = len({each.unit for each in measures}) > 1  # then each field bears its own
    rows = []
    for each in measures:
        decimals = numbers.decimals_for((each.interval[1] - each.interval[0]) / 4)

        def level(value: float, each: Measure = each, decimals: int = decimals) -> str:
            return numbers.level(value, each.unit, decimals) if mixed else numbers.fixed(value, decimals)

        row = [Cell(recorded(each.metric))]
        for name in (found.small, found.big):
            ends = each.intervals[name]
            row.append(Cell(level(each.means[name]), sub="" if ends is None else numbers.interval(ends, decimals)))
        gained = numbers.signed(each.difference, decimals) + (f" {term(each.unit)}" if mixed else "")
        gain = Cell(gained, sub=numbers.interval(each.interval, decimals))
        beside = [Cell(level(each.baselines[name]) if name in each.baselines else numbers.ABSENT) for name in untrained]
        rows.append([*row, gain, *beside, Cell(numbers.count(each.samples))])
    title = say("On {of} at {scale} px", of=say(_SPLITS[split]), scale=found.scale)
    note = say(
        "Below: {level} intervals. A threshold is chosen on validation and taken as given.",
        level=numbers.confidence(found.level),
    )
    unit, names = measures[0].unit, [display_name(name) for name in (found.small, found.big)]
    names = names if mixed else [f"{name}, {numbers.level_unit(unit)}" for name in names]
    gain = say("gain") if mixed else say("gain, {unit}", unit=term(unit))
    heads = [text_column(say("measure")), *names, gain, *map(term, untrained), say("samples")]
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
