"""The section on explanations: whose maps tell better what its answers hang on, and how far each network looks."""

from __future__ import annotations

from deepenough.records import Verdict
from deepenough.records.explanations import Explanations
from deepenough.report.document import Section
from deepenough.report.evidence import Evidence
from deepenough.report.language import later, say
from deepenough.report.naming import METHODS, display_name
from deepenough.report.tables import explaining as tables
from deepenough.report.tables import numbers

_TITLE = later("Which explains itself better")


def section(evidence: Evidence) -> Section | None:
    """Only where `deepenough explain` was run; an answer about another pair or scale is said to be one."""
    found, verdict = evidence.explanations, evidence.verdict
    if found is None:
        return None
    if not same_question(found, verdict):
        said = say("It was measured for another pair, scale or level than the verdict's; anew:")
        lead = say("{said} deepenough explain {folder}", said=said, folder=evidence.folder)
        return Section(key="explanations", title=say(_TITLE), lead=(lead,))
    blocks = (tables.areas(found), *tables.by_scale(found), tables.fields(found))
    return Section(key="explanations", title=say(_TITLE), lead=tuple(sentences(found)), blocks=blocks)


def same_question(found: Explanations, verdict: Verdict) -> bool:
    """Whether it was measured for what the verdict is about."""
    return all(getattr(found, key) == getattr(verdict, key) for key in ("small", "big", "scale", "level"))


def sentences(found: Explanations) -> list[str]:
    """What was done, and what came of it."""
    said = [
        say(
            "{samples} test images at {scale} px were erased, and put back into a blurred copy, in the order of each "
            "network's own {method} map for its own answer; what counts is how much better that is than an order by "
            "chance.",
            samples=numbers.count(found.samples),
            scale=found.scale,
            method=METHODS.get(found.method, (found.method,))[0],
        )
    ]
    for each in found.measures[:2]:
        low, high = each.interval
        better = found.big if low > 0 else found.small if high < 0 else None
        pieces = {
            "gain": f"{numbers.signed(each.difference, 1)} ({numbers.interval(each.interval, 1)})",
            "big": display_name(found.big),
            "measure": say(tables.MEASURES.get(each.metric, each.metric)),
        }
        if better is None:
            said.append(say("By {measure} neither is shown to be better: gain of {big} {gain} points.", **pieces))
        else:
            name = display_name(better)
            said.append(
                say("By {measure} {better} explains itself better: gain of {big} {gain} points.", better=name, **pieces)
            )
    return said
