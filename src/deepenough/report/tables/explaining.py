"""Tables of explanations: areas under the curves of erased pictures, and receptive fields."""

from __future__ import annotations

from deepenough.records import Measure
from deepenough.records.explanations import Explanations
from deepenough.report.language import later, say
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Cell, Table, table, text_column

MEASURES = {
    "deletion beyond chance": later("deletion beyond chance"),
    "insertion beyond chance": later("insertion beyond chance"),
    "1 - deletion": later("1 - deletion"),
    "insertion": later("insertion"),
}


def areas(found: Explanations) -> Table:
    """One row a measure: both networks and the gain, intervals below."""
    heads = [text_column(say("measure")), *(display_name(name) for name in (found.small, found.big)), say("gain")]
    note = say(
        "Areas times 100; higher explains better. Below: {level} intervals, those beyond chance hold all at once. "
        "Without chance taken off, a network that is surer of itself has higher areas.",
        level=numbers.confidence(found.level),
    )
    rows = [_row(found, each) for each in found.measures]
    return table("explanations", say("What is left of the answer's probability"), heads, rows, note=note)


def _row(found: Explanations, each: Measure) -> list[Cell]:
    row = [Cell(say(MEASURES.get(each.metric, each.metric)))]
    for name in (found.small, found.big):
        ends = each.intervals[name]
        row.append(Cell(numbers.fixed(each.means[name], 1), sub="" if ends is None else numbers.interval(ends, 1)))
    return [*row, _gain(each)]


def by_scale(found: Explanations) -> list[Table]:
    """One row a scale, the gains beyond chance across; none where one scale was asked."""
    if not found.further:
        return []
    measured = {found.scale: found.measures} | {each.scale: each.measures for each in found.further}
    beyond = [each.metric for each in found.measures[:2]]
    rows = []
    for scale, measures in sorted(measured.items()):
        known = {each.metric: each for each in measures}
        rows.append([Cell(f"{scale} px"), *(_gain(known[metric]) for metric in beyond)])
    heads = [text_column(say("scale")), *(say(MEASURES[metric]) for metric in beyond)]
    note = say(
        "Gain of {big}, areas times 100; below: {level} intervals that hold at all scales at once. Each map explains "
        "the network's own answer at that scale.",
        big=display_name(found.big),
        level=numbers.confidence(found.level),
    )
    return [table("explanations-by-scale", say("The gain at each scale"), heads, rows, note=note)]


def _gain(each: Measure) -> Cell:
    return Cell(numbers.signed(each.difference, 1), sub=numbers.interval(each.interval, 1))


def fields(found: Explanations) -> Table:
    """One row a contender, one column a stage."""
    stages = sorted({each.stage for each in found.receptive})
    sides = {(each.contender, each.stage): each.sides for each in found.receptive}
    rows = [
        [Cell(display_name(name)), *(_sides(sides[name, stage]) for stage in stages)]
        for name in (found.small, found.big)
    ]
    note = say(
        "Side in pixels of the square that holds {held} of what the centre of a stage's map hangs on (sizes of "
        "slopes), mean over seeds, range below; images are {scale} px.",
        held=numbers.share(found.held),
        scale=found.scale,
    )
    heads = [text_column(say("network")), *(say("stage {stage}", stage=stage) for stage in stages)]
    return table("receptive-fields", say("Effective receptive field"), heads, rows, note=note)


def _sides(sides: list[int]) -> Cell:
    below = f"{min(sides)}–{max(sides)}" if len(set(sides)) > 1 else ""
    return Cell(numbers.fixed(sum(sides) / len(sides), 0), sub=below)
