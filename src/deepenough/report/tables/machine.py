"""Tables of the machine and the work: cost, the plan's forecast against what it took, training curves, the protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from deepenough.comparison import Turn
from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.evidence import CellRecord, Evidence
from deepenough.report.language import say, term
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Cell, Table, table, text_column
from deepenough.report.tables.results import contender_order, trained_s


def costs(frame: pl.DataFrame, verdict: Verdict, name: str = "") -> Table:
    """What each contender needs at each scale and batch, as measured; `name` is that of another machine."""
    order = {name: index for index, name in enumerate(contender_order(verdict))}
    ordered = sorted(
        frame.iter_rows(named=True),
        key=lambda row: (order.get(row["contender"], len(order)), row["device"], row["scale"], row["batch"]),
    )
    rows = [
        (
            words.display_name(row["contender"]),
            str(row["scale"]),
            str(row["batch"]),
            numbers.millions(row["parameters"]),
            numbers.billions(row["macs"]),
            Cell(numbers.milliseconds(row["latency_s"]["p50"]), sub=numbers.milliseconds(row["latency_s"]["p95"])),
            numbers.rate(row["images_per_s"]),
            numbers.size(row["peak_bytes"]),
        )
        for row in ordered
    ]
    heads = [
        say("contender"),
        say("px"),
        say("batch"),
        say("parameters, M"),
        say("GMACs"),
        say("ms a batch"),
        say("images/s"),
        say("peak memory"),
    ]
    note = say("Milliseconds: the median, and below it the 95th percentile. GMACs are for one image.")
    return table(
        "costs", say("Cost, measured on {machine}", machine=name or where_measured(frame)), heads, rows, note=note
    )


def where_measured(frame: pl.DataFrame) -> str:
    """The devices and precisions of a cost table, in words."""
    places = frame.select("device", "precision").unique().sort("device", "precision")
    return "; ".join(f"{device}, {precision}" for device, precision in places.iter_rows()) or say("no machine")


def price(frame: pl.DataFrame, verdict: Verdict) -> str:
    """One sentence on what the bigger contender costs more at the deciding scale; empty where not measured."""
    single = frame.filter((pl.col("scale") == verdict.scale) & (pl.col("batch") == 1)).sort("device")
    by_name = {row["contender"]: row for row in reversed(list(single.iter_rows(named=True)))}
    if verdict.small not in by_name or verdict.big not in by_name:
        return ""
    small, big = by_name[verdict.small], by_name[verdict.big]
    slower = numbers.ratio(big["latency_s"]["p50"] / small["latency_s"]["p50"])
    heavier = numbers.ratio(big["parameters"] / small["parameters"])
    spent = say(
        "{big} against {small}",
        big=numbers.duration(big["latency_s"]["p50"]),
        small=numbers.duration(small["latency_s"]["p50"]),
    )
    return say(
        "At {scale} px {big} needs {slower} the time of {small} for one image ({spent}) and has {heavier} the "
        "parameters.",
        scale=verdict.scale,
        big=words.display_name(verdict.big),
        slower=slower,
        small=words.display_name(verdict.small),
        spent=spent,
        heavier=heavier,
    )


def accuracy_against_latency(frame: pl.DataFrame, verdict: Verdict) -> Table:
    """The data behind the picture of accuracy against latency.

    Args:
        frame: as `comparison.frontier` gives it.
        verdict: gives the unit.
    """
    rows = [
        (
            words.display_name(row["contender"]),
            str(row["scale"]),
            numbers.milliseconds(row["latency_s"]),
            numbers.fixed(row["mean"], words.decimals_of(verdict)),
            say("yes") if row["on_frontier"] else say("no"),
        )
        for row in frame.iter_rows(named=True)
    ]
    heads = [
        say("contender"),
        say("px"),
        say("ms an image"),
        f"{term(verdict.metric)}, {numbers.level_unit(verdict.unit)}",
        text_column(say("frontier")),
    ]
    return table("frontier", say("Accuracy against latency"), heads, rows)


def budgets(found: Sequence[tuple[str, Sequence[Turn]]], verdict: Verdict) -> Table:
    """What the pair reaches within a time and by which of them, machine by machine: every time that buys more.

    Args:
        found: machines with their steps, as `comparison.steps` gives them.
        verdict: gives unit and decimals.
    """
    decimals = words.decimals_of(verdict)
    rows = [
        (
            name if place == 0 else "",
            say("from {span}", span=numbers.duration(step.latency_s)),
            words.display_name(step.contender),
            str(step.scale),
            numbers.fixed(step.mean, decimals),
            numbers.fixed(step.other, decimals),
        )
        for name, stepped in found
        for place, step in enumerate(stepped)
    ]
    unit = numbers.level_unit(verdict.unit)
    heads = [
        say("machine"),
        say("time for one image"),
        text_column(say("reaches most")),
        say("at px"),
        f"{term(verdict.metric)}, {unit}",
        say("the other"),
    ]
    return table(
        "budgets", say("What a time buys: depth or pixels"), heads, rows, note=say("As measured, without error.")
    )


def training(cells: Sequence[CellRecord], verdict: Verdict) -> Table:
    """The metric of every cell on validation, at up to eight moments of its training."""
    shown = numbers.share if verdict.unit == "points" else numbers.plain
    rows = []
    for cell in cells:
        if cell.history is None:
            continue
        measured = cell.history.filter(pl.col("val_accuracy").is_not_null())
        every = max(1, -(-measured.height // 8))
        for row in measured.gather_every(every).iter_rows(named=True):
            rows.append(
                (
                    words.display_name(cell.contender),
                    str(cell.seed),
                    numbers.fixed(row["epoch"], 1),
                    numbers.fixed(row["loss"], 3),
                    numbers.share(row["train_accuracy"]),
                    shown(row["val_accuracy"]),
                )
            )
    heads = [
        say("contender"),
        say("seed"),
        say("epoch"),
        say("loss"),
        say("training accuracy"),
        say("validation {metric}", metric=term(verdict.metric)),
    ]
    return table("training", say("Training, sampled"), heads, rows)


def forecast(plan: Mapping[str, Any], cells: Sequence[CellRecord]) -> Table | None:
    """What the plan foretold against what it took, or None where the plan foretold nothing."""
    foretold, took = dict(plan.get("forecast") or {}), dict(plan.get("took") or {})
    spans = [span for span in (trained_s(cell) for cell in cells) if span is not None]
    if "training_s" in foretold and "training_s" not in took and spans:
        took["training_s"] = sum(spans)
    keys = [key for key in dict.fromkeys([*foretold, *took]) if foretold.get(key) or took.get(key)]  # parts it had
    rows = [_forecast_row(key, foretold.get(key), took.get(key)) for key in keys]
    return (
        table("forecast", say("Forecast against what it took"), ["", say("forecast"), say("took"), say("ratio")], rows)
        if rows
        else None
    )


def _forecast_row(key: str, foretold: object, took: object) -> tuple[str, str, str, str]:
    known = isinstance(foretold, int | float) and isinstance(took, int | float) and foretold > 0
    return (
        term(key.removesuffix("_s").removesuffix("_bytes").replace("_", " ").replace("total", "whole study")),
        _quantity(key, foretold),
        _quantity(key, took),
        numbers.ratio(took / foretold) if known else numbers.ABSENT,  # type: ignore[operator]
    )


def _quantity(key: str, value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if key.endswith("_s"):
            return numbers.duration(value)
        if key.endswith("_bytes"):
            return numbers.size(value)
    return term(numbers.plain(value))


def protocol(evidence: Evidence) -> Table:
    """Command, versions, hardware, hash, seeds: what it takes to do it again."""
    environment = dict(evidence.environment or {})
    stated = environment.pop("command", None)
    command = (evidence.plan or {}).get("command") or stated
    rows = [(say("command"), str(command))] if command else []
    seeds = ", ".join(f"{words.display_name(name)}: {numbers.plain(ks)}" for name, ks in evidence.verdict.seeds.items())
    rows.append((say("seeds"), seeds))
    rows += _flips(evidence.cells)
    rows += list(_flat(environment))
    return table("protocol", say("How to do it again"), ["", text_column("", wraps=True)], rows)


def _flips(cells: Sequence[CellRecord]) -> list[tuple[str, str]]:
    """How many predictions differ from those in fp32, of each contender where that was counted."""
    counted = [(cell.contender, cell.against_fp32) for cell in cells if cell.against_fp32 is not None]
    said = [
        say(
            "{name}: {flips} of {compared}",
            name=words.display_name(name),
            flips=sum(found["flips"].values()),
            compared=found["compared"] * len(found["flips"]),
        )
        for name, found in counted
    ]
    if not said:
        return []
    pictures, precision = counted[0][1]["compared"], counted[0][1]["precision"]
    about = say(
        "on {pictures} test images at {scales} scales, tested in {precision} and in fp32",
        pictures=pictures,
        scales=len(counted[0][1]["flips"]),
        precision=precision,
    )
    return [(say("predictions that differ from fp32"), f"{'; '.join(said)} ({about})")]


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{term(str(key).replace('_', ' '))}"
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name}: ")
        else:
            rows.append((name, _quantity(str(key), value)))
    return rows
