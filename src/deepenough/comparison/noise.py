"""The account of a verdict's noise, in plain values as `verdict.json` holds it; reported, never deciding.

Where the standard error comes from is read off the deciding estimate. What one source of randomness alone does is read
off extra trainings (`records.NOISE`) that vary it while the others stand still.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, get_args

import numpy as np
import polars as pl

from deepenough.comparison.stored import StoredScores
from deepenough.errors import RecordError
from deepenough.records import NoiseSource
from deepenough.stats import Estimate, RunSpread, cluster_scores, noise_budget, run_spread

_SOURCES = get_args(NoiseSource)
_ANSWER = ("score", "prediction", "confidence")  # what two runs that are the same have in common


def account_of(
    estimate: Estimate,
    pair: tuple[str, str],
    scores: pl.DataFrame | StoredScores,
    noise_runs: pl.DataFrame | None,
    clusters: np.ndarray | None,
    sample_ids: pl.Series,
    multiplier: float,
) -> dict[str, Any]:
    """Where the standard error of the deciding estimate comes from, and what each source of randomness does.

    Args:
        estimate: of big minus small, in the verdict's unit.
        pair: small and big.
        scores: of the study, as `decide_study` takes them.
        noise_runs: `records.NOISE`, or None.
        clusters: label of each sample, or None.
        sample_ids: the order of `clusters`.
        multiplier: units for a score of 1.

    Returns:
        The keys of `verdict.json` under `noise`; see docs/study-folder.md.

    Raises:
        RecordError: if the extra runs were tested on other samples than the study.
    """
    found = noise_budget(estimate)
    names: tuple[str | None, ...] = (pair[1], pair[0])
    parts = [
        {**_plain(asdict(part), drop="side"), "contender": None if part.side is None else names[part.side]}
        for part in found.parts
    ]
    owners = names if len(found.spreads) == 2 else (None,)
    spreads = [
        {"contender": owner, **_in_unit(spread, 1.0)} for owner, spread in zip(owners, found.spreads, strict=False)
    ]
    return {
        "gap": found.gap,
        "parts": parts,
        "seeds": spreads,
        "single_run_sd": found.single_run_sd,
        "luck": found.luck,
        "superiority": found.superiority,
        "units": estimate.samples,
        "sources": [] if noise_runs is None else list(_sources(scores, noise_runs, clusters, sample_ids, multiplier)),
    }


def _sources(
    scores: pl.DataFrame | StoredScores,
    noise_runs: pl.DataFrame,
    clusters: np.ndarray | None,
    sample_ids: pl.Series,
    factor: float,
) -> Iterator[dict[str, Any]]:
    """One entry a source, contender and scale: the spread over its runs and the run that they stand beside.

    Its variance is held against that over the study's own seeds, both as seen on these samples.
    """
    known = noise_runs.filter(pl.col("source").is_in(_SOURCES))  # a later version may know more of them
    keys = known.select("source", "contender", "seed", "scale").unique(maintain_order=True).rows()
    for source, contender, seed, scale in sorted(keys, key=lambda key: _SOURCES.index(key[0])):
        here = (pl.col("contender") == contender) & (pl.col("scale") == scale)
        own = _cell(scores, contender, scale)
        compared = [name for name in _ANSWER if name in own.columns]
        varied = noise_runs.filter(here & (pl.col("source") == source) & (pl.col("seed") == seed))
        kept = own.filter(pl.col("seed") == seed)
        frames = [*([] if kept.is_empty() else [kept]), *varied.partition_by("run", maintain_order=True)]
        runs = [_in_order(frame, sample_ids, f"{contender}, {source}").select(compared) for frame in frames]
        if len(runs) < 2:
            continue
        spread = _spread(runs, clusters)
        seeds = [_in_order(frame, sample_ids, f"{contender}, seeds") for frame in own.partition_by("seed")]
        variance = _spread(seeds, clusters).sd ** 2 if len(seeds) > 1 else 0.0
        yield {
            "source": source,
            "contender": contender,
            "scale": scale,
            **_in_unit(spread, factor),
            "share_of_seeds": spread.sd**2 / variance if variance > 0 else None,
            "identical": all(run.equals(runs[0]) for run in runs),
        }


def _cell(scores: pl.DataFrame | StoredScores, contender: str, scale: int) -> pl.DataFrame:
    """All runs of one contender at one scale, with what they answered where that is known."""
    if isinstance(scores, pl.DataFrame):
        return scores.filter((pl.col("contender") == contender) & (pl.col("scale") == scale))
    columns = ["seed", "sample_id", *_ANSWER]
    cell = scores.aligned.cells.get((contender, scale))
    runs = [] if cell is None else [scores.run(contender, seed, scale, columns) for seed in cell.seeds]
    return pl.concat(runs) if runs else pl.DataFrame(schema={"seed": pl.Int64})


def _in_order(frame: pl.DataFrame, sample_ids: pl.Series, where: str) -> pl.DataFrame:
    """One run's rows in the order of `sample_ids`."""
    ordered = pl.DataFrame({"sample_id": sample_ids}).join(frame, on="sample_id", how="left", maintain_order="left")
    if frame.height != len(sample_ids) or ordered["score"].null_count():
        got = f"{frame.height} rows for {where}, of which {ordered['score'].drop_nulls().len()} fit"
        raise RecordError("noise.parquet", f"the study's {len(sample_ids)} test samples", got, "delete noise.parquet")
    return ordered


def _spread(runs: Sequence[pl.DataFrame], clusters: np.ndarray | None) -> RunSpread:
    scores = np.stack([run["score"].cast(pl.Float64).to_numpy() for run in runs])
    return run_spread(scores if clusters is None else cluster_scores(scores, clusters))


def _in_unit(spread: RunSpread, factor: float) -> dict[str, Any]:
    return {
        "runs": spread.runs,
        "sd": spread.sd * factor,
        "interval": [end * factor for end in spread.interval],
        "own_sd": spread.own_sd * factor,
        "own_interval": [end * factor for end in spread.own_interval],
        "clipped": spread.clipped,
    }


def _plain(values: dict[str, Any], drop: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != drop}
