"""From the cells' folders to the study's tables, its verdict, and what it took."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from deepenough.comparison import decide_study, slice_table
from deepenough.errors import StudyError
from deepenough.records import COSTS, NOISE, SCORES, SLICES, Verdict, read_json, read_table, write_json, write_table
from deepenough.stats import diverged_rate
from deepenough.studies.local import Bench
from deepenough.studies.noise import diverged_cells, done_cells
from deepenough.studies.thumbnails import write_thumbnails
from deepenough.training import Seeds, cell_name

FEW_TRAINING_IMAGES = 10_000


def decide(bench: Bench) -> Verdict:
    """Gather the cells' scores, decide, and keep small copies of the pictures that divide the contenders.

    Raises:
        StudyError: every training of a contender diverged.
    """
    store, cells = bench.store, _cells(bench)
    diverged = [name for name in cells if read_json(store.cell(name).note)["status"] != "trained"]
    _require_one_sound(bench, diverged)
    sound = [store.cell(name) for name in cells if name not in diverged]
    scores = pl.concat([read_table(folder.test, SCORES) for folder in sound])
    validation = pl.concat([read_table(folder.validation, SCORES) for folder in sound])
    write_table(store.scores, scores, SCORES)
    write_table(store.validation, validation, SCORES)
    groups = dict(bench.prepared.samples.select("sample_id", "group").iter_rows())
    known = groups if any(group is not None for group in groups.values()) else None
    metric = bench.setting.task.metric
    verdict = decide_study(
        scores,
        margin=bench.study.margin,
        validation=validation,
        costs=read_table(store.costs, COSTS),
        metric=metric.name,
        unit=metric.unit,
        multiplier=metric.multiplier,
        groups=known,
        caveats=_caveats(bench, diverged),
        noise_runs=read_table(store.noise, NOISE) if store.noise.is_file() else None,
    )
    write_json(store.verdict, verdict)
    _write_slices(bench, scores, verdict, known)
    if bench.study.images:
        write_thumbnails(bench.prepared, scores, verdict, store.thumbnails)
    return verdict


def _write_slices(
    bench: Bench, scores: pl.DataFrame, verdict: Verdict, groups: Mapping[str, str | None] | None
) -> None:
    slices = slice_table(
        scores,
        bench.prepared.samples,
        small=verdict.small,
        big=verdict.big,
        groups=groups,
        multiplier=bench.setting.task.metric.multiplier,
    )
    write_table(bench.store.slices, slices, SLICES)


def note_what_it_took(bench: Bench, cost_s: float, peak_bytes: int) -> None:
    """Hold the forecast against what the study took, interruptions left out.

    Args:
        bench: of the study.
        cost_s: seconds of measuring costs.
        peak_bytes: the most memory that training and testing held.
    """
    notes = [read_json(bench.store.cell(name).note) for name in _cells(bench)]
    training = sum(note["training_s"] for note in notes)
    evaluation = sum(note["evaluation_s"] for note in notes)
    extra = [read_json(bench.store.cell(seeds.cell(name)).note) for name, seeds in _noise(bench)]
    noise = sum(note["training_s"] + note["evaluation_s"] for note in extra)
    took = {
        "training_s": training,
        "evaluation_s": evaluation,
        "cost_s": cost_s,
        "noise_s": noise,
        "total_s": training + evaluation + cost_s + noise,
        "peak_bytes": peak_bytes,
    }
    write_json(bench.store.plan, {**read_json(bench.store.plan), "took": took})


def _cells(bench: Bench) -> list[str]:
    return [cell_name(name, seed) for seed in range(bench.design.seeds) for name in bench.design.contenders]


def _noise(bench: Bench) -> list[tuple[str, Seeds]]:
    return done_cells(bench.store, bench.design.contenders)


def _require_one_sound(bench: Bench, diverged: list[str]) -> None:
    for contender in bench.design.contenders:
        if all(cell_name(contender, seed) in diverged for seed in range(bench.design.seeds)):
            remedy = "lower the learning rate, and choose another --out"
            raise StudyError(contender, "at least one training that converges", "all trainings diverged", remedy)


def _caveats(bench: Bench, diverged: list[str]) -> list[str]:
    """What this study cannot know, in sentences; the comparison adds what the numbers themselves give away."""
    study, said = bench.study, []
    training = len(bench.train)
    if study.source == "digits":
        said.append("The pictures are scikit-learn's 8 x 8 digits: they prove the pipeline and say little about depth.")
    elif training < FEW_TRAINING_IMAGES and not study.weights:
        said.append(
            f"The networks were trained from scratch on {training:,} images: with public pre-trained weights the "
            "difference may be another."
        )
    if study.weights:
        started = ", ".join(sorted(study.weights))
        said.append(f"Starting weights were given for {started}: the verdict holds given these weights.")
    changed = read_json(bench.store.environment).get("changed")
    if changed:
        listed = ", ".join(f"{name} {values}" for name, values in changed.items())
        said.append(
            f"The study went on with other versions or on another machine ({listed}); its runs may differ by it."
        )
    if diverged:
        said.append(
            f"Diverged and left out: {', '.join(diverged)} ({_rates(bench, diverged)}). The verdict is about trainings "
            "that converge; a contender that diverges is a finding in itself."
        )
    extra = diverged_cells(bench.store, bench.design.contenders)
    if extra:
        said.append(f"Diverged and left out of the account of the noise: {', '.join(extra)}.")
    return said


def _rates(bench: Bench, diverged: list[str]) -> str:
    """How often each contender that diverged did so, with the 95 % interval of the rate."""
    said = []
    for contender in bench.design.contenders:
        count = sum(cell_name(contender, seed) in diverged for seed in range(bench.design.seeds))
        low, high = diverged_rate(count, bench.design.seeds).interval
        if count:
            share = f"{100 * low:.0f} to {100 * high:.0f} %"
            said.append(f"{contender}: {count} of {bench.design.seeds} trainings, so a rate of {share}")
    return "; ".join(said)
