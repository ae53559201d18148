"""Tables of the third answers: what each reaches and costs, the gains, and each seed's threshold."""

from __future__ import annotations

from deepenough.records import CASCADE, PairResult, ThirdAnswers
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table, text_column

TOGETHER = "all together"


def decimals_of(found: ThirdAnswers) -> int:
    """As many as two digits of a middling interval's half width take."""
    errors = sorted(pair.standard_error for pair in found.pairs)
    return numbers.decimals_for(errors[len(errors) // 2] if errors else 0.0)


def answers(found: ThirdAnswers) -> Table:
    """One row a contender: mean, interval, expected time and arithmetic an image."""
    decimals, unit = decimals_of(found), numbers.level_unit(found.unit)
    rows = []
    for each in found.contenders:
        cost = found.costs.get(each.contender, {})
        rows.append(
            (
                display_name(each.contender),
                numbers.fixed(each.mean, decimals),
                numbers.interval(each.interval, decimals),
                numbers.milliseconds(cost.get("latency_s")),
                numbers.billions(cost.get("macs")),
            )
        )
    heads = ["contender", f"{found.metric}, {unit}", f"{numbers.confidence(found.level)} interval", "ms", "GMAC"]
    note = (
        "ms and GMAC an image: of the networks as on record, median at the smallest batch; of the cascade expected, "
        "the small network's and the share passed on of the big one's."
    )
    return table("third-answers", f"Both networks, alone and together, at {found.scale} px", heads, rows, note=note)


def gains(found: ThirdAnswers) -> Table:
    """One row a comparison, the dearer over the cheaper."""
    decimals = decimals_of(found)
    rows = [
        (
            f"{display_name(pair.big)} over {display_name(pair.small)}",
            numbers.signed(pair.difference, decimals),
            numbers.interval(pair.interval, decimals),
            numbers.interval(pair.simultaneous_interval, decimals),
            numbers.probability(pair.p_adjusted),
            _answer(pair),
        )
        for pair in found.pairs
    ]
    level = numbers.confidence(found.level)
    heads = ["gain of", f"gain, {found.unit}", f"{level} interval", TOGETHER, "p, Holm", text_column("alone")]
    note = (
        f"Taken alone, against the margin of {numbers.shortest(found.margin)}. All together: intervals that hold at "
        "once (Bonferroni). Holm: corrected for the comparisons here."
    )
    return table("third-gains", "What the dearer of two gains", heads, rows, note=note)


def _answer(pair: PairResult) -> str:
    small, big = display_name(pair.small), display_name(pair.big)
    return {
        "small_is_enough": f"{small} is enough",
        "small_is_better": f"{small} is better",
        "big_is_better": f"{big} is better",
    }.get(pair.answer, "undecided")


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
    heads = ["seed", "threshold", "passed, val.", f"val., {unit}", "passed, test", f"test, {unit}"]
    note = "The threshold of confidence, chosen on validation, and the share of images passed on."
    return table("third-thresholds", "The cascade of each seed", heads, rows, note=note)


def curve(found: ThirdAnswers) -> Table:
    """The data behind the figure."""
    first, second = (found.costs[name]["latency_s"] for name in (found.small, found.big))
    points = [
        (
            f"cascade, {numbers.share(point['share'], 0)} passed on",
            numbers.milliseconds(first + point["share"] * second),
            numbers.fixed(point["mean"], 2),
        )
        for point in found.curve
    ]
    own = [
        (
            f"{display_name(each.contender)}{', as chosen' if each.contender == CASCADE else ''}",
            numbers.milliseconds(found.costs[each.contender]["latency_s"]),
            numbers.fixed(each.mean, 2),
        )
        for each in found.contenders
    ]
    heads = ["contender", "ms an image", f"{found.metric}, {numbers.level_unit(found.unit)}"]
    return table("third-curve", "The figure's data", heads, [*own, *points])
