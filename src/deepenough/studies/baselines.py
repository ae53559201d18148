"""What methods without a trained network reach on a study's test pictures, for the verdict to be read beside."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from deepenough.data import TestPixels
from deepenough.evaluation import Shown
from deepenough.records import BASELINES, read_table, write_table
from deepenough.studies.bench import Bench
from deepenough.tasks.contract import Task

_AT_ONCE = 4  # pictures between two looks at whether the user asked to stop: BM3D takes seconds for each


def baseline_scores(bench: Bench, scale: int) -> pl.DataFrame | None:
    """Every baseline's score on every test sample at a scale, by the task's metric and its further ones.

    They are kept in `baselines.parquet`, so that nothing is tried twice; None where the task knows no baseline.
    """
    path, task = bench.store.baselines, bench.setting.task
    known = read_table(path, BASELINES) if path.is_file() else None
    if known is not None and scale in known["scale"]:
        return known
    nothing = bench.test.at(scale)[:0]
    names = task.baselines(nothing, bench.targets([]), [])
    if not names:
        return None
    reference: Mapping[str, np.ndarray] = {}
    if not task.metric.alone:  # a threshold is chosen on validation, for a baseline too
        reference = _runs(bench, bench.val, scale)
    runs = _runs(bench, bench.test, scale)
    parts = []
    for each in (task, *task.also()):
        shown = bench.shown(bench.test, each)
        before = bench.shown(bench.val, each) if reference else None
        for name, rows in runs.items():
            judged = each.judged(shown.run(rows), None if before is None else before.run(reference[name]))
            parts.append(_scores(each, name, scale, shown, judged))
    found = pl.concat(parts if known is None else [known, *parts])
    write_table(path, found, BASELINES)
    return found


def _runs(bench: Bench, pixels: TestPixels, scale: int) -> dict[str, np.ndarray]:
    """What each baseline says of every picture of a split, rows that `judged` takes."""
    task, shown, squares = bench.setting.task, bench.shown(pixels), pixels.at(scale)
    bench.listener.stage("what needs no training", total=len(pixels))
    rows: dict[str, list[np.ndarray]] = {}
    for first in range(0, len(pixels), _AT_ONCE):
        bench.check_stop()
        part = slice(first, first + _AT_ONCE)
        said = task.baselines(squares[part], shown.targets[part], shown.sample_ids[part])
        for name, values in said.items():
            rows.setdefault(name, []).append(values)
        bench.listener.advance(len(shown.sample_ids[part]))
    return {name: np.concatenate(values) for name, values in rows.items()}


def _scores(task: Task, name: str, scale: int, shown: Shown, judged: pl.DataFrame) -> pl.DataFrame:
    return judged.select(
        baseline=pl.lit(name),
        metric=pl.lit(task.metric.name),
        scale=pl.lit(scale, dtype=pl.Int32),
        sample_id=pl.Series(shown.samples, dtype=pl.String),
        score=pl.col("score").cast(pl.Float64),
    )
