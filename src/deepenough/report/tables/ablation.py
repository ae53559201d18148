"""Tables of an ablation: what each setting buys and costs, and whether more at the larger depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepenough.report.language import say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table, text_column

_COSTS = ("training_s", "latency_s", "macs", "peak_bytes")


def setting(each: Mapping[str, Any]) -> str:
    """The lever and its setting, in the language that is spoken."""
    return term(f"{each['lever']}: {each['label']}")


def effects(record: Mapping[str, Any]) -> Table:
    """One row a setting and base, as they were asked for."""
    rows = [
        (
            setting(each),
            display_name(each["base"]),
            numbers.signed(each["difference"], 1),
            numbers.interval(each["interval"], 1),
            numbers.probability(each["p_adjusted"]),
            *(numbers.ratio(each["costs"].get(name)) for name in _COSTS),
        )
        for each in record["effects"]
    ]
    heads = [
        say("setting"),
        text_column(say("of")),
        say("effect, {unit}", unit=term(record["unit"])),
        say("95 % interval"),
        say("p, Holm"),
        *(say("training time"), say("latency"), say("MACs"), say("memory")),
    ]
    note = say("Intervals are each for itself. Costs are factors of the base's; latency and memory are of one image.")
    return table("effects", say("What each setting buys and costs"), heads, rows, note=note)


def interactions(record: Mapping[str, Any]) -> Table | None:
    """One row a setting: its effect at the larger depth minus that at the smaller; None where one depth took part."""
    rows = [
        (
            setting(each),
            numbers.signed(each["difference"], 1),
            numbers.interval(each["interval"], 1),
            numbers.probability(each["p_adjusted"]),
        )
        for each in record["interactions"]
    ]
    more = say("more at the larger depth, {unit}", unit=term(record["unit"]))
    heads = [say("setting"), more, say("95 % interval"), say("p, Holm")]
    return table("interactions", say("Does it buy more at the larger depth?"), heads, rows) if rows else None


def by_size(record: Mapping[str, Any]) -> list[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Settings with their effects, one a base, the largest effect last; those without an effect are left out."""
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for each in record["effects"]:
        if each["difference"] is not None:
            grouped.setdefault(setting(each), []).append(each)
    return sorted(grouped.items(), key=lambda item: max(abs(each["difference"]) for each in item[1]))
