"""The section on corrupted images: who holds up under what; numbers come rounded from `tables`."""

from __future__ import annotations

from collections.abc import Sequence

from deepenough.records import Verdict
from deepenough.records.robustness import Robustness
from deepenough.report.document import Section
from deepenough.report.evidence import Evidence
from deepenough.report.language import later, say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables import robustness as tables
from deepenough.report.words import tested

_TITLE = later("Under corruption")
_FROST = later(
    "Frost is drawn by this program, where the paper blends in photographs; lengths in pixels follow the "
    "image side. Compare the networks here, not these figures with published ones."
)


def section(evidence: Evidence) -> Section | None:
    """Only where `deepenough evaluate` was run; an answer to another question than the verdict's is said to be one."""
    found, verdict = evidence.robustness, evidence.verdict
    if found is None:
        return None
    if not same_question(found, verdict):
        said = say("It was measured for another pair, scale, metric, margin or level than the verdict's; anew:")
        return Section(
            key="robustness",
            title=say(_TITLE),
            lead=(say("{said} deepenough evaluate {folder}", said=said, folder=evidence.folder),),
        )
    from deepenough.report.figures.robustness import metric_over_severity

    return Section(
        key="robustness",
        title=say(_TITLE),
        lead=(*sentences(found), say(_FROST)),
        blocks=(metric_over_severity(found), tables.gains(found)),
        aside=(tables.severities(found),),
    )


def same_question(found: Robustness, verdict: Verdict) -> bool:
    """Whether it was measured for what the verdict is about."""
    keys = ("small", "big", "scale", "metric", "unit", "margin", "level")
    return all(getattr(found, key) == getattr(verdict, key) for key in keys)


def sentences(found: Robustness) -> list[str]:
    """What was found, in a few sentences."""
    small, big = display_name(found.small), display_name(found.big)
    gain, kept, decimals = found.overall.gain, found.overall.kept, tables.decimals_of(found)
    count, level = len(found.corruptions), numbers.confidence(found.level)
    what = say("{count} corruptions", count=count) if count > 1 else term(found.corruptions[0].corruption)
    fell = "; ".join(
        say(
            "{name} from {clean} to {mean}",
            name=display_name(name),
            clean=numbers.level(found.clean[name], found.unit, decimals),
            mean=numbers.level(found.overall.means[name], found.unit, decimals),
        )
        for name in (found.small, found.big)
    )
    said = [
        say(
            "On copies of {tested} under {what} at severities {severities}, {scale} px, {metric}: {fell}.",
            tested=tested(found, numbers.count(found.samples)),
            what=what,
            severities=", ".join(map(str, found.severities)),
            scale=found.scale,
            metric=term(found.metric),
            fell=fell,
        ),
        say(
            "Gain in {metric} of {big} over {small} under corruption: {difference} {unit} ({level} interval "
            "{interval}); that is {beside} ({beside_interval}) beside the gain on the images as they are.",
            metric=term(found.metric),
            big=big,
            small=small,
            difference=numbers.signed(gain.difference, decimals),
            unit=term(found.unit),
            level=level,
            interval=numbers.interval(gain.interval, decimals),
            beside=numbers.signed(kept.difference, decimals),
            beside_interval=numbers.interval(kept.interval, decimals),
        ),
    ]
    shown = [each for each in found.corruptions if each.gain.p_adjusted is not None and each.gain.p_adjusted < 0.05]
    if count > 1:
        listed = ", ".join(
            f"{term(each.corruption)} ({numbers.signed(each.gain.difference, decimals)})" for each in shown
        )
        said.append(
            say(
                "Gains shown after correction for {count} corruptions (Holm, 5 %): {listed}.",
                count=count,
                listed=listed,
            )
            if shown
            else say(
                "After correction for {count} corruptions (Holm, 5 %) no single one shows a gain or a loss.",
                count=count,
            )
        )
    return said


def lines(found: Robustness) -> tuple[Sequence[str], list[list[str]]]:
    """The table as header and rows of text, for a terminal of 80 columns; its sentences have named the units."""
    table = tables.gains(found)
    kept = [place for place, column in enumerate(table.columns) if column.title not in tables.PAGE_ONLY]
    heads = [table.columns[place].title.removesuffix(f", {numbers.level_unit(found.unit)}") for place in kept]
    return heads, [[row[place].text for place in kept] for row in table.rows]
