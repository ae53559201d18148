"""Tables of the third answers: what each reaches and costs, the gains, and each seed's threshold."""

from __future__ import annotations

from deepenough.records import AVERAGE, CASCADE, PairResult, ThirdAnswers
from deepenough.report.language import later, say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table, text_column

TOGETHER = later("all together")


def decimals_of(found: ThirdAnswers) -> int:
    """As many as two digits of a middling interval's half width take."""
    errors = sorted(pair.standard_error for pair in found.pairs)
    return numbers.decimals_for(errors[len(errors) // 2] if errors else 0.0)


def name_of(contender: str) -> str:
    """A contender of these tables as its readers know it."""
    known = {CASCADE: say("cascade"), AVERAGE: say("average")}
    return known.get(contender) or display_name(contender)


def answers(found: ThirdAnswers) -> Table:
    """One row a contender: mean, interval, expected time and arithmetic an image."""
    decimals, unit = decimals_of(found), numbers.level_unit(found.unit)
    rows = []
    for each in found.contenders:
        cost = found.costs.get(each.contender, {})
        rows.append(
            (
                name_of(each.contender),
                numbers.fixed(each.mean, decimals),
                numbers.interval(each.interval, decimals),
                numbers.milliseconds(cost.get("latency_s")),
                numbers.billions(cost.get("macs")),
            )
        )
    heads = [
        say("contender"),
        f"{term(found.metric)}, {unit}",
        say("{level} interval", level=numbers.confidence(found.level)),
        "ms",
        say("GMAC"),
    ]
    note = say(
        "ms and GMAC an image: of the networks as on record, median at the smallest batch; of the cascade "
        "expected, the small network's and the share passed on of the big one's."
    )
    return table(
        "third-answers",
        say("Both networks, alone and together, at {scale} px", scale=found.scale),
        heads,
        rows,
        note=note,
    )


def gains(found: ThirdAnswers) -> Table:
    """One row a comparison, the dearer over the cheaper."""
    decimals = decimals_of(found)
    rows = [
        (
            say("{big} over {small}", big=name_of(pair.big), small=name_of(pair.small)),
            numbers.signed(pair.difference, decimals),
            numbers.interval(pair.interval, decimals),
            numbers.interval(pair.simultaneous_interval, decimals),
            numbers.probability(pair.p_adjusted),
            _answer(pair),
        )
        for pair in found.pairs
    ]
    level = numbers.confidence(found.level)
    heads = [
        say("gain of"),
        say("gain, {unit}", unit=term(found.unit)),
        say("{level} interval", level=level),
        say(TOGETHER),
        say("p, Holm"),
        text_column(say("alone")),
    ]
    note = say(
        "Taken alone, against the margin of {margin}. All together: intervals that hold at once (Bonferroni). "
        "Holm: corrected for the comparisons here.",
        margin=numbers.shortest(found.margin),
    )
    return table("third-gains", say("What the dearer of two gains"), heads, rows, note=note)


def _answer(pair: PairResult) -> str:
    small, big = name_of(pair.small), name_of(pair.big)
    return {
        "small_is_enough": say("{small} is enough", small=small),
        "small_is_better": say("{small} is better", small=small),
        "big_is_better": say("{big} is better", big=big),
    }.get(pair.answer, say("undecided"))


def thresholds(found: ThirdAnswers) -> Table:
    """One row a seed."""
    decimals, unit = decimals_of(found), numbers.level_unit(found.unit)
    rows = [
        (
            str(each.seed),
            numbers.fixed(each.threshold, 3),
            numbers.share(each.validation_share),
            numbers.fixed(each.validation_mean, decimals),
            numbers.share(each.share),
            numbers.fixed(each.mean, decimals),
        )
        for each in found.thresholds
    ]
    heads = [
        say("seed"),
        say("threshold"),
        say("passed, val."),
        say("val., {unit}", unit=unit),
        say("passed, test"),
        say("test, {unit}", unit=unit),
    ]
    note = say("The threshold of confidence, chosen on validation, and the share of images passed on.")
    return table("third-thresholds", say("The cascade of each seed"), heads, rows, note=note)


def curve(found: ThirdAnswers) -> Table:
    """The data behind the figure."""
    first, second = (found.costs[name]["latency_s"] for name in (found.small, found.big))
    points = [
        (
            say("cascade, {share} passed on", share=numbers.share(point["share"], 0)),
            numbers.milliseconds(first + point["share"] * second),
            numbers.fixed(point["mean"], 2),
        )
        for point in found.curve
    ]
    own = [
        (
            f"{name_of(each.contender)}{say(', as chosen') if each.contender == CASCADE else ''}",
            numbers.milliseconds(found.costs[each.contender]["latency_s"]),
            numbers.fixed(each.mean, 2),
        )
        for each in found.contenders
    ]
    heads = [say("contender"), say("ms an image"), f"{term(found.metric)}, {numbers.level_unit(found.unit)}"]
    return table("third-curve", say("The figure's data"), heads, [*own, *points])
