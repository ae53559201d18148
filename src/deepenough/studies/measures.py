"""What is measured beside the verdict, from what is kept of every picture: further metrics, and temperatures."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from deepenough.comparison import decide_study, groups_of
from deepenough.comparison.temperature import calibration_error, fit_temperature, tempered
from deepenough.data import TestPixels
from deepenough.errors import InputError
from deepenough.evaluation.outcomes import Shown, rows_of, table
from deepenough.records import BASELINES, OUTCOMES, Measure, Measures, Tempered, Verdict, read_table
from deepenough.studies.bench import Bench
from deepenough.tasks.contract import Metric, Run, Task
from deepenough.training import cell_name

RESAMPLES = 400  # of the images, for an error's interval
_COLUMN = "probabilities"

Runs = dict[tuple[str, int], Run]  # by contender and seed


def measure(bench: Bench, verdict: Verdict) -> Measures | None:
    """Everything beside the verdict, for the deciding pair at the deciding scale; None where nothing was kept for it.

    The same samples, clusters, seeds and level as the verdict's; the metrics are no further questions that were
    declared, so nothing is decided by them.
    """
    task = bench.setting.task
    splits = {"validation": bench.val, "test": bench.test} | ({"shifted": bench.shifted} if bench.shifted else {})
    told = task.row.names == (_COLUMN,)  # probabilities alone, whose temperature can be had
    if not ((told or task.also()) and all(_kept(bench, verdict, split) for split in splits)):
        return None
    runs = {split: _runs(bench, verdict, split, bench.shown(pixels)) for split, pixels in splits.items()}
    found = []
    for split in ("test", "shifted") if "shifted" in splits else ("test",):
        for each in (task, *task.also()):
            with contextlib.suppress(InputError):  # a split need not hold what a further metric takes
                found.append(
                    _measured(bench, verdict, each, split, {own: splits[own] for own in (split, "validation")}, runs)
                )
    one_class = told and all(np.asarray(run.targets).ndim == 1 for run in runs["test"].values())
    return Measures(
        small=verdict.small,
        big=verdict.big,
        scale=verdict.scale,
        level=verdict.level,
        measures=found,
        tempered=list(_tempered(verdict, runs)) if one_class else [],
    )


def _kept(bench: Bench, verdict: Verdict, split: str) -> bool:
    return all(
        bench.store.cell(cell_name(name, seed)).outcomes(split).is_file()
        for name in (verdict.small, verdict.big)
        for seed in verdict.seeds[name]
    )


def _runs(bench: Bench, verdict: Verdict, split: str, shown: Shown) -> Runs:
    runs = {}
    for name in (verdict.small, verdict.big):
        for seed in verdict.seeds[name]:
            path = bench.store.cell(cell_name(name, seed)).outcomes(split)
            kept = read_table(path, OUTCOMES).filter(pl.col("scale") == verdict.scale)
            runs[name, seed] = shown.run(rows_of(kept, bench.setting.task.row))
    return runs


def _measured(
    bench: Bench, verdict: Verdict, task: Task, split: str, pixels: Mapping[str, TestPixels], runs: dict[str, Runs]
) -> Measure:
    """One metric on one split, by the estimator of the verdict; its samples need not be the verdict's."""
    shown = {own: bench.shown(each, task) for own, each in pixels.items()}
    asked = {own: {key: of.run(run.rows) for key, run in runs[own].items()} for own, of in shown.items()}
    frames = [
        table(name, seed, verdict.scale, shown[split], 0, task.judged(run, asked["validation"][name, seed]))
        for (name, seed), run in asked[split].items()
    ]
    units = shown[split].units
    metric = task.metric
    decided = decide_study(
        pl.concat(frames),
        margin=verdict.margin,
        small=verdict.small,
        big=verdict.big,
        scale=verdict.scale,
        metric=metric.name,
        unit=metric.unit,
        multiplier=metric.multiplier,
        groups=groups_of(bench.prepared.samples if units is None else units),
        level=verdict.level,
        trained=verdict.trained,
    )
    found = measure_of(decided, "test_shifted" if split == "shifted" else split)
    return replace(
        found,
        intervals={name: _within(ends, metric) for name, ends in found.intervals.items()},
        baselines=_baselines(bench, task, verdict.scale) if split == "test" else {},
    )


def measure_of(decided: Verdict, split: str) -> Measure:
    """What was decided by one metric, as it is reported beside a verdict."""
    reached = {each.contender: each for each in decided.contenders}
    return Measure(
        split=split,
        metric=decided.metric,
        unit=decided.unit,
        samples=decided.samples,
        means={name: each.mean for name, each in reached.items()},
        intervals={name: each.interval for name, each in reached.items()},
        difference=decided.difference,
        interval=decided.interval,
    )


def _baselines(bench: Bench, task: Task, scale: int) -> dict[str, float]:
    """The mean of each baseline that was tried on the test images, by the task's metric at a scale."""
    path, metric = bench.store.baselines, task.metric
    if not path.is_file():
        return {}
    here = read_table(path, BASELINES).filter((pl.col("metric") == metric.name) & (pl.col("scale") == scale))
    means = here.group_by("baseline", maintain_order=True).agg(pl.col("score").mean() * metric.multiplier)
    return dict(means.iter_rows())


def _within(ends: tuple[float, float] | None, metric: Metric) -> tuple[float, float] | None:
    """An interval without what the metric cannot be."""
    if ends is None:
        return None
    lowest, highest = metric.lowest * metric.multiplier, metric.highest * metric.multiplier
    return max(ends[0], lowest), min(ends[1], highest)


def _tempered(verdict: Verdict, runs: dict[str, Runs]) -> list[Tempered]:
    found = []
    for name in (verdict.small, verdict.big):
        seeds = sorted(verdict.seeds[name])
        fitted = [fit_temperature(*_read(runs["validation"][name, seed])) for seed in seeds]
        for split in runs:
            each = [_read(runs[split][name, seed]) for seed in seeds]
            before = [_sure(*read) for read in each]
            after = [
                _sure(tempered(chances, temperature), true)
                for (chances, true), temperature in zip(each, fitted, strict=True)
            ]
            errors, later = (np.mean([calibration_error(*run) for run in of], axis=0) for of in (before, after))
            found.append(
                Tempered(
                    split="test_shifted" if split == "shifted" else split,
                    contender=name,
                    samples=len(each[0][1]),
                    temperatures=fitted,
                    error=float(errors[0]),
                    error_after=float(later[0]),
                    by_chance=float(errors[1]),
                    by_chance_after=float(later[1]),
                    interval=_interval(before),
                    interval_after=_interval(after),
                )
            )
    return found


def _read(run: Run) -> tuple[np.ndarray, np.ndarray]:
    return run.rows[_COLUMN].astype(np.float64), np.asarray(run.targets)


def _sure(chances: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of each answer, and whether it is right."""
    return chances.max(axis=1), chances.argmax(axis=1) == true


def _interval(runs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """95 % of the mean error of the runs on resampled images; an error is never below 0, so it leans upwards."""
    rng, size = np.random.default_rng(0), len(runs[0][0])
    drawn = (rng.integers(size, size=size) for _ in range(RESAMPLES))
    errors = [np.mean([calibration_error(sure[rows], right[rows])[0] for sure, right in runs]) for rows in drawn]
    low, high = np.quantile(errors, (0.025, 0.975))
    return float(low), float(high)
