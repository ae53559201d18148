"""A pilot: scores of a few runs, measured for the variance components that a larger study will have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from deepenough.comparison.estimating import estimate_gain, for_planning
from deepenough.comparison.labels import labels_share
from deepenough.comparison.measure import Measure, measure_of
from deepenough.comparison.order import deciding_pair, deciding_scale, from_small_to_big
from deepenough.comparison.pairing import align, cluster_labels
from deepenough.errors import StudyError
from deepenough.stats import Estimate

FEWEST = 2  # seeds of each network: one says nothing about how seeds vary


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """What a pilot measured."""

    source: str
    small: str
    big: str
    scale: int
    images: int
    seeds: tuple[int, int]  # runs of small and of big
    measure: Measure  # what the scores are, and their unit
    mean: float  # of both, in that unit (of points: in per cent)
    estimate: Estimate  # of big minus small, in that unit; its samples are clusters where there are any
    labels_share: float | None
    seed_s: float | None  # seconds to train both networks once, where the pilot is a study's folder


def measure_pilot(
    scores: pl.DataFrame,
    *,
    source: str,
    validation: pl.DataFrame | None = None,
    pair: tuple[str | None, str | None] = (None, None),
    scale: int | None = None,
    costs: pl.DataFrame | None = None,
    groups: Mapping[str, str | None] | None = None,
    seed_s: float | None = None,
) -> Pilot:
    """Measure a pilot's scores; pair and scale are chosen as `decide_study` chooses them.

    Raises:
        InputError: (of its kinds) if the scores cannot be used, or a contender has fewer than two seeds.
    """
    aligned = align(scores, where=source)
    small, big = deciding_pair(from_small_to_big(aligned.contenders, costs), *pair)
    at, _ = deciding_scale(aligned, (small, big), validation, scale)
    first, second = aligned.cells[small, at], aligned.cells[big, at]
    fewest, name = min((len(first.seeds), small), (len(second.seeds), big))
    if fewest < FEWEST:
        remedy = "train more seeds in the pilot, or plan from assumptions"
        raise StudyError(f"--pilot {source}", f"at least {FEWEST} seeds of each network", f"{fewest} of {name}", remedy)
    measure = measure_of(scores)
    clusters = cluster_labels(aligned.sample_ids, groups)
    if len(aligned.sample_ids) < 2:
        raise StudyError(f"--pilot {source}", "at least 2 test samples", str(len(aligned.sample_ids)))
    return Pilot(
        source=source,
        small=small,
        big=big,
        scale=at,
        images=len(aligned.sample_ids),
        seeds=(len(first.seeds), len(second.seeds)),
        measure=measure,
        mean=0.5 * measure.multiplier * float(first.scores.mean() + second.scores.mean()),
        estimate=for_planning(estimate_gain(second.scores, first.scores, clusters)).scaled(measure.multiplier),
        labels_share=labels_share(scores, (small, big), at),
        seed_s=seed_s,
    )
