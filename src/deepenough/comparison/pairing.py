"""Long table in, aligned matrices out: every contender's scores on the very same samples in the very same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from deepenough.errors import RecordError, StudyError
from deepenough.records import require_whole_table, unpanicked
from deepenough.stats.distributions import FloatArray
from deepenough.stats.unbalanced import fit_runs

CELL = ("contender", "seed", "scale")
#: The cluster of each sample id, or its two; None for a sample that depends on no other.
Groups = Mapping[str, str | tuple[str, str] | None]
_COLUMNS = (*CELL, "sample_id", "score")
_SHOWN = 5  # ids named in a message
FEWEST_PAIRS = 3  # seeds: two were measured to claim too much even with guarded degrees of freedom


@dataclass(frozen=True, slots=True)
class Cells:
    """One contender at one scale: `scores` of shape (seeds, samples), in the order of `seeds`; NaN where missing."""

    seeds: tuple[int, ...]
    scores: FloatArray

    @property
    def complete(self) -> bool:
        """Whether every seed has a score for every sample."""
        return not bool(np.isnan(self.scores).any())

    def seed_means(self) -> FloatArray:
        """Each seed's mean; with gaps, of the samples that any seed scored, as if every seed had scored them all."""
        if self.complete:
            return self.scores.mean(1)
        fit = fit_runs(self.scores)
        return fit.values[fit.scored > 0].mean() + fit.effects

    def of(self, seeds: Sequence[int]) -> FloatArray:
        """The scores of these seeds, in their order."""
        return self.scores[[self.seeds.index(seed) for seed in seeds]]


@dataclass(frozen=True, slots=True)
class Aligned:
    """All scores of a study, by (contender, scale); columns of every matrix are `sample_ids`."""

    sample_ids: pl.Series
    cells: Mapping[tuple[str, int], Cells]
    missing: tuple[tuple[str, int, int], ...]  # (contender, seed, scale) met elsewhere but not at this scale

    @property
    def contenders(self) -> tuple[str, ...]:
        """In the order of their first row."""
        return tuple(dict.fromkeys(contender for contender, _ in self.cells))

    @property
    def scales(self) -> tuple[int, ...]:
        """Ascending."""
        return tuple(sorted({scale for _, scale in self.cells}))


def read_scores(path: Path, more: Sequence[str] = (), *, ids: bool = True) -> pl.DataFrame:
    """The columns of a `scores.parquet` that a verdict needs, and no others.

    Contenders are dictionary-encoded on the way in: a million names take 4 MB instead of 24, and compare faster.

    Args:
        path: of the table.
        more: further columns, for metrics that are computed from predictions.
        ids: with the samples' ids; means over a validation set need none.

    Raises:
        RecordError: if the file is missing, torn, or lacks a column.
    """
    if not path.is_file():
        raise RecordError(str(path), "a table of scores", "no such file", "give the folder of a finished study")
    columns = [name for name in (*_COLUMNS, *more) if ids or name != "sample_id"]
    wanted = [pl.col(name).cast(pl.Categorical) if name == "contender" else pl.col(name) for name in columns]
    try:
        require_whole_table(path)
        with unpanicked():
            return pl.scan_parquet(path).select(wanted).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        needed = f"Parquet with the columns {', '.join(columns)}"
        raise RecordError(str(path), needed, str(error).splitlines()[0], "run the study again") from error


def align(scores: pl.DataFrame, *, where: str = "scores", gaps: bool = False) -> Aligned:
    """Pair the scores of all cells over samples.

    Args:
        scores: columns `contender`, `seed`, `scale`, `sample_id`, `score`, in any order of rows; fastest where each
            cell's rows stand together with the samples in one order.
        where: the file's name, for messages.
        gaps: cells may hold different samples: the score of one that a cell lacks is NaN.

    Raises:
        RecordError: if a column or score is missing, a sample occurs twice in a cell, or cells hold different samples.
    """
    missing = [name for name in _COLUMNS if name not in scores.columns]
    if missing:
        raise RecordError(where, f"the columns {', '.join(_COLUMNS)}", f"no column {', '.join(missing)}")
    if scores.is_empty():
        raise RecordError(where, "at least one score", "an empty table")
    frame = scores.select(_COLUMNS)
    _refuse_gaps(frame, where)
    starts = _starts(frame)
    if not _stands_together(frame, starts):
        frame = frame.sort("contender", "scale", "seed", pl.col("sample_id").hash(), maintain_order=True)
        starts = _starts(frame)
        if not _stands_together(frame, starts):
            _refuse_mismatch(frame, where, twice_only=gaps)
            return _with_gaps(frame)
    size = frame.height // len(starts)
    ids = frame["sample_id"].slice(0, size)
    if ids.n_unique() < size:
        _refuse_mismatch(frame, where)
    keys = frame.select(CELL)[starts].rows()
    values = frame["score"].cast(pl.Float64).to_numpy()
    return aligned_runs(ids, {key: values[start : start + size] for key, start in zip(keys, starts, strict=True)})


