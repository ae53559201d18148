"""Scores on disk, paired over samples without ever standing in memory as one table.

A study writes its scores run by run, with the samples in one order. Read a few runs at a time, 1.5 million scores take
40 MB less than as one frame, and what a run answered is one slice of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from deepenough.comparison.pairing import CELL, Aligned, aligned_runs
from deepenough.records import require_whole_table

_ROWS = 250_000  # read at a time: fewer cost time, more cost memory


@dataclass(frozen=True, slots=True)
class StoredScores:
    """A table of scores in which every run is one block of rows, all with the same samples in the same order."""

    path: Path
    aligned: Aligned
    starts: Mapping[tuple[str, int, int], int]  # (contender, seed, scale) -> first row

    def run(self, contender: str, seed: int, scale: int, columns: list[str]) -> pl.DataFrame:
        """The rows of one run, in the order of `aligned.sample_ids`; columns that the table lacks are left out."""
        table = pl.scan_parquet(self.path)
        there = table.collect_schema()
        chosen = table.select(name for name in columns if name in there)
        return chosen.slice(self.starts[contender, seed, scale], len(self.aligned.sample_ids)).collect()


def stored_scores(path: Path) -> StoredScores | None:
    """The scores of a `scores.parquet`, or None where its rows do not stand run by run, in whole and finite scores.

    None says nothing of what is wrong: `read_scores` and `align` take rows in any order, and name what they refuse.

    >>> from tempfile import TemporaryDirectory
    >>> frame = pl.DataFrame({"contender": ["a", "a", "b", "b"], "seed": 0, "scale": 64,
    ...     "sample_id": ["x", "y", "x", "y"], "score": [1.0, 0.0, 1.0, 1.0]})
    >>> with TemporaryDirectory() as folder:
    ...     frame.write_parquet(Path(folder) / "scores.parquet")
    ...     stored_scores(Path(folder) / "scores.parquet").starts
    {('a', 0, 64): 0, ('b', 0, 64): 2}
    """
    require_whole_table(path)
    table = pl.scan_parquet(path)
    try:
        blocks = table.select(pl.struct(CELL).rle().alias("of")).unnest("of").collect()
        keys = blocks["value"].struct.unnest().rows()
        sizes = blocks["len"].unique()
        if len(sizes) != 1 or len(set(keys)) < len(keys) or None in {part for key in keys for part in key}:
            return None
        size = int(sizes[0])
        ids, scores = _columns(table, size, len(keys))
    except (pl.exceptions.PolarsError, OSError):
        return None
    if ids is None or ids.null_count() or ids.n_unique() < size or not np.isfinite(scores).all():
        return None
    runs = dict(zip(keys, scores.reshape(len(keys), size), strict=True))
    return StoredScores(path, aligned_runs(ids, runs), {key: place * size for place, key in enumerate(keys)})


def _columns(table: pl.LazyFrame, size: int, runs: int) -> tuple[pl.Series | None, np.ndarray]:
    """The ids that all runs list alike, None where they do not, and all scores, NaN where missing."""
    wanted = table.select("sample_id", pl.col("score").cast(pl.Float64))
    step = max(_ROWS // size, 1) * size
    first: pl.Series | None = None
    scores = np.empty(runs * size)
    for start in range(0, len(scores), step):
        part = wanted.slice(start, step).collect()
        ids = part["sample_id"]
        if first is None:
            first = pl.Series("sample_id", ids.head(size).to_list(), dtype=ids.dtype)  # a slice would hold the rest too
        if not all(bool((ids.slice(place, size) == first).all()) for place in range(0, len(ids), size)):
            return None, scores
        scores[start : start + len(part)] = part["score"].fill_null(float("nan")).to_numpy()
    return first, scores
