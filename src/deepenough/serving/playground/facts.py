"""What the playground's page shows before any picture: the study's verdict, its map, and what agreement is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from deepenough.comparison import frontier
from deepenough.records import Verdict


def facts_of(
    verdict: Verdict, scores: pl.DataFrame, costs: pl.DataFrame | None, seeds: Mapping[str, int]
) -> dict[str, Any]:
    """The facts, in plain values.

    Args:
        verdict: of the study.
        scores: `records.SCORES` of its test.
        costs: `records.COSTS` of its machine, None where it was not measured.
        seeds: by contender, of the cell whose network answers.

    Returns:
        `small`, `big`, `scale`, `scales`, `unit`; `seeds`; `points`, the map: contender, scale, mean, latency_s;
        and `agreement`, one for each scale: how often the two networks that answer gave the same class on the test
        samples, and how often each was right then and otherwise.
    """
    points: list[dict[str, Any]] = []
    if costs is not None and not costs.is_empty():
        found = frontier(verdict.contenders, costs, margin=verdict.margin)
        wanted = pl.col("contender").is_in(list(seeds))
        points = found.filter(wanted).select("contender", "scale", "mean", "latency_s").to_dicts()
    pair = (verdict.small, verdict.big)
    shown = scores.filter(
        pl.any_horizontal((pl.col("contender") == n) & (pl.col("seed") == s) for n, s in seeds.items())
    )
    scales = sorted(shown["scale"].unique().to_list())
    return {
        "small": verdict.small,
        "big": verdict.big,
        "metric": verdict.metric,
        "unit": verdict.unit,
        "scale": verdict.scale,
        "scales": scales,
        "seeds": dict(seeds),
        "points": points,
        "agreement": [agreement(shown.filter(pl.col("scale") == scale), pair, scale) for scale in scales],
    }


def agreement(shown: pl.DataFrame, pair: tuple[str, str], scale: int) -> dict[str, Any]:
    """How often two networks gave the same class on the test samples at one scale, and who was right.

    Args:
        shown: rows of one seed of each of the pair at the scale.
        pair: the two contenders' names.
        scale: written into the result.

    Returns:
        `scale`, `samples`, `same` (samples on which both gave one class), `same_right` (of those), and of the others
        `small_right` and `big_right`.

    >>> rows = [("a", "1", "x", 1.0), ("b", "1", "x", 1.0), ("a", "2", "x", 1.0), ("b", "2", "y", 0.0)]
    >>> frame = pl.DataFrame(rows, schema=["contender", "sample_id", "prediction", "score"], orient="row")
    >>> agreement(frame, ("a", "b"), 64)
    {'scale': 64, 'samples': 2, 'same': 1, 'same_right': 1, 'small_right': 1, 'big_right': 0}
    """
    small, big = (shown.filter(pl.col("contender") == name) for name in pair)
    both = small.select("sample_id", "prediction", "score").join(
        big.select("sample_id", "prediction", "score"), on="sample_id", suffix="_big"
    )
    same = both.filter(pl.col("prediction") == pl.col("prediction_big"))
    other = both.filter(pl.col("prediction") != pl.col("prediction_big"))
    return {
        "scale": scale,
        "samples": both.height,
        "same": same.height,
        "same_right": same.filter(pl.col("score") > 0).height,
        "small_right": other.filter(pl.col("score") > 0).height,
        "big_right": other.filter(pl.col("score_big") > 0).height,
    }
