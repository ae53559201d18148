"""Is a new model no worse than the old one: the decision rule read the other way round, for a release.

The new one stands in the place of the small network and the old one in that of the big: "small is enough" then says
that a loss as large as the margin is ruled out. The same estimators and the same 95 % interval decide, so the claim
is wrong at most 2.5 % of the time (`stats.decision`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from deepenough.comparison.measure import measure_of
from deepenough.comparison.pairing import CELL
from deepenough.comparison.verdict import decide_study
from deepenough.records import Scope, Verdict
from deepenough.stats import agresti_min_interval

OLD, NEW = "old", "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWorse:
    """Whether it is shown, and what it rests on; differences are new minus old, in `unit`.

    Args:
        shown: a loss of `margin` or more is ruled out.
        difference: new minus old.
        interval: of the difference, 95 %.
        margin: the loss too small to matter, above 0.
        unit: of all of these; `points` for accuracy.
        metric: what a score is.
        old_mean: in `unit`.
        new_mean: in `unit`.
        samples: on which both were scored.
        seeds: runs of old and of new.
        scope: `architecture` where both have several runs, else `checkpoint`.
        only_old: samples that the old one alone gets right; None where there are several runs or no 0/1 scores.
        only_new: the same of the new one.
        within_reach: whether so many samples could show it at all, were both to agree on each; None as above.
        method: by which it was estimated.
        caveats: sentences that belong to it.
    """

    shown: bool
    difference: float
    interval: tuple[float, float]
    margin: float
    unit: str
    metric: str
    old_mean: float
    new_mean: float
    samples: int
    seeds: tuple[int, int]
    scope: Scope
    only_old: int | None
    only_new: int | None
    within_reach: bool | None
    method: str
    caveats: list[str]


def no_worse(
    old: pl.DataFrame,
    new: pl.DataFrame,
    *,
    margin: float,
    groups: Mapping[str, str | None] | None = None,
    caveats: tuple[str, ...] = (),
) -> NoWorse:
    """Hold a new model against an old one on the same samples.

    Args:
        old: its scores: `seed`, `sample_id`, `score`, and `prediction` and `target` where there are any.
        new: the same.
        margin: in points of accuracy where all scores are 0 or 1, else in the scores' unit.
        groups: cluster of each sample id, where samples are not independent.
        caveats: sentences that the caller knows.

    Raises:
        InputError: (of its kinds) the margin is not above 0, or the samples are not the same.

    >>> frame = pl.DataFrame({"seed": 0, "sample_id": [str(i) for i in range(1000)], "score": 1.0})
    >>> found = no_worse(frame, frame, margin=0.5)
    >>> found.shown, found.scope, round(found.interval[0], 2)
    (True, 'checkpoint', -0.2)
    """
    both = pl.concat([_as(old, OLD), _as(new, NEW)])
    measure = measure_of(both)
    verdict = decide_study(
        both,
        margin=margin,
        small=NEW,
        big=OLD,
        metric=measure.metric,
        unit=measure.unit,
        multiplier=measure.multiplier,
        groups=groups,
        caveats=caveats,
    )
    single = max(len(seeds) for seeds in verdict.seeds.values()) == 1 and measure.metric == "accuracy"
    counts = _counts(both) if single else (None, None)
    means = {each.contender: each.mean for each in verdict.contenders}
    low, high = verdict.interval
    return NoWorse(
        shown=high < margin,
        difference=-verdict.difference,
        interval=(-high, -low),
        margin=margin,
        unit=measure.unit,
        metric=measure.metric,
        old_mean=means[OLD],
        new_mean=means[NEW],
        samples=verdict.samples,
        seeds=(len(verdict.seeds[OLD]), len(verdict.seeds[NEW])),
        scope=verdict.scope,
        only_old=counts[0],
        only_new=counts[1],
        within_reach=_within_reach(verdict) if single else None,
        method=verdict.method,
        caveats=verdict.caveats,
    )


def _as(scores: pl.DataFrame, name: str) -> pl.DataFrame:
    """The scores under one of the two names, whatever their contender and scale were."""
    known = [column for column in ("target", "prediction") if column in scores.columns]
    named = (pl.lit(name).alias("contender"), pl.col("seed").cast(pl.Int64), pl.lit(0, dtype=pl.Int32).alias("scale"))
    answered = (pl.col(column).cast(pl.String) for column in known)
    return scores.select(*named, pl.col("sample_id").cast(pl.String), pl.col("score").cast(pl.Float64), *answered)


def _counts(both: pl.DataFrame) -> tuple[int, int]:
    """Samples that old alone, and new alone, gets right."""
    wide = both.select(*CELL, "sample_id", "score").pivot(on="contender", index="sample_id", values="score")
    gap = wide[OLD] - wide[NEW]
    return int((gap > 0).sum()), int((gap < 0).sum())


def _within_reach(verdict: Verdict) -> bool:
    return 100.0 * agresti_min_interval(0, 0, verdict.samples)[1] < verdict.margin
