"""What the playground's page shows before any picture: the study's verdict, its map, and what agreement is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from deepenough.comparison import frontier
from deepenough.records import Verdict


def facts_of(
    verdict: Verdict,
    scores: pl.DataFrame,
    costs: pl.DataFrame | None,
    seeds: Mapping[str, int],
    *,
    answers: str,
    sample: str,
    scales: Sequence[int],
) -> dict[str, Any]:
    """The facts, in plain values.

    Args:
        verdict: of the study.
        scores: `records.SCORES` of its test.
        costs: `records.COSTS` of its machine, None where it was not measured.
        seeds: by contender, of the cell whose network answers.
        answers: the name of their kind in `tasks.answering`.
        sample: what one is, in a word.
        scales: at which they answer, image sides in pixels.

    Returns:
        `small`, `big`, `scale`, `scales`, `unit`, `answers`, `sample`; `seeds`; `points`, the map: contender, scale,
        mean, latency_s; and `agreement`, one for each scale, none where nothing is predicted: how often the two
        networks that answer gave the same class on the test samples, and how often each was right then and otherwise.
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
    predicted = shown.drop_nulls("prediction")
    at = sorted(predicted["scale"].unique().to_list())
    return {
        "small": verdict.small,
        "big": verdict.big,
        "metric": verdict.metric,
        "unit": verdict.unit,
        "scale": verdict.scale,
        "scales": sorted(scales),
        "answers": answers,
        "sample": sample,
        "seeds": dict(seeds),
        "points": points,
        "agreement": [agreement(predicted.filter(pl.col("scale") == scale), pair, scale) for scale in at],
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

    >>> rows = [("a", "1", "x", "x"), ("b", "1", "x", "x"), ("a", "2", "x", "x"), ("b", "2", "y", "x")]
    >>> frame = pl.DataFrame(rows, schema=["contender", "sample_id", "prediction", "target"], orient="row")
    >>> agreement(frame, ("a", "b"), 64)
    {'scale': 64, 'samples': 2, 'same': 1, 'same_right': 1, 'small_right': 1, 'big_right': 0}
    """
    right = (pl.col("prediction") == pl.col("target")).alias("right")
    small, big = (shown.filter(pl.col("contender") == name).select("sample_id", "prediction", right) for name in pair)
    both = small.join(big, on="sample_id", suffix="_big")
    same = both.filter(pl.col("prediction") == pl.col("prediction_big"))
    other = both.filter(pl.col("prediction") != pl.col("prediction_big"))
    return {
        "scale": scale,
        "samples": both.height,
        "same": same.height,
        "same_right": int(same["right"].sum()),
        "small_right": int(other["right"].sum()),
        "big_right": int(other["right_big"].sum()),
    }