def aligned_runs(sample_ids: pl.Series, runs: Mapping[tuple[str, int, int], FloatArray]) -> Aligned:
    """Scores by (contender, seed, scale), each in the order of `sample_ids`, as matrices of shape (seeds, samples)."""
    rows: dict[tuple[str, int], dict[int, FloatArray]] = {}
    for (contender, seed, scale), scores in runs.items():
        rows.setdefault((contender, scale), {})[seed] = scores
    cells = {key: Cells(tuple(sorted(by)), np.stack([by[seed] for seed in sorted(by)])) for key, by in rows.items()}
    return Aligned(sample_ids, cells, _missing(cells))


def _with_gaps(frame: pl.DataFrame) -> Aligned:
    """Cells that hold different samples, each sample once, on the samples of all of them."""
    ids = frame["sample_id"].unique(maintain_order=True)
    runs: dict[tuple[str, int, int], FloatArray] = {}
    places = pl.DataFrame({"sample_id": ids}).with_row_index("place")
    for key, rows in frame.join(places, on="sample_id").group_by(CELL):
        runs[str(key[0]), int(key[1]), int(key[2])] = found = np.full(len(ids), np.nan)  # pyright: ignore
        found[rows["place"].to_numpy()] = rows["score"].cast(pl.Float64).to_numpy()
    return aligned_runs(ids, runs)


def shared_seeds(first: Cells, second: Cells) -> tuple[int, ...]:
    """The seeds that both have."""
    return tuple(seed for seed in first.seeds if seed in second.seeds)


def matched(big: Cells, small: Cells, *, paired: bool) -> tuple[FloatArray, FloatArray, bool]:
    """The scores to compare: of the seeds that both have, in pairs, where that is wanted and they are enough; else all.

    Returns:
        Big's scores, small's, and whether row s of one belongs to row s of the other.
    """
    shared = shared_seeds(big, small) if paired else ()
    if len(shared) < FEWEST_PAIRS:
        return big.scores, small.scores, False
    return big.of(shared), small.of(shared), True


def require_pairs(aligned: Aligned, pair: tuple[str, str], scale: int) -> None:
    """Refuse to pair seeds where a pair shares too few of them, or where runs lack samples.

    Raises:
        StudyError: fewer than three seeds of the pair bear the same number, or a score is missing.
    """
    first, second = (aligned.cells[name, scale] for name in pair)
    shared, remedy = shared_seeds(first, second), "take the seeds as independent"
    if not (first.complete and second.complete):
        raise StudyError("paired seeds", "runs on the same samples", "runs that lack some", remedy)
    if len(shared) < FEWEST_PAIRS:
        got = f"{len(shared)} ({', '.join(map(str, shared)) or 'none alike'})"
        expected = f"at least {FEWEST_PAIRS} seeds that {pair[0]} and {pair[1]} both have"
        raise StudyError("paired seeds", expected, got, remedy)


