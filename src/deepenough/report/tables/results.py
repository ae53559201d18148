"""Tables of the verdict: contender by scale, the pairs, the cells, and the designs that would settle what is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deepenough.records import ContenderResult, PairResult, Verdict
from deepenough.report import words
from deepenough.report.evidence import CellRecord
from deepenough.report.language import recorded, say, term
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Cell, Column, Table, table, text_column


def key_facts(verdict: Verdict) -> Table:
    """The numbers of the decision itself, one a row."""
    decimals = words.decimals_of(verdict)
    degrees = verdict.degrees_of_freedom
    rows = [
        (
            say("gain of {big}", big=words.display_name(verdict.big)),
            f"{numbers.signed(verdict.difference, decimals)} {term(verdict.unit)}",
        ),
        (
            say("{level} interval", level=numbers.confidence(verdict.level)),
            f"{numbers.interval(verdict.interval, decimals)} {term(verdict.unit)}",
        ),
        (say("margin"), numbers.amount(numbers.shortest(verdict.margin), verdict.unit)),
        (say("standard error"), f"{numbers.fixed(verdict.standard_error, decimals)} {term(verdict.unit)}"),
        (say("p-value (no difference)"), numbers.probability(verdict.p_value)),
        (say("degrees of freedom"), numbers.ABSENT if degrees is None else numbers.fixed(degrees, 1)),
        (say("test images"), numbers.count(verdict.samples)),
        (say("training runs"), _runs(verdict)),
        (
            say("scale"),
            say("{scale} px, {chosen}", scale=verdict.scale, chosen=_chosen(verdict))
            if verdict.scale > 0
            else say("not stated"),
        ),
        (say("scope"), term(verdict.scope)),
        (say("method"), recorded(verdict.method)),
    ]
    return table("facts", say("The decision in numbers"), ["", text_column("")], rows)


def _runs(verdict: Verdict) -> str:
    return ", ".join(
        f"{words.display_name(name)}: {numbers.count(len(seeds))}" for name, seeds in verdict.seeds.items()
    )


def _chosen(verdict: Verdict) -> str:
    return {
        "validation": say("chosen on validation"),
        "only_scale": say("the only one"),
        "declared": say("declared beforehand"),
    }.get(verdict.scale_chosen_on, say("chosen on {where}", where=verdict.scale_chosen_on))


def scales(verdict: Verdict) -> Table:
    """One row a scale, one column a contender: mean and interval; the gain with its interval beside."""
    names = contender_order(verdict)
    by_key = {(entry.contender, entry.scale): entry for entry in verdict.contenders}
    gains = {pair.scale: pair for pair in deciding_pairs(verdict)}
    decimals = words.decimals_of(verdict)
    sides = sorted({entry.scale for entry in verdict.contenders})
    unit = numbers.level_unit(verdict.unit)
    heads = [say("image side, px"), *(f"{words.display_name(name)}, {unit}" for name in names)]
    heads += [say("gain, {unit}", unit=term(verdict.unit)), say("p")] if gains else []
    rows = []
    for side in sides:
        row = [Cell(str(side)), *(_reached(by_key.get((name, side)), decimals) for name in names)]
        rows.append(row + (_gain_cells(gains.get(side), decimals) if gains else []))
    strong = [index for index, side in enumerate(sides) if side == verdict.scale]
    return table(
        "scales",
        say(
            "Mean {metric} over seeds on the test images, {level} interval below",
            metric=term(verdict.metric),
            level=numbers.confidence(verdict.level),
        ),
        heads,
        rows,
        note=say("The marked row decided. The p-values of the others are corrected for their number (Holm).")
        if len(sides) > 1 and gains
        else "",
        strong_rows=strong,
    )


def _reached(entry: ContenderResult | None, decimals: int) -> Cell:
    if entry is None:
        return Cell(numbers.ABSENT)
    return Cell(
        numbers.fixed(entry.mean, decimals),
        sub="" if entry.interval is None else numbers.interval(entry.interval, decimals),
    )


def _gain_cells(pair: PairResult | None, decimals: int) -> list[Cell]:
    if pair is None:
        return [Cell(numbers.ABSENT), Cell(numbers.ABSENT)]
    return [
        Cell(numbers.signed(pair.difference, decimals), sub=numbers.interval(pair.interval, decimals)),
        Cell(numbers.probability(pair.p_value if pair.p_adjusted is None else pair.p_adjusted)),
    ]


def contender_order(verdict: Verdict) -> list[str]:
    """The deciding pair first, then the others in the verdict's order; every view keeps this order and its colours."""
    others = [entry.contender for entry in verdict.contenders]
    return list(dict.fromkeys([verdict.small, verdict.big, *others]))


def deciding_pairs(verdict: Verdict) -> list[PairResult]:
    """The pair that decides, at every scale at which it was compared, by scale."""
    same = [pair for pair in verdict.pairs if (pair.small, pair.big) == (verdict.small, verdict.big)]
    return sorted(same, key=lambda pair: pair.scale)


