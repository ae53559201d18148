"""Tables of the noise: the parts of the standard error, the spread over seeds, and each source of randomness alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.language import later, say, term
from deepenough.report.noise import SOURCES
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Cell, Table, table, text_column

_FALLS = {"seeds": later("more seeds"), "samples": later("more test images"), "seed_by_sample": later("either")}


def part_name(part: Mapping[str, Any]) -> str:
    """A part of the standard error as its readers know it."""
    if part["source"] == "seeds":
        return (
            say("training seeds")
            if part["contender"] is None
            else say("seeds of {contender}", contender=words.display_name(part["contender"]))
        )
    return {"samples": say("test images"), "seed_by_sample": say("seed by image")}[part["source"]]


def parts(verdict: Verdict, account: Mapping[str, Any]) -> Table:
    """One row a part: its share of the squared standard error, and what it would leave by itself."""
    decimals = words.decimals_of(verdict)
    rows = [
        (
            part_name(part),
            numbers.share(part["share"], 0),
            numbers.fixed(part["variance"] ** 0.5, decimals),
            say(_FALLS[part["source"]]),
        )
        for part in account["parts"]
    ]
    rows.append((say("all"), numbers.share(1.0, 0), numbers.fixed(verdict.standard_error, decimals), ""))
    heads = [
        say("part"),
        say("share of the variance"),
        say("alone, {unit}", unit=term(verdict.unit)),
        text_column(say("falls with")),
    ]
    clipped = [part_name(part) for part in account["parts"] if part["clipped"]]
    note = say("Estimated at or below zero and set to 0: {parts}.", parts=", ".join(clipped)) if clipped else ""
    return table(
        "noiseparts",
        say("The standard error of the gain, by source"),
        heads,
        rows,
        note=note,
        strong_rows=[len(rows) - 1],
    )


def seeds(verdict: Verdict, account: Mapping[str, Any]) -> Table | None:
    """One row a contender: how far its trainings differ, as seen and on endless images; None for single runs."""
    if not account["seeds"]:
        return None
    rows = [
        (
            say("difference") if entry["contender"] is None else words.display_name(entry["contender"]),
            numbers.count(entry["runs"]),
            *_spread(entry, words.decimals_of(verdict)),
        )
        for entry in account["seeds"]
    ]
    heads = ["", say("trainings"), *_spread_heads(verdict)]
    note = say("Below, intervals at 95 %: few trainings leave a standard deviation nearly open.")
    return table(
        "noiseseeds", say("How far trainings differ in {metric}", metric=term(verdict.metric)), heads, rows, note=note
    )


def sources(verdict: Verdict, account: Mapping[str, Any]) -> Table | None:
    """One row a source and contender: how far trainings differ that vary it alone; None where none were asked for."""
    if not account["sources"]:
        return None
    rows = [
        (
            say(SOURCES[entry["source"]]),
            words.display_name(entry["contender"]),
            numbers.count(entry["runs"]),
            *_spread(entry, words.decimals_of(verdict)),
            numbers.share(entry["share_of_seeds"], 0),
        )
        for entry in account["sources"]
    ]
    heads = [
        say("varied"),
        text_column(say("contender")),
        say("trainings"),
        *_spread_heads(verdict),
        say("variance beside all seeds'"),
    ]
    sides = ", ".join(f"{side} px" for side in sorted({entry["scale"] for entry in account["sources"]}))
    note = say(
        "Seed 0's training is one of them; tested at {sides}; below, intervals at 95 %. The last column holds the "
        "variance as seen against that over the study's own seeds; sources need not add up to it, since each was "
        "varied beside seed 0 only.",
        sides=sides,
    )
    return table("noisesources", say("What each source of randomness does alone"), heads, rows, note=note)


def _spread_heads(verdict: Verdict) -> Sequence[str]:
    return say("SD on these images, {unit}", unit=term(verdict.unit)), say(
        "on endless images, {unit}", unit=term(verdict.unit)
    )


def _spread(entry: Mapping[str, Any], decimals: int) -> tuple[Cell, Cell]:
    return (
        Cell(numbers.fixed(entry["sd"], decimals), sub=numbers.interval(entry["interval"], decimals)),
        Cell(numbers.fixed(entry["own_sd"], decimals), sub=numbers.interval(entry["own_interval"], decimals)),
    )