def cluster_labels(sample_ids: pl.Series, groups: Groups | None) -> np.ndarray | None:
    """Cluster of each sample, in the order of `sample_ids`; a sample without a group is a cluster of its own.

    Samples of two groups each (pairs) give the clusters of both, shape (samples, 2). None where there are no groups, or
    each holds one sample: then clusters change nothing.
    """
    if not groups:
        return None
    if any(isinstance(group, tuple) for group in groups.values()):
        both = [groups.get(sample) for sample in sample_ids]
        pairs = [
            group if isinstance(group, tuple) else (group or sample,) * 2
            for group, sample in zip(both, sample_ids, strict=True)
        ]
        return np.unique(np.array(pairs, dtype=np.str_), return_inverse=True)[1].reshape(-1, 2)
    known = {group: code for code, group in enumerate(dict.fromkeys(g for g in groups.values() if g is not None))}
    labels = np.empty(len(sample_ids), np.int64)
    for position, sample in enumerate(sample_ids):
        group = groups.get(sample)
        labels[position] = len(known) + position if group is None else known[group]
    return None if len(np.unique(labels)) == len(labels) else labels


def _starts(frame: pl.DataFrame) -> np.ndarray:
    """Rows at which a new cell begins."""
    changed = (pl.col(name).ne_missing(pl.col(name).shift(1)) for name in CELL)
    begins = frame.select(pl.any_horizontal(*changed).alias("begins"))["begins"].to_numpy().copy()
    begins[0] = True
    return np.flatnonzero(begins)


def _stands_together(frame: pl.DataFrame, starts: np.ndarray) -> bool:
    """Whether every cell is one block of rows, and all blocks list the same samples in the same order."""
    size, rest = divmod(frame.height, len(starts))
    if rest or not np.array_equal(starts, np.arange(len(starts)) * size):
        return False
    if frame.select(CELL)[starts].n_unique() < len(starts):
        return False
    ids = frame["sample_id"]
    first = ids.slice(0, size)
    return all(bool((ids.slice(int(start), size) == first).all()) for start in starts[1:])


def _missing(cells: Mapping[tuple[str, int], Cells]) -> tuple[tuple[str, int, int], ...]:
    scales = sorted({scale for _, scale in cells})
    seeds: dict[str, set[int]] = {}
    for (contender, _), cell in cells.items():
        seeds.setdefault(contender, set()).update(cell.seeds)
    return tuple(
        (contender, seed, scale)
        for contender, all_seeds in seeds.items()
        for scale in scales
        for seed in sorted(all_seeds - set(cells[contender, scale].seeds if (contender, scale) in cells else ()))
    )


def _refuse_gaps(frame: pl.DataFrame, where: str) -> None:
    empty = [name for name in _COLUMNS if frame[name].null_count()]
    if empty:
        raise RecordError(where, "a value in every row", f"empty cells in column {', '.join(empty)}")
    bad = frame.filter(~pl.col("score").cast(pl.Float64).is_finite())
    if bad.height:
        contender, seed, _, sample, score = bad.row(0)
        got = f"{score} for {contender}, seed {seed}, sample {sample} ({bad.height} such rows)"
        remedy = "leave such samples out for all contenders, or the seed as diverged"
        raise RecordError(where, "finite scores", got, remedy)


def _refuse_mismatch(frame: pl.DataFrame, where: str, *, twice_only: bool = False) -> None:
    """Say which samples occur twice, or are not shared by all cells."""
    twice = frame.filter(pl.struct(*CELL, "sample_id").is_duplicated())
    if twice.height:
        contender, seed, scale, sample, _ = twice.row(0)
        got = f"{twice.height} rows that share theirs, first {sample} of {contender}, seed {seed}, scale {scale}"
        raise RecordError(where, "one row for each sample of a cell", got, "remove the duplicates")
    if twice_only:
        return
    cells = frame.select(CELL).unique().height
    partial = frame.group_by("sample_id", maintain_order=True).len().filter(pl.col("len") < cells)["sample_id"]
    lacking = (
        frame.group_by(CELL, maintain_order=True)
        .agg(absent=pl.lit(partial.len()) - pl.col("sample_id").is_in(partial.implode()).sum())
        .filter(pl.col("absent") > 0)
    )
    contender, seed, scale, absent = lacking.row(0)
    shown = ", ".join(str(sample) for sample in partial.sort().head(_SHOWN))
    shown += ", ..." if len(partial) > _SHOWN else ""
    got = f"{len(partial)} that not every cell has ({shown}); {contender}, seed {seed}, scale {scale} lacks {absent}"
    raise RecordError(where, "the same samples in every cell", got, "score all contenders on the same samples")
