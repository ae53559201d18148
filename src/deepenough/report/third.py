"""The section on third answers: what both networks are worth together; numbers come rounded from `tables`."""

from __future__ import annotations

from collections.abc import Sequence

from deepenough.records import AVERAGE, CASCADE, ThirdAnswers, Verdict
from deepenough.report.document import Section
from deepenough.report.evidence import Evidence
from deepenough.report.language import later, recorded, say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables import third as tables

_TITLE = later("Third answers: both networks together")


def section(evidence: Evidence) -> Section | None:
    """Only where `deepenough cascade` was run; an answer to another question than the verdict's is said to be one."""
    found, verdict = evidence.third, evidence.verdict
    if found is None:
        return None
    if not same_question(found, verdict):
        said = say(
            "They were made for another pair, scale, metric, margin or level than the verdict's; make them anew with"
        )
        return Section(
            key="third",
            title=say(_TITLE),
            lead=(say("{said} deepenough cascade {folder}.", said=said, folder=evidence.folder),),
        )
    from deepenough.report.figures.third import accuracy_over_cost  # now: the sentences alone need no matplotlib

    picture = accuracy_over_cost(found)
    return Section(
        key="third",
        title=say(_TITLE),
        lead=(*sentences(found), *map(recorded, found.notes)),
        blocks=(*([picture] if picture is not None else []), tables.answers(found), tables.gains(found)),
        aside=(tables.thresholds(found),),
    )


def same_question(found: ThirdAnswers, verdict: Verdict) -> bool:
    """Whether the third answers were held against what the verdict was."""
    keys = ("small", "big", "scale", "metric", "unit", "margin", "level")
    return all(getattr(found, key) == getattr(verdict, key) for key in keys)


def sentences(found: ThirdAnswers) -> list[str]:
    """What was found, in a few sentences."""
    small, big, decimals = display_name(found.small), display_name(found.big), tables.decimals_of(found)
    reached, best = found.result(CASCADE), found.result(found.big)
    passed = numbers.share(found.share, 0)
    said = [
        say(
            "A cascade asks {small} first and {big} only where {small} is unsure: on the test images it passes on "
            "{passed} (threshold of each seed chosen on validation: {how}).",
            small=small,
            big=big,
            passed=passed,
            how=_how(found),
        )
    ]
    if reached is not None and best is not None:
        said.append(
            say(
                "It reaches {mean} where {big} alone reaches {best}{price}.",
                mean=numbers.level(reached.mean, found.unit, decimals),
                big=big,
                best=numbers.level(best.mean, found.unit, decimals),
                price=_price(found),
            )
        )
    if found.timing is not None:
        timing = found.timing
        off = numbers.share(abs(timing.measured_s / timing.predicted_s - 1.0))
        here = say(
            "seed {seed}, {images} test images, {rounds} rounds, {precision}",
            seed=timing.seed,
            images=timing.images,
            rounds=timing.rounds,
            precision=timing.precision,
        )
        said.append(
            say(
                "Timed end to end on this machine ({here}): {measured} an image, where {predicted} was predicted "
                "from both networks' own times and the share passed on, {off} apart.",
                here=here,
                measured=numbers.duration(timing.measured_s),
                predicted=numbers.duration(timing.predicted_s),
                off=off,
            )
        )
    together = found.result(AVERAGE)
    if together is not None:
        said.append(
            say(
                "The average of both networks' probabilities, which costs both, reaches {mean}.",
                mean=numbers.level(together.mean, found.unit, decimals),
            )
        )
    return said


def _how(found: ThirdAnswers) -> str:
    if found.declared_share is not None:
        return say("at most {share} passed on there", share=numbers.share(found.declared_share, 0))
    if not found.within:
        return say("the best there, as cheap as can be")
    return say(
        "less than {within} {unit} below the best there, as cheap as can be",
        within=numbers.shortest(found.within),
        unit=term(found.unit),
    )


def _price(found: ThirdAnswers) -> str:
    if not found.costs:
        return ""
    part = found.costs[CASCADE]["latency_s"] / found.costs[found.big]["latency_s"]
    return say(", for {part} of its time an image, as expected from the costs on record", part=numbers.share(part, 0))


def lines(found: ThirdAnswers) -> list[tuple[Sequence[str], list[list[str]]]]:
    """The tables as header and rows of text, for a terminal of 80 columns."""
    shown = []
    for table in (tables.answers(found), tables.gains(found), tables.thresholds(found)):
        kept = [place for place, column in enumerate(table.columns) if column.title != tables.TOGETHER]
        rows = [[row[place].text for place in kept] for row in table.rows]
        shown.append(([table.columns[place].title for place in kept], rows))
    return shown
