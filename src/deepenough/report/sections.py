"""The report as a document: which sections there are, in which order, and what each shows.

A section is a title, a few sentences and blocks (`Picture`, `Table`, `Gallery`, `Twins`, `Listing`); the page and the
text render the same document, so neither can say what the other does not. A new kind of evidence is a new function in
`SECTIONS`; a new kind of block needs a template and a line of Markdown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from deepenough import comparison
from deepenough.records import Verdict
from deepenough.report import (
    costing,
    explaining,
    mapping,
    measures,
    protocol,
    published,
    robustness,
    searching,
    stopping,
    third,
    words,
)
from deepenough.report.differing import differing_images, how_many
from deepenough.report.document import Block, Document, Section
from deepenough.report.evidence import Evidence
from deepenough.report.exhibits import exhibits
from deepenough.report.figures.calibration import reliability
from deepenough.report.figures.noise import noise_parts
from deepenough.report.figures.scale import accuracy_over_scale, gain_over_scale
from deepenough.report.figures.slices import gain_per_slice
from deepenough.report.figures.training import training_curves
from deepenough.report.figures.verdict import verdict_picture
from deepenough.report.gallery import gallery, twins
from deepenough.report.language import recorded, say, term
from deepenough.report.noise import account_in_words, gap_in_words
from deepenough.report.panel import panel
from deepenough.report.slices import images_of_slices, lead
from deepenough.report.tables import calibration, data, machine, noise, numbers, results


def document(evidence: Evidence) -> Document:
    """Arrange what a study left behind."""
    verdict = evidence.verdict
    if evidence.scores is not None:
        evidence = replace(evidence, differing=differing_images(evidence, evidence.scores))
    return Document(
        name=evidence.name,
        answer=words.answer_in_words(verdict),
        verdict=verdict,
        headline=words.headline(verdict),
        caveats=tuple(recorded(caveat) for caveat in verdict.caveats),
        sentences=tuple(words.sentences(verdict)),
        picture=verdict_picture(verdict),
        facts=results.key_facts(verdict),
        next_steps=tuple(words.next_steps(verdict, evidence.folder)),
        sections=tuple(section for make in SECTIONS if (section := make(evidence)) is not None),
        panel=panel(evidence),
    )


def _missing(key: str, title: str, file: str) -> Section:
    return Section(key=key, title=title, lead=(say("Nothing to show: the study folder holds no {file}.", file=file),))


def _designs(evidence: Evidence) -> Section | None:
    """Only where something is left to settle."""
    verdict = evidence.verdict
    designs = results.designs(verdict)
    if designs is None or not words.needed_in_words(verdict):
        return None
    lead = say("The question is settled when the interval is narrower than the margin, whatever it then shows.")
    return Section(key="needed", title=say("What would settle it"), lead=(lead,), blocks=(designs,))


def _noise(evidence: Evidence) -> Section | None:
    """Only where the verdict holds an account of its noise: those of earlier versions do not."""
    verdict, account = evidence.verdict, evidence.verdict.noise
    if account is None:
        return None
    names = words.display_name(verdict.small), words.display_name(verdict.big)
    picture, parts = noise_parts(verdict, account), noise.parts(verdict, account)
    tables = (noise.seeds(verdict, account), noise.sources(verdict, account))
    return Section(
        key="noise",
        title=say("Where the noise comes from"),
        lead=(*gap_in_words(verdict), *account_in_words(verdict, *names)),
        blocks=_there(picture or parts, *tables),
    )


def _looks(evidence: Evidence) -> Section | None:
    """Only where several looks were declared."""
    if not evidence.verdict.looks:
        return None
    return Section(key="looks", title=say("Looks"), blocks=(stopping.looks_table(evidence.verdict),))


def _scale(evidence: Evidence) -> Section:
    verdict = evidence.verdict
    return Section(
        key="scale",
        title=say("Over the image side"),
        lead=(say("Every network was tested on the same images at every side, in one pass."),),
        blocks=_there(accuracy_over_scale(verdict), gain_over_scale(verdict)),
    )


def _slices(evidence: Evidence) -> Section:
    title, scores, verdict, differing = say("Who wins where"), evidence.scores, evidence.verdict, evidence.differing
    if scores is None or differing is None:
        return _missing("slices", title, "scores.parquet")
    frame = _slices_at(evidence, scores)
    images = images_of_slices(frame, differing, (scores, evidence.samples, evidence.thumbnails), verdict)
    picture = gain_per_slice(frame, verdict, {slice_: shown.key for slice_, shown in images.items()})
    said = lead(frame, verdict)
    return Section(key="slices", title=title, lead=said, blocks=_there(picture), aside=tuple(images.values()))


def _slices_at(evidence: Evidence, scores: pl.DataFrame) -> pl.DataFrame:
    """The slices at the deciding scale, the clearest first: those on record, else made from the scores."""
    verdict, frame = evidence.verdict, evidence.slices
    here = pl.col("scale") == scores["scale"].first()
    if frame is not None:
        frame = frame.filter(here & (pl.col("small") == verdict.small) & (pl.col("big") == verdict.big))
    if frame is None or frame.is_empty():
        pair = {"small": verdict.small, "big": verdict.big, "multiplier": _multiplier(verdict)}
        groups = None if evidence.samples is None else comparison.groups_of(evidence.samples)
        frame = comparison.slice_table(scores, evidence.samples, **pair, groups=groups)
    return frame.sort("q_value", "p_value", "column", "level", nulls_last=True)


def _multiplier(verdict: Verdict) -> float:
    return 100.0 if verdict.unit == "points" else 1.0


def _pair(verdict: Verdict) -> dict:
    return {"small": verdict.small, "big": verdict.big, "scale": verdict.scale}


def _confusion(evidence: Evidence) -> Section | None:
    title, scores, verdict = say("What is taken for what"), evidence.scores, evidence.verdict
    if scores is None:
        return _missing("confusion", title, "scores.parquet")
    if not verdict.one_class or scores["prediction"].null_count() == scores.height:
        return None  # no answers that could be taken for others
    names = (verdict.small, verdict.big)
    frames = {name: comparison.confusion(scores, contender=name, scale=verdict.scale) for name in names}
    labels = sorted(
        {label for frame in frames.values() for column in ("target", "prediction") for label in frame[column]}
    )
    if len(labels) <= data.MOST_CLASSES_IN_A_MATRIX:
        matrices = tuple(data.confusion(frame, name, labels) for name, frame in frames.items())
        return Section(key="confusion", title=title, blocks=matrices, aside=(data.confused(frames),))
    return Section(key="confusion", title=title, blocks=(data.confused(frames),))


def _disagreements(evidence: Evidence) -> Section:
    title, frame, verdict = say("Where the two differ"), evidence.differing, evidence.verdict
    if frame is None:
        return _missing("disagreements", title, "scores.parquet")
    made = exhibits(evidence.exhibits, evidence.thumbnails, frame, verdict)
    blocks = (*_there(made), *_there(gallery(frame, evidence.thumbnails, verdict)))
    aside: tuple[Block, ...] = (data.disagreements(frame, verdict),)
    if not blocks:
        blocks, aside = aside, ()
    return Section(key="disagreements", title=title, lead=(how_many(frame, verdict),), blocks=blocks, aside=aside)


def _calibration(evidence: Evidence) -> Section | None:
    """Only where confidences are on record, and probabilities of being right."""
    scores, verdict = evidence.scores, evidence.verdict
    if scores is None or scores.is_empty() or not verdict.confidence_is_probability:
        return None
    scale, pair = int(scores["scale"][0]), (verdict.small, verdict.big)
    answered = comparison.as_answered(scores)
    found = [
        each for name in pair if (each := comparison.calibration_of(answered, contender=name, scale=scale)) is not None
    ]
    mended = measures.temperatures(evidence)
    if not found:
        return None
    blocks = (reliability(found, verdict), calibration.errors(found), *_there(mended))
    return Section(key="sure", title=say("How sure, and how right"), blocks=blocks)


def _training(evidence: Evidence) -> Section:
    verdict, cells = evidence.verdict, evidence.cells
    broken = [cell for cell in cells if cell.status != "trained"]
    lead = tuple(
        say(
            "{contender}, seed {seed}: {status}. It is kept in the record.",
            contender=words.display_name(cell.contender),
            seed=cell.seed,
            status=term(cell.status),
        )
        for cell in broken
    )
    if not cells:
        lead = (say("The study folder holds no record of the training runs."),)
    return Section(
        key="training",
        title=say("Training"),
        lead=lead,
        blocks=(*_there(training_curves(cells, verdict)), results.cells(verdict, cells)),
    )


def _data(evidence: Evidence) -> Section:
    title, audit, quarantine = say("The images"), evidence.audit, evidence.quarantine
    left_out = () if quarantine is None else data.quarantine(quarantine)
    if audit is None:
        return Section(key="data", title=title, lead=(say("The study folder holds no audit.json."),), blocks=left_out)
    lead = [
        say(
            "{found} files were found in {source}; {used} were used and {quarantined} left out, for all "
            "contenders alike; {ignored} ignored.",
            found=numbers.count(audit.found),
            source=term(audit.source),
            used=numbers.count(audit.used),
            quarantined=numbers.count(audit.quarantined),
            ignored=numbers.count(audit.ignored),
        ),
        *map(recorded, audit.notes),
    ]
    if not audit.findings:
        lead.append(say("The audit found nothing else to report."))
    found = (data.findings(audit),) if audit.findings else ()
    return Section(
        key="data",
        title=title,
        lead=tuple(lead),
        blocks=(*found, *_there(twins(audit, evidence.thumbnails)), *left_out),
        aside=(data.class_counts(audit),),
    )


def _forecast(evidence: Evidence) -> Section:
    title = say("Forecast and what it took")
    if evidence.plan is None:
        return _missing("forecast", title, "plan.json")
    gave_up = tuple(
        say("Given up to fit the budget: {what}.", what=recorded(what)) for what in evidence.plan.get("gave_up") or ()
    )
    held = machine.forecast(evidence.plan, evidence.cells)
    saved = stopping.time_saved(evidence.verdict, evidence.plan)
    gave_up = (*gave_up, saved) if saved else gave_up
    lead = gave_up if held else (*gave_up, say("The plan holds no forecast."))
    return Section(key="forecast", title=title, lead=lead, blocks=_there(held))


def _there(*blocks: Block | None) -> tuple[Block, ...]:
    return tuple(block for block in blocks if block is not None)


SECTIONS: tuple[Callable[[Evidence], Section | None], ...] = (
    searching.levers,
    searching.structure,
    searching.curves,
    _designs,
    _looks,
    _noise,
    _scale,
    measures.without,
    costing.section,
    measures.shifted,
    measures.section,
    published.section,
    third.section,
    robustness.section,
    explaining.section,
    mapping.section,
    _slices,
    _confusion,
    _disagreements,
    _calibration,
    _training,
    searching.rates,
    _data,
    _forecast,
    protocol.section,
)
