"""Extra trainings that vary one source of randomness alone, where they are asked for: their cells and their table.

Each stands beside seed 0, whose other sources it keeps, so that what differs between them is that source's doing. The
runs are cells like others, trained and resumed in the same way, but their scores lie in a table of their own: they are
no draws of the study's seeds and never enter its verdict.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import polars as pl
import torch
from safetensors.torch import load_file

from deepenough.records import NOISE, SCORES, NoiseSource, Verdict, read_json, read_table, write_json, write_table
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import lineage
from deepenough.studies.executor import Executor
from deepenough.studies.plan import Plan
from deepenough.studies.store import StudyFolder
from deepenough.studies.study import Study, save_study
from deepenough.training import Seeds

SOURCES: tuple[NoiseSource, ...] = get_args(NoiseSource)
KEPT = Seeds.of(0)  # whose other sources every extra run keeps


def noise_seeds(study: Study) -> list[Seeds]:
    """The seeds of every extra run that the study asks for, in the order in which they are trained."""
    return [KEPT.varying(source, run) for source in study.noise for run in range(1, study.noise_runs + 1)]


def noise_cells(study: Study) -> list[str]:
    """Names of the extra runs' cells."""
    names = lineage(study.contenders).all
    return [seeds.cell(name) for seeds in noise_seeds(study) for name in names]


def run_noise(bench: Bench, verdict: Verdict, executor: Executor) -> bool:
    """Train what was asked for and is not done, test it at the verdict's scale, and gather all such runs.

    Returns:
        Whether the verdict, which was decided before, does not know of all of them yet.
    """
    asked = noise_seeds(bench.study)
    executor.run(bench, asked, [verdict.scale])
    table, path = _gathered(bench), bench.store.noise
    if table is None:
        return bool(diverged_cells(bench.store, bench.design.contenders))
    if path.is_file() and read_table(path, NOISE).equals(table):
        return False
    write_table(path, table, NOISE)
    _say_what_repeats(bench, asked)
    return True


def done_cells(store: StudyFolder, contenders: tuple[str, ...]) -> list[tuple[str, Seeds]]:
    """Contender and seeds of every extra run in the folder that came to its end, by source and run."""
    found: list[tuple[str, Seeds]] = []
    for source in SOURCES:
        run = 1
        while any(store.cell(KEPT.varying(source, run).cell(name)).done for name in contenders):
            seeds = KEPT.varying(source, run)
            found += [(name, seeds) for name in contenders if store.cell(seeds.cell(name)).done]
            run += 1
    return found


def diverged_cells(store: StudyFolder, contenders: tuple[str, ...]) -> list[str]:
    """Names of the extra runs that diverged: kept in the record, not in the account of the noise."""
    names = [seeds.cell(contender) for contender, seeds in done_cells(store, contenders)]
    return [name for name in names if read_json(store.cell(name).note)["status"] != "trained"]


def take_up(study: Study, plan: Plan, request: Study, store: StudyFolder) -> tuple[Study, Plan]:
    """The stored study and plan, with the extra runs that are asked for now.

    They change no score of the study, so they may be asked for when it is under way or done.
    """
    wanted = {"noise": request.noise, "noise_runs": request.noise_runs}
    if not request.noise or wanted == {"noise": study.noise, "noise_runs": study.noise_runs}:
        return study, plan
    before = set(noise_cells(study))
    study = study.model_copy(update=wanted)
    cells = [*(name for name in plan.cells if name not in before), *noise_cells(study)]
    write_json(store.plan, {**read_json(store.plan), "cells": cells})
    write_json(store.request, {**read_json(store.request), **wanted})
    save_study(study, store.study)
    return study, replace(plan, cells=cells)


def _gathered(bench: Bench) -> pl.DataFrame | None:
    """The test scores of all extra runs, with their source and run; None where there are none."""
    store, contenders = bench.store, bench.design.contenders
    frames = []
    for contender, seeds in done_cells(store, contenders):
        folder = bench.store.cell(seeds.cell(contender))
        if seeds.varied is not None and folder.test.is_file():
            source, run = seeds.varied
            scores = read_table(folder.test, SCORES)
            frames.append(scores.with_columns(source=pl.lit(source), run=pl.lit(run, pl.Int64)))
    return pl.concat(frames) if frames else None


def _say_what_repeats(bench: Bench, asked: list[Seeds]) -> None:
    """Whether the same training twice gave the same weights, where that was asked."""
    again = [seeds for seeds in asked if seeds.varied is not None and seeds.varied[0] == "nondeterminism"]
    pairs = [(seeds.cell(name), KEPT.cell(name)) for seeds in again for name in bench.design.contenders]
    if not pairs:
        return
    differing = [twin for twin, first in pairs if not _same_weights(bench.store, twin, first)]
    if differing:
        bench.listener.note(f"trained again with the same seeds, these came out otherwise: {', '.join(differing)}")
    else:
        bench.listener.note("trained again with the same seeds, every network came out the same bit for bit")


def _same_weights(store: StudyFolder, one: str, other: str) -> bool:
    """Weight for weight: the files themselves may differ in the order of what they say about themselves."""
    ours, theirs = (load_file(store.cell(name).weights) for name in (one, other))
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in theirs)