def pairs(verdict: Verdict) -> Table:
    """Every comparison that was made, with its corrected p-value and, where there is one, its corrected interval."""
    decimals = words.decimals_of(verdict)
    together = any(pair.simultaneous_interval is not None for pair in verdict.pairs)
    rows = [
        (
            say("{big} over {small}", big=words.display_name(pair.big), small=words.display_name(pair.small)),
            str(pair.scale),
            numbers.signed(pair.difference, decimals),
            numbers.interval(pair.interval, decimals),
            numbers.probability(pair.p_value),
            numbers.probability(pair.p_adjusted),
            *([_together(pair, decimals)] if together else []),
            _pair_answer(pair),
        )
        for pair in verdict.pairs
    ]
    level = numbers.confidence(verdict.level)
    heads = [
        say("gain of"),
        say("px"),
        say("gain, {unit}", unit=term(verdict.unit)),
        say("{level} interval", level=level),
        say("p"),
        say("p, Holm"),
    ]
    heads += [*([say("{level} for all together", level=level)] if together else []), text_column(say("taken alone"))]
    note = say("Holm: corrected for all comparisons but the deciding one.")
    note += say(" All together: intervals that hold at once for the same (Bonferroni).") if together else ""
    return table("pairs", say("Every comparison made"), heads, rows, note=note)


def _together(pair: PairResult, decimals: int) -> str:
    ends = pair.simultaneous_interval
    return numbers.ABSENT if ends is None else numbers.interval(ends, decimals)


def _pair_answer(pair: PairResult) -> str:
    small, big = words.display_name(pair.small), words.display_name(pair.big)
    return {
        "small_is_enough": say("{small} is enough", small=small),
        "small_is_better": say("{small} is better", small=small),
        "big_is_better": say("{big} is better", big=big),
    }.get(pair.answer, say("undecided"))


def designs(verdict: Verdict) -> Table | None:
    """Seeds and images that would settle an open question, or None where there is nothing to settle."""
    needed = verdict.needed
    if needed is None or not (needed.guaranteed or needed.likely):
        return None
    sure, likely, upper = (
        {int(design["seeds"]): design for design in designs or ()}
        for designs in (needed.guaranteed, needed.likely, needed.guaranteed_at_upper_sd)
    )
    counts = sorted(sure.keys() | likely.keys() | upper.keys())
    columns = {
        say("seeds of each network"): [numbers.count(k) for k in counts],
        say("test images, likely to settle it"): [_images(likely.get(k)) for k in counts],
        say("test images, sure to settle it"): [_images(sure.get(k)) for k in counts],
    }
    note = say(
        "Likely: 80 %, if the truth is as measured. Sure: whatever the truth is, where the interval comes out as "
        "wide as foretold. A dash: no number of images does."
    )
    if needed.guaranteed_at_upper_sd is not None:
        columns[say("sure, if seeds vary more")] = [_images(upper.get(k)) for k in counts]
        note += say(" If seeds vary more: the spread of each network's seeds at its 80 % upper bound.")
    if needed.labels_share is not None:
        best = {**likely, **sure}
        columns[say("new labels")] = [_labels(best.get(k), needed.labels_share) for k in counts]
        note += say(
            " New labels: of the added images (sure, else likely), those on which runs disagree as often as here."
        )
    return table(
        "designs", say("What it would take"), list(columns), list(zip(*columns.values(), strict=True)), note=note
    )


def _labels(design: Mapping[str, float] | None, share: float) -> str:
    return numbers.ABSENT if design is None else numbers.at_least(share * design["more_samples"])


def _images(design: Mapping[str, float] | None) -> str:
    return numbers.ABSENT if design is None else numbers.at_least(design["samples"])


def cells(verdict: Verdict, trained: Sequence[CellRecord]) -> Table:
    """One row a cell: what it reached at the deciding scale, how it ended and how long it trained."""
    reached = {entry.contender: entry.per_seed for entry in verdict.contenders if entry.scale == verdict.scale}
    status = {(cell.contender, cell.seed): cell for cell in trained}
    known = {(name, seed) for name, seeds in reached.items() for seed in seeds} | status.keys()
    order = {name: index for index, name in enumerate(contender_order(verdict))}
    rows = []
    for name, seed in sorted(known, key=lambda key: (order.get(key[0], len(order)), key)):
        cell = status.get((name, seed))
        rows.append(
            (
                words.display_name(name),
                str(seed),
                numbers.fixed(reached.get(name, {}).get(seed), words.decimals_of(verdict)),
                numbers.fixed(last_validation(cell, verdict), 1),
                numbers.ABSENT if cell is None else term(cell.status),
                numbers.ABSENT if cell is None else numbers.count(cell.steps),
                numbers.duration(trained_s(cell)),
            )
        )
    unit = numbers.level_unit(verdict.unit)
    heads = [
        say("contender"),
        say("seed"),
        say("test {metric}, {unit}", metric=term(verdict.metric), unit=unit),
        say("last validation, {unit}", unit=unit),
        text_column(say("ended")),
        say("steps"),
        Column(say("training time")),
    ]
    return table("cells", say("Every training run, tested at {scale} px", scale=verdict.scale), heads, rows)


def factor(verdict: Verdict) -> float:
    """Shown value of a mean score of 1."""
    return 100.0 if verdict.unit == "points" else 1.0


def last_validation(cell: CellRecord | None, verdict: Verdict) -> float | None:
    """The last mean score on validation that was measured, as shown."""
    if cell is None or cell.history is None:
        return None
    measured = cell.history["val_accuracy"].drop_nulls()
    return None if measured.is_empty() else factor(verdict) * float(measured[-1])


def trained_s(cell: CellRecord | None) -> float | None:
    """Seconds this cell trained."""
    if cell is None or cell.history is None or cell.history.is_empty():
        return None
    return float(cell.history["elapsed_s"][-1])
