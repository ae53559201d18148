"""Figures that somebody published for two of the contenders beside one's own, and what they allow."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import yaml

from deepenough.errors import InputError
from deepenough.records import ContenderResult, Verdict
from deepenough.report.document import Section
from deepenough.report.evidence import Evidence
from deepenough.report.headlines import decimals_of
from deepenough.report.language import say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Cell, Table, table, text_column
from deepenough.stats.claims import Audit, audit
from deepenough.stats.granularity import Figure


def section(evidence: Evidence) -> Section | None:
    """Only where the study file declares such figures."""
    declared = declared_in(evidence.study)
    if declared is None:
        return None
    known, verdict = _audit(declared), evidence.verdict
    title = say("Published figures beside these")
    return Section(
        key="published",
        title=title,
        lead=tuple(in_words(declared, verdict)),
        blocks=(_table(known, declared, verdict),),
    )


def declared_in(study: str | None) -> Mapping[str, Any] | None:
    """What a study file says under `published`; None where it says nothing that can be audited."""
    try:
        read = yaml.safe_load(study or "")
        declared = read.get("published") if isinstance(read, dict) else None
        return declared if isinstance(declared, dict) and _audit(declared) else None
    except (yaml.YAMLError, InputError, TypeError, ValueError, KeyError, AttributeError):
        return None


def in_words(declared: Mapping[str, Any], verdict: Verdict) -> list[str]:
    """The published figures, whether this study agrees, and what they allow and do not."""
    known, names = _audit(declared), list(declared["figures"])
    first, second = (display_name(name) for name in names)
    images = say("an unknown number of") if known.images is None else numbers.count(known.images)
    return [
        say(
            "{source}: {first} {a}, {second} {b}, on {images} test images, trainings of each: {runs}.",
            source=declared.get("source", "another study"),
            first=first, a=_printed(known.figures[0]), second=second, b=_printed(known.figures[1]),
            images=images, runs=known.runs,
        ),
        *_beside(known, names, verdict),
        _between_runs(known),
        *_between_trainings(known, names, verdict),
        say(
            "More: {command}",
            command=f"deepenough audit {known.figures[0].text} {known.figures[1].text}"
            + ("" if known.images is None else f" --images {known.images}")
            + ("" if known.runs == 1 else f" --runs {known.runs}")
            + f" --names {','.join(names)}",
        ),
    ]  # fmt: skip


def _audit(declared: Mapping[str, Any]) -> Audit:
    first, second = declared["figures"].values()
    return audit(str(first), str(second), declared.get("images"), declared.get("runs", 1))


def _beside(known: Audit, names: list[str], verdict: Verdict) -> list[str]:
    """Where the published difference lies beside this study's interval, if it is of the same pair and metric."""
    if {*names} != {verdict.small, verdict.big} or verdict.metric != "accuracy":
        return []
    published = known.difference if names[0] == verdict.big else -known.difference
    low, high = verdict.interval
    decimals = decimals_of(verdict)
    pieces = {
        "big": display_name(verdict.big),
        "published": f"{numbers.signed(published, decimals)} {term(verdict.unit)}",
        "here": f"{numbers.signed(verdict.difference, decimals)} ({numbers.interval(verdict.interval, decimals)})",
    }
    if low <= published <= high:
        return [
            say(
                "Gain of {big}: published {published}, here {here}; these images and seeds do not contradict it.",
                **pieces,
            )
        ]
    return [
        say(
            "Gain of {big}: published {published}, here {here}; it does not hold for these images and this recipe.",
            **pieces,
        )
    ]


def _between_runs(known: Audit) -> str:
    """What follows for the two trained networks that were tested."""
    if known.ci_range is None:
        least = known.n_min_for_any_pairing
        if least is None:
            return say("Without the number of test images nothing follows for the two networks that were tested.")
        return say(
            "The two networks that were tested differ, whichever images both got right, if there were {images} test "
            "images or more.",
            images=numbers.count(least),
        )
    ends = numbers.interval(known.ci_range, 2)
    low, high = known.ci_range
    if low > 0 or high < 0:
        return say(
            "Of the two networks that were tested the figures show a difference, whichever images both got right: "
            "{ends} points at most.",
            ends=ends,
        )
    return say(
        "Of the two networks that were tested the figures leave open whether they differ: whichever images both got "
        "right, {ends} points at most.",
        ends=ends,
    )


def _between_trainings(known: Audit, names: list[str], verdict: Verdict) -> list[str]:
    """What follows for the two architectures, with the spread over seeds that was measured here."""
    limit = numbers.fixed(known.tipping_seed_sd_limit, 2)
    lines = [
        say(
            "For the architectures nothing follows if accuracy varies from training to training by an SD of {limit} "
            "points or more, however many the test images.",
            limit=limit,
        )
    ]
    here = {name: _sd(verdict, name) for name in names}
    spread = {name: sd for name, sd in here.items() if sd is not None}
    if spread and verdict.metric == "accuracy":
        said = ", ".join(f"{display_name(name)} {numbers.fixed(sd, 2)}" for name, sd in spread.items())
        lines.append(say("Measured here, on these images: {spread} points.", spread=said))
    return lines


def _sd(verdict: Verdict, name: str) -> float | None:
    seeds = [list(each.per_seed.values()) for each in verdict.contenders if _is(each, name, verdict)]
    return statistics.stdev(seeds[0]) if seeds and len(seeds[0]) > 1 else None


def _is(each: ContenderResult, name: str, verdict: Verdict) -> bool:
    return each.contender == name and each.scale == verdict.scale


def _table(known: Audit, declared: Mapping[str, Any], verdict: Verdict) -> Table:
    decimals, rows = decimals_of(verdict), []
    for name, figure in zip(declared["figures"], known.figures, strict=True):
        own = next((each for each in verdict.contenders if _is(each, name, verdict)), None)
        here = Cell(numbers.ABSENT)
        if own is not None:
            below = "" if own.interval is None else numbers.interval(own.interval, decimals)
            here = Cell(numbers.level(own.mean, verdict.unit, decimals), sub=below)
        rows.append([Cell(display_name(name)), Cell(_printed(figure)), here])
    heads = [text_column(say("network")), say("published accuracy"), say("{metric} here", metric=term(verdict.metric))]
    note = say("Other images, another recipe, another test: the two columns may not be subtracted from each other.")
    return table("published", say("Published and measured here"), heads, rows, note=note)


def _printed(figure: Figure) -> str:
    return f"{figure.text.rstrip('% ')} %"
