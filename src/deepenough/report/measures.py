"""The sections on the shifted test set, further measures and methods without training; numbers come from `tables`."""

from __future__ import annotations

from deepenough.report import baselines, words
from deepenough.report.document import Section
from deepenough.report.evidence import Evidence
from deepenough.report.language import recorded, say
from deepenough.report.tables import baselines as without_training
from deepenough.report.tables import measures as tables
from deepenough.report.tables.model import Table
from deepenough.report.tables.results import key_facts


def shifted(evidence: Evidence) -> Section | None:
    """Only where the source has a test set from elsewhere: what it would have answered, and that it decided nothing."""
    found = evidence.shifted
    if found is None:
        return None
    return Section(
        key="shifted",
        title=say("On the shifted test set"),
        lead=(words.headline(found), *words.sentences(found), *map(recorded, found.caveats)),
        blocks=(key_facts(found),),
    )


def section(evidence: Evidence) -> Section | None:
    """Only where probabilities were kept: the same runs by further metrics."""
    found = evidence.measures
    if found is None or not found.measures:
        return None
    lead = say("The same networks and images by further measures, each interval by itself; none of them decides.")
    return Section(key="measures", title=say("By other measures"), lead=(lead,), blocks=tables.reached(found))


def without(evidence: Evidence) -> Section | None:
    """Only where the task knows methods without a trained network."""
    verdict = evidence.verdict
    if not verdict.baselines:
        return None
    lead, reached = tuple(baselines.in_words(verdict)), without_training.reached(verdict)
    return Section(key="baselines", title=say("Without a trained network"), lead=lead, blocks=(reached,))


def temperatures(evidence: Evidence) -> Table | None:
    """What temperature scaling does to the confidence; None where nothing was fitted."""
    found = evidence.measures
    return None if found is None or not found.tempered else tables.temperatures(found)
