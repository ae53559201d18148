"""Accuracy against measured latency: which contender at which scale is worth its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from deepenough.records import ContenderResult


@dataclass(frozen=True, slots=True)
class Turn:
    """From `latency_s` on, `contender` reaches most: `mean` at `scale`; the other until then `other`, if anything."""

    contender: str
    scale: int
    mean: float
    latency_s: float
    other: float | None


_TABLE = {
    "contender": pl.String,
    "scale": pl.Int64,
    "mean": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "validation_mean": pl.Float64,
    "latency_s": pl.Float64,
    "on_frontier": pl.Boolean,
    "within_margin": pl.Boolean,
    "cheapest_within_margin": pl.Boolean,
}


def frontier(results: Sequence[ContenderResult], costs: pl.DataFrame, *, margin: float) -> pl.DataFrame:
    """Contenders at their scales, in order of latency, and which of them no other beats in both respects.

    Points are judged by their validation mean where all have one, else by their test mean. A point estimate is no
    claim: the verdict alone says whether a difference is shown.

    Args:
        results: of a verdict, in its unit.
        costs: `records.COSTS`; the median latency at the smallest batch is used.
        margin: in the verdict's unit.

    Returns:
        A row for each contender and scale whose latency is known: `contender`, `scale`, `mean`, `low`, `high`,
        `validation_mean`, `latency_s` (an image), `on_frontier` (nothing is at least as fast and better, or faster and
        as good), `within_margin` (less than the margin below the best), `cheapest_within_margin` (the fastest of
        those).
    """
    latency = latency_of(costs)
    known = [result for result in results if (result.contender, result.scale) in latency]
    validated = all(result.validation_mean is not None for result in known)
    quality = [r.validation_mean if validated and r.validation_mean is not None else r.mean for r in known]
    best = max(quality, default=0.0)
    points = sorted(zip(known, quality, strict=True), key=lambda point: (_at(latency, point[0]), -point[1]))
    rows: list[dict[str, object]] = []
    highest, found = float("-inf"), False
    for result, reached in points:
        near = best - reached < margin
        low, high = result.interval or (None, None)
        rows.append(
            {
                "contender": result.contender,
                "scale": result.scale,
                "mean": result.mean,
                "low": low,
                "high": high,
                "validation_mean": result.validation_mean,
                "latency_s": _at(latency, result),
                "on_frontier": reached > highest,
                "within_margin": near,
                "cheapest_within_margin": near and not found,
            }
        )
        highest, found = max(highest, reached), found or near
    return pl.DataFrame(rows, schema=_TABLE)


def steps(points: pl.DataFrame, pair: tuple[str, str]) -> list[Turn]:
    """Every time within which two contenders together reach more than within less, and which of them does.

    Within a time a contender reaches the best test mean of its scales that are as fast or faster. A tie changes
    nothing. These are points without their error: the verdict says what is shown, and at one scale.

    Args:
        points: as `frontier` gives it.
        pair: contenders.

    Returns:
        The first time within which there is an answer, and every one from which more is reached.

    >>> points = pl.DataFrame({"contender": ["a", "b", "a", "b"], "scale": [32, 32, 64, 64], "mean": [80.0, 79, 84, 85],
    ...     "latency_s": [1.0, 2.0, 3.0, 5.0]})
    >>> [(step.contender, step.latency_s, step.scale) for step in steps(points, ("a", "b"))]
    [('a', 1.0, 32), ('a', 3.0, 64), ('b', 5.0, 64)]
    """
    found: list[Turn] = []
    best: dict[str, float] = {}
    rows = points.filter(pl.col("contender").is_in(list(pair))).sort("latency_s", "mean", descending=[False, True])
    for name, scale, mean, latency in rows.select("contender", "scale", "mean", "latency_s").iter_rows():
        if not found or mean > found[-1].mean:
            found.append(Turn(name, scale, mean, latency, next((best[who] for who in best if who != name), None)))
        best[name] = max(mean, best.get(name, mean))
    return found


def turns(stepped: Sequence[Turn]) -> list[Turn]:
    """Of `steps` the first, and those with which the other contender comes to reach more: depth or pixels.

    >>> stepped = Turn("a", 32, 80, 1.0, None), Turn("a", 64, 84, 3.0, 79), Turn("b", 64, 85, 5.0, 84)
    >>> [turn.latency_s for turn in turns(stepped)]
    [1.0, 5.0]
    """
    before = [None, *(step.contender for step in stepped)]
    return [step for step, last in zip(stepped, before, strict=False) if step.contender != last]


def latency_of(costs: pl.DataFrame) -> dict[tuple[str, int], float]:
    """Median seconds an image by (contender, scale), at the smallest batch measured."""
    first = (
        costs.sort("batch", maintain_order=True)
        .group_by("contender", "scale", maintain_order=True)
        .agg((pl.col("latency_s").struct.field("p50") / pl.col("batch")).first())
    )
    return {(name, scale): seconds for name, scale, seconds in first.iter_rows() if seconds is not None}


def _at(latency: dict[tuple[str, int], float], result: ContenderResult) -> float:
    return latency[result.contender, result.scale]
