"""The section on cost: what each network takes here, and which of depth and pixels a time buys, on every machine.

Within a time for one image one can run a deep network on a small picture or a shallow one on a large picture. Which
reaches more turns with the machine, the batch and the precision, and arithmetic does not foretell it: so it is shown
for the machines that were measured, and for no other.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from deepenough import comparison
from deepenough.comparison import Turn
from deepenough.report import words
from deepenough.report.document import Block, Section
from deepenough.report.evidence import Evidence
from deepenough.report.figures.cost import accuracy_against_latency
from deepenough.report.language import later, say
from deepenough.report.tables import machine, numbers

_WARNING = later(
    "Which of depth and pixels a time buys turns with the machine, the batch and the precision, and neither "
    "parameters nor arithmetic foretell it: measure where the network is to run (deepenough cost --out, then "
    "deepenough report --costs)."
)


def section(evidence: Evidence) -> Section:
    """The section, from the study's own costs and those of other machines."""
    title, verdict, own = say("Depth or pixels, and what it costs"), evidence.verdict, evidence.costs
    if own is None or own.is_empty():
        return Section(
            key="cost",
            title=title,
            lead=(say("Nothing to show: the study folder holds no {file}.", file="costs.parquet"),),
        )
    machines = [(machine.where_measured(own), own), *((each.name, each.costs) for each in evidence.elsewhere)]
    found: list[tuple[str, list[Turn]]] = []
    maps: list[Block] = []
    cheapest = ""
    for place, (name, costs) in enumerate(machines, start=1):
        points = comparison.frontier(verdict.contenders, costs, margin=verdict.margin)
        if points.is_empty():
            continue
        stepped = comparison.steps(points, (verdict.small, verdict.big))
        key = "frontier" if place == 1 else f"frontier-{place}"
        maps.append(accuracy_against_latency(points, verdict, name, comparison.turns(stepped), key))
        found.append((name, stepped))
        cheapest = _cheapest(points) if place == 1 else cheapest
    lead = [machine.price(own, verdict), cheapest, *_who_leads(found), say(_WARNING)]
    buys = [machine.budgets(found, verdict)] if any(stepped for _, stepped in found) else []
    return Section(
        key="cost",
        title=title,
        lead=tuple(sentence for sentence in lead if sentence),
        blocks=(*maps, *buys),
        aside=tuple(
            machine.costs(costs, verdict, name if place else "") for place, (name, costs) in enumerate(machines)
        ),
    )


def _cheapest(points: pl.DataFrame) -> str:
    cheapest = points.filter(pl.col("cheapest_within_margin"))
    if cheapest.is_empty():
        return ""
    row = cheapest.row(0, named=True)
    point = say(
        "{contender} at {scale} px, {span} an image",
        contender=words.display_name(row["contender"]),
        scale=row["scale"],
        span=numbers.duration(row["latency_s"]),
    )
    return say("The fastest that stays within your margin of the best, as measured: {point}.", point=point)


def _who_leads(found: Sequence[tuple[str, Sequence[Turn]]]) -> list[str]:
    """One sentence a machine: who reaches most within which time."""
    many = len(found) > 1
    said = []
    for name, stepped in found:
        turning = comparison.turns(stepped)
        if not turning:
            continue
        turned = "; ".join(
            say(
                "from {span} on it is {contender} at {scale} px",
                span=numbers.duration(turn.latency_s),
                contender=words.display_name(turn.contender),
                scale=turn.scale,
            )
            for turn in turning[1:]
        )
        within = say("within less; {turned}", turned=turned) if turned else say("within any time")
        where = say("On {name} ", name=name) if many else ""
        said.append(
            say(
                "{where}{contender} reaches most {within}.",
                where=where,
                contender=words.display_name(turning[0].contender),
                within=within,
            )
        )
    return said
