"""A verdict computed anew from the outcomes embedded in a page, and where it differs from the one on record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from deepenough.comparison import groups_of, slice_table
from deepenough.comparison.metrics import as_recorded
from deepenough.comparison.verdict import decide_study
from deepenough.records import ContenderResult, PairResult, Verdict
from deepenough.report.bundle import outcomes
from deepenough.report.evidence import Evidence
from deepenough.report.panel import guard_of, multiplier
from deepenough.report.tables import numbers

_SAME = 1e-9  # relative
_OF_PAIR = ("answer", "difference", "interval", "p_value", "degrees_of_freedom", "standard_error")
_OF_NOISE = ("gap", "parts", "seeds", "single_run_sd", "luck", "superiority", "units")
_OF_NEEDED = ("guaranteed", "likely", "seed_floor", "sample_floor", "tipping_seed_sd")
_OF_SLICE = ("samples", "difference", "low", "high", "p_value", "only_big", "only_small", "small_mean", "big_mean")
_OF_ALL = (*_OF_PAIR, "beyond_margin", "enough_for_any_margin_above", "samples", "seeds", "scope", "small", "big")


def rederived(evidence: Evidence) -> Verdict | None:
    """The verdict from the embedded outcomes alone; None where its metric is no mean over them.

    Raises:
        InputError: the outcomes cannot be decided on as the verdict says they were.
    """
    verdict, aligned = evidence.verdict, evidence.outcomes
    if aligned is None or as_recorded(verdict.metric) != verdict.metric:
        return None
    clusters = evidence.clusters()
    ids = aligned.sample_ids
    groups = None
    if clusters is not None:
        codes = clusters.astype(str).tolist()
        named: list[str | tuple[str, str]] = [(code[0], code[1]) for code in codes] if clusters.ndim == 2 else codes
        groups = dict(zip(ids, named, strict=True))
    return decide_study(
        outcomes.as_frame(aligned),
        margin=verdict.margin,
        small=verdict.small,
        big=verdict.big,
        scale=verdict.scale,
        costs=evidence.costs,
        metric=verdict.metric,
        unit=verdict.unit,
        multiplier=multiplier(verdict),
        groups=groups,
        level=verdict.level,
        guard=guard_of(evidence) or 1,
        trained=verdict.trained,
        gaps=True,
        paired_seeds=verdict.paired_seeds,
    )


def differences(verdict: Verdict, again: Verdict) -> Iterator[str]:
    """Every number on record that is not the one the outcomes give."""
    for name in _OF_ALL:
        yield from _differs(name, getattr(verdict, name), getattr(again, name))
    pairs = {_key(pair): pair for pair in again.pairs}
    for pair in verdict.pairs:
        other, at = pairs.get(_key(pair)), f"{pair.big} over {pair.small} at {pair.scale} px"
        if other is not None:
            for name in (*_OF_PAIR, "p_adjusted", "simultaneous_interval"):
                yield from _differs(f"{at}, {name}", getattr(pair, name), getattr(other, name))
    if verdict.noise is not None and again.noise is not None:
        for name in _OF_NOISE:
            yield from _differs(f"noise, {name}", verdict.noise.get(name), again.noise.get(name))
    if verdict.needed is not None:
        for name in _OF_NEEDED:
            yield from _differs(f"needed, {name}", getattr(verdict.needed, name), getattr(again.needed, name, None))
    reached = {(entry.contender, entry.scale): entry for entry in again.contenders}
    for entry in verdict.contenders:
        yield from _of_contender(entry, reached.get((entry.contender, entry.scale)))


def differing_slices(evidence: Evidence) -> list[str] | None:
    """Every number of the recorded slices that is not the one the answers give; None where there is none to look at.

    The q-values are left out: they rest on the slices at all scales, and the page holds those of one.
    """
    verdict, scores, recorded = evidence.verdict, evidence.scores, evidence.slices
    if scores is None or recorded is None or recorded.is_empty():
        return None
    pair = {"small": verdict.small, "big": verdict.big, "multiplier": multiplier(verdict)}
    groups = None if evidence.samples is None else groups_of(evidence.samples)
    again = slice_table(scores, evidence.samples, **pair, groups=groups)
    found = {(row["column"], row["level"]): row for row in again.to_dicts()}
    faults: list[str] = []
    for row in recorded.filter(small=verdict.small, big=verdict.big).to_dicts():
        other = found.get((row["column"], row["level"]))
        if other is not None:
            where = f"slice {row['column']} {row['level']}"
            faults += [text for name in _OF_SLICE for text in _differs(f"{where}, {name}", row[name], other[name])]
    return faults


def _of_contender(entry: ContenderResult, other: ContenderResult | None) -> Iterator[str]:
    if other is None:  # real-valued scores are embedded at the deciding scale alone
        return
    for name in ("mean", "interval", "per_seed", "samples"):
        yield from _differs(
            f"{entry.contender} at {entry.scale} px, {name}", getattr(entry, name), getattr(other, name)
        )


def _key(pair: PairResult) -> tuple[str, str, int]:
    return pair.small, pair.big, pair.scale


def _differs(name: str, recorded: Any, found: Any) -> Iterator[str]:  # noqa: ANN401
    if not _equal(recorded, found):
        yield f"{name}: on record {_short(recorded)}, from the outcomes {_short(found)}"


def _equal(recorded: Any, found: Any) -> bool:  # noqa: ANN401
    recorded, found = _finite(recorded), _finite(found)
    if isinstance(recorded, dict) and isinstance(found, dict):
        return recorded.keys() == found.keys() and all(_equal(recorded[key], found[key]) for key in recorded)
    if isinstance(recorded, list | tuple) and isinstance(found, list | tuple):
        return len(recorded) == len(found) and all(map(_equal, recorded, found))
    if isinstance(recorded, int | float) and isinstance(found, int | float):
        return bool(np.isclose(recorded, found, rtol=_SAME, atol=1e-12))
    return recorded == found


def _finite(value: Any) -> Any:  # noqa: ANN401
    """None for NaN and infinities, as JSON has them."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _short(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, float):
        return numbers.exact(value)
    if isinstance(value, list | tuple):
        return f"({', '.join(_short(item) for item in value)})"
    return str(value)
