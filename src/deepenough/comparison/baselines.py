"""What methods without a trained network reach, beside a verdict: whether any of its networks is worth its training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from deepenough.comparison.estimating import interval_of_mean
from deepenough.comparison.pairing import Aligned, Groups, align, cluster_labels
from deepenough.comparison.stored import StoredScores
from deepenough.records import BaselineResult, Verdict
from deepenough.stats.distributions import FloatArray


def with_baselines(
    verdict: Verdict, scores: pl.DataFrame | StoredScores, baselines: pl.DataFrame | None, groups: Groups | None
) -> Verdict:
    """The verdict with every baseline that was tried by its metric at its scale, and what each contender gains over it.

    A gain is a mean over seeds and samples of the contender's score minus the baseline's on the same sample; its
    interval is that of any contender's mean (`interval_of_mean`), as a baseline has no seeds. Nothing is decided by it.

    Args:
        verdict: as `decide_study` gives it.
        scores: that it was decided on.
        baselines: `records.BASELINES`; None where there are none. They may lack samples, never have others.
        groups: cluster of each sample id, as for the verdict.
    """
    if baselines is None:
        return replace(verdict, baselines=[])
    wanted = (pl.col("metric") == verdict.metric) & (pl.col("scale") == verdict.scale)
    here = baselines.filter(wanted)
    if here.is_empty():
        return replace(verdict, baselines=[])
    aligned = scores.aligned if isinstance(scores, StoredScores) else align(scores, gaps=True)
    names = here["baseline"].unique(maintain_order=True)
    found = [_against(verdict, aligned, here.filter(baseline=name), groups) for name in names]
    return replace(verdict, baselines=found)


def _against(verdict: Verdict, aligned: Aligned, rows: pl.DataFrame, groups: Groups | None) -> BaselineResult:
    places = {name: place for place, name in enumerate(aligned.sample_ids)}
    kept = rows.filter(pl.col("sample_id").is_in(aligned.sample_ids.implode()))
    columns = [places[name] for name in kept["sample_id"]]
    own, ids = kept["score"].to_numpy()[None], kept["sample_id"]
    clusters = cluster_labels(ids, groups)
    factor = 100.0 if verdict.unit == "points" else 1.0
    cells = {
        name: cell.scores[:, columns]
        for (name, scale), cell in aligned.cells.items()
        if scale == verdict.scale and cell.complete
    }

    def ends(values: FloatArray) -> tuple[float, float] | None:
        found = interval_of_mean(values, clusters, level=verdict.level)
        return None if found is None else (found[0] * factor, found[1] * factor)

    return BaselineResult(
        baseline=rows["baseline"][0],
        mean=float(own.mean()) * factor,
        interval=ends(own),
        samples=len(ids),
        gains={name: float(np.mean(values - own)) * factor for name, values in cells.items()},
        intervals={name: ends(values - own) for name, values in cells.items()},
    )
