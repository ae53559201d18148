"""Sections on what was searched for: the network that suits a budget, a learning rate for each, what levers buy."""

from __future__ import annotations

from deepenough.report.document import Section
from deepenough.report.evidence import Evidence
from deepenough.report.figures.ablation import tornado
from deepenough.report.figures.curves import along
from deepenough.report.figures.rates import range_tests
from deepenough.report.figures.tune import frontier
from deepenough.report.language import say
from deepenough.report.tables import ablation, numbers, tune
from deepenough.report.tables.rates import found_rates, tried_rates


def levers(evidence: Evidence) -> Section | None:
    """Only of a study that is an ablation."""
    record = evidence.ablation
    if record is None:
        return None
    lead = (
        say(
            "Each setting changes one thing of its base and was trained with the same seeds; where it is not the "
            "training that changes, on the same batches. {samples} test images, {seeds} trainings of each.",
            samples=numbers.count(record["samples"]),
            seeds=numbers.count(record["seeds"]),
        ),
    )
    shown = (tornado(record) or ablation.effects(record), ablation.interactions(record))
    blocks = tuple(block for block in shown if block is not None)
    return Section(key="ablation", title=say("What each lever buys"), lead=lead, blocks=blocks)


def structure(evidence: Evidence) -> Section | None:
    """Only of the study of a search's winner."""
    record = evidence.tune
    if record is None or record.get("contender") not in {each.contender for each in evidence.verdict.contenders}:
        return None
    lead = (
        say(
            "{contender} won a search: {trained} networks were trained to their end, {ended} ended early, none above "
            "the budget, on {samples} validation images. Here it was trained anew, with seeds that the search did not "
            "have, and tested on images that it never saw.",
            contender=record["contender"],
            trained=numbers.count(len(tune.best_first(record))),
            ended=numbers.count(len(tune.ended(record))),
            samples=numbers.count(record["samples"]),
        ),
    )
    shown = (frontier(record) or tune.trials(record), tune.parts(record))
    blocks = tuple(block for block in shown if block is not None)
    return Section(key="search", title=say("The search"), lead=lead, blocks=blocks)


def curves(evidence: Evidence) -> Section | None:
    """Only where curves were drawn."""
    record = evidence.curves
    if record is None:
        return None
    lead = (
        say(
            "Between settings that were trained a curve is the straight line over the logarithm of what is spent. "
            "Bands are 95 % intervals over seeds and images; the shade is the interval of the place where the depths "
            "cross. Dotted is what a power law says, where it foretold the last setting from the others."
        ),
    )
    blocks = tuple(along(record, found) for found in record["curves"])
    return Section(key="curves", title=say("Curves"), lead=lead, blocks=blocks)


def rates(evidence: Evidence) -> Section | None:
    """Only where learning rates were looked for."""
    if not evidence.rates:
        return None
    lead = (
        say(
            "Before its first training each network was tried at growing learning rates, on copies and on training "
            "images alone. A step at a rate below the interval changes little; at its upper end the loss turns up."
        ),
    )
    tried = tried_rates(evidence.rates) if any(each.get("tried") for each in evidence.rates.values()) else None
    shown = (range_tests(evidence.rates, evidence.verdict), found_rates(evidence.rates), tried)
    blocks = tuple(block for block in shown if block is not None)
    return Section(key="rates", title=say("Learning rates"), lead=lead, blocks=blocks)
