"""The table of results for a paper: every contender at the deciding scale, marked by what was shown."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from deepenough.records import PairResult, Verdict
from deepenough.report import words
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Cell, Table, table
from deepenough.report.tables.results import contender_order

RULED_OUT = "\N{DAGGER}"


def main_results(verdict: Verdict, costs: pl.DataFrame | None) -> Table:
    """One row a contender: cost, level with interval, gain over the reference with interval and corrected p-value.

    Args:
        verdict: of the study.
        costs: rows of `records.COSTS`, for parameters and multiply-accumulates; None where none were measured.
    """
    decimals, unit = words.decimals_of(verdict), verdict.unit
    reached = {entry.contender: entry for entry in verdict.contenders if entry.scale == verdict.scale}
    pairs = {pair.big: pair for pair in verdict.pairs if (pair.small, pair.scale) == (verdict.small, verdict.scale)}
    counted = _counted(costs, verdict.scale)
    rows = []
    for name in contender_order(verdict):
        entry, pair = reached.get(name), pairs.get(name)
        row = [Cell(words.display_name(name))]
        if counted:
            parameters, macs = counted.get(name, (None, None))
            row += [Cell(numbers.millions(parameters)), Cell(numbers.billions(macs))]
        row += [
            Cell(numbers.fixed(None if entry is None else entry.mean, decimals)),
            Cell(numbers.interval(None if entry is None else entry.interval, decimals)),
        ]
        rows.append(row + _gain(pair, verdict, decimals))
    heads = ["network", *(["parameters, M", "GMACs"] if counted else [])]
    level = numbers.confidence(verdict.level)
    heads += [f"{verdict.metric}, {numbers.level_unit(unit)}", f"{level} interval", f"gain, {unit}"]
    heads += [f"{level} interval of the gain", "p"]
    return table("results", _caption(verdict), heads, rows, note=_note(verdict))


def _counted(costs: pl.DataFrame | None, scale: int) -> Mapping[str, tuple[float, float]]:
    if costs is None:
        return {}
    here = costs.filter(pl.col("scale") == scale).unique("contender", keep="first", maintain_order=True)
    return {row["contender"]: (row["parameters"], row["macs"]) for row in here.iter_rows(named=True)}


def _gain(pair: PairResult | None, verdict: Verdict, decimals: int) -> list[Cell]:
    if pair is None:
        return [Cell(numbers.ABSENT)] * 3
    deciding = pair.big == verdict.big
    bounds = pair.interval if deciding or pair.simultaneous_interval is None else pair.simultaneous_interval
    p_value = pair.p_value if deciding or pair.p_adjusted is None else pair.p_adjusted
    signed = numbers.signed(pair.difference, decimals) + stars(p_value, verdict.level)
    ruled_out = RULED_OUT if bounds[1] < verdict.margin else ""
    return [Cell(signed + ruled_out), Cell(numbers.interval(bounds, decimals)), Cell(numbers.probability(p_value))]


def stars(p_value: float, level: float) -> str:
    """The marks of significance that a p-value earns.

    At another level than 95 %, which a study with several looks has, there is one mark, at one minus that level.

    >>> stars(0.03, 0.95), stars(0.0001, 0.95), stars(0.03, 0.98)
    ('*', '***', '')
    """
    return "*" * sum(p_value < bound for bound in _bounds(level))


def _bounds(level: float) -> tuple[float, ...]:
    alpha = round(1 - level, 12)
    return (alpha, 0.01, 0.001) if alpha == 0.05 else (alpha,)


def _caption(verdict: Verdict) -> str:
    at = f" at {verdict.scale} px" if verdict.scale > 0 else ""
    return f"{verdict.metric.capitalize()}{at}, and gain over {words.display_name(verdict.small)}. " + about_the_test(
        verdict
    )


def about_the_test(verdict: Verdict) -> str:
    """States n, seeds and test, as the caption of a table that stands by itself must."""
    over = "images and training seeds" if verdict.scope == "architecture" else "images alone, one run each"
    return (
        f"n = {numbers.count(verdict.samples)} test images; {_seeds(verdict)}; intervals over {over}. "
        f"Two-sided test: {verdict.method}."
    )


def _seeds(verdict: Verdict) -> str:
    runs = {name: len(seeds) for name, seeds in verdict.seeds.items()}
    if len(set(runs.values())) == 1:
        return f"mean over {words.plural(next(iter(runs.values())), 'training seed')} of each network"
    listed = ", ".join(f"{words.display_name(name)}: {numbers.count(amount)}" for name, amount in runs.items())
    return f"mean over training seeds ({listed})"


def _note(verdict: Verdict) -> str:
    marks = "; ".join(
        f"{'*' * (place + 1)} p < {numbers.shortest(bound)}" for place, bound in enumerate(_bounds(verdict.level))
    )
    margin = numbers.amount(numbers.shortest(verdict.margin), verdict.unit)
    note = f"{marks}; {RULED_OUT} a gain as large as the margin of {margin} is ruled out."
    if len(verdict.pairs) > 1:
        others = words.plural(len(verdict.pairs) - 1, "other comparison")
        note += (
            f" The comparison with {words.display_name(verdict.big)} at this scale decides; the p-values of {others} "
            "made are corrected (Holm), so are their intervals here (Bonferroni)."
        )
    return note
