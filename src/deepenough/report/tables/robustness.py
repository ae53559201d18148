"""Tables of corrupted images: the gain under each corruption, and the means at each severity."""

from __future__ import annotations

from deepenough.records.robustness import ALL, Robustness, UnderCorruption
from deepenough.report.language import later, say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table

TOGETHER, KEPT = later("all together"), later("beside clean")
PAGE_ONLY = (TOGETHER, KEPT)  # columns for which a terminal has no room


def decimals_of(found: Robustness) -> int:
    """As many as two digits of the overall interval's half width take."""
    return numbers.decimals_for(found.overall.gain.standard_error)


def gains(found: Robustness) -> Table:
    """One row a corruption, their mean last."""
    decimals = decimals_of(found)
    names = (found.small, found.big)
    rows = [_row(each, names, decimals) for each in (*found.corruptions, found.overall)]
    level, unit = numbers.confidence(found.level), numbers.level_unit(found.unit)
    heads = [
        say("corruption"),
        *(f"{display_name(name)}, {unit}" for name in names),
        say("gain, {unit}", unit=term(found.unit)),
        say("{level} interval", level=level),
        say(TOGETHER),
        say("p, Holm"),
        say(KEPT),
    ]
    note = say(
        "Severities averaged. All together: intervals that hold at once for all corruptions (Bonferroni). "
        "Beside clean: this gain minus the gain on the images as they are, with its interval."
    )
    strong = [len(rows) - 1]
    return table(
        "robustness-gains",
        say("The gain in {metric} under each corruption", metric=term(found.metric)),
        heads,
        rows,
        note=note,
        strong_rows=strong,
    )


def _row(each: UnderCorruption, names: tuple[str, str], decimals: int) -> tuple[str, ...]:
    kept = numbers.signed(each.kept.difference, decimals)
    return (
        say("mean of all") if each.corruption == ALL else term(each.corruption),
        *(numbers.fixed(each.means[name], decimals) for name in names),
        numbers.signed(each.gain.difference, decimals),
        numbers.interval(each.gain.interval, decimals),
        numbers.interval(each.gain.simultaneous_interval, decimals),
        numbers.probability(each.gain.p_adjusted if each.corruption != ALL else each.gain.p_value),
        f"{kept} ({numbers.interval(each.kept.interval, decimals)})",
    )


def severities(found: Robustness) -> Table:
    """One row a corruption and contender, one column a severity; clean images first."""
    decimals = decimals_of(found)
    rows = [
        (
            f"{say('mean of all') if each.corruption == ALL else term(each.corruption)}, {display_name(name)}",
            numbers.fixed(found.clean[name], decimals),
            *(numbers.fixed(mean, decimals) for mean in each.by_severity[name]),
        )
        for each in (found.overall, *found.corruptions)
        for name in (found.small, found.big)
    ]
    heads = [say("corruption"), say("clean"), *(say("severity {level}", level=level) for level in found.severities)]
    unit = numbers.level_unit(found.unit)
    return table(
        "robustness-severities",
        say("Mean {metric} at each severity, {unit}", metric=term(found.metric), unit=unit),
        heads,
        rows,
    )
