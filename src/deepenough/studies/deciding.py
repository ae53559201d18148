"""From the cells' folders to the study's tables, its verdict, and what it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from deepenough.comparison import decide_study, groups_of, slice_table
from deepenough.comparison.baselines import with_baselines
from deepenough.comparison.order import from_small_to_big
from deepenough.comparison.pairing import FEWEST_PAIRS, Groups
from deepenough.errors import InputError, StudyError
from deepenough.records import (
    COSTS,
    NOISE,
    OUTCOMES,
    SCORES,
    SLICES,
    Verdict,
    read_json,
    read_table,
    write_json,
    write_table,
)
from deepenough.stats import Look, diverged_rate
from deepenough.studies.baselines import baseline_scores
from deepenough.studies.bench import Bench
from deepenough.studies.cams import write_cams
from deepenough.studies.exhibits import write_exhibits
from deepenough.studies.kinship import caveats_of_kinship
from deepenough.studies.measures import measure
from deepenough.studies.noise import diverged_cells, done_cells
from deepenough.studies.rates import caveat_of_rates, recorded_rates
from deepenough.studies.shifted import decide_shifted, without_shifted
from deepenough.studies.starting import caveats_of_start
from deepenough.studies.store import CellFolder
from deepenough.studies.thumbnails import write_thumbnails
from deepenough.training import Seeds, cell_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A verdict with the look that it was taken at and the scores that it rests on."""

    look: Look
    verdict: Verdict
    scores: pl.DataFrame
    validation: pl.DataFrame
    groups: Groups | None  # of the samples, where any were given
    shifted: Verdict | None = None  # of the scores below: the same question on the test set from elsewhere
    shifted_scores: pl.DataFrame | None = None

    def with_looks(self, looks: list[dict[str, Any]]) -> Decided:
        """The same, its verdict with the record of all declared looks."""
        return replace(self, verdict=replace(self.verdict, looks=looks))


def decide(bench: Bench, look: Look) -> Decided:
    """Gather the scores of a look's seeds and decide at its level; nothing is written.

    Raises:
        StudyError: every training of a contender diverged.
    """
    store, cells = bench.store, _cells(bench, look)
    diverged = [name for name in cells if read_json(store.cell(name).note)["status"] != "trained"]
    _require_one_sound(bench, look, diverged)
    sound = [store.cell(name) for name in _sound(bench, look)]
    scores = pl.concat([read_table(folder.test, SCORES) for folder in sound])
    validation = pl.concat([read_table(folder.validation, SCORES) for folder in sound])
    metric, costs, known = bench.setting.task.metric, read_table(store.costs, COSTS), groups_of(bench.samples)
    small, big = from_small_to_big(bench.design.contenders[:2], costs)
    pairs = _pairs(look, diverged, (small, big))
    verdict = decide_study(
        scores,
        margin=bench.study.margin,
        validation=validation,
        small=small,
        big=big,
        costs=costs,
        metric=metric.name,
        unit=metric.unit,
        multiplier=metric.multiplier,
        groups=known,
        caveats=[*_caveats(bench, look, diverged), *_unpaired(bench, pairs)],
        noise_runs=read_table(store.noise, NOISE) if store.noise.is_file() else None,
        level=look.level,
        guard=look.guard,
        trained=bench.study.recipe.train,
        paired_seeds=bench.study.paired_seeds and pairs >= FEWEST_PAIRS,
    )
    verdict = with_baselines(verdict.told_by(bench.setting.task), scores, baseline_scores(bench, verdict.scale), known)
    decided = Decided(look=look, verdict=verdict, scores=scores, validation=validation, groups=known)
    return _with_shifted(bench, decided, sound)


def _with_shifted(bench: Bench, decided: Decided, cells: Sequence[CellFolder]) -> Decided:
    """With the same question to the same networks on the test set from elsewhere, or a caveat that says why not."""
    why, metric, files = bench.unjudged, bench.setting.task.metric, [folder.shifted for folder in cells]
    if why is None and bench.shifted is not None and all(file.is_file() for file in files):
        scores = pl.concat([read_table(file, SCORES) for file in files])
        decided = replace(decided, shifted_scores=scores)
        asked = {"look": decided.look, "groups": decided.groups, "multiplier": metric.multiplier}
        try:
            return replace(decided, shifted=decide_shifted(scores, decided.verdict, **asked))
        except InputError as error:
            why = str(error)
    if why is None:
        return decided
    caveats = [*decided.verdict.caveats, without_shifted(metric, why)]
    return replace(decided, verdict=replace(decided.verdict, caveats=caveats))


def keep(bench: Bench, decided: Decided) -> None:
    """Write the scores, the verdict and the slices, with small copies of the pictures that divide the contenders."""
    store = bench.store
    write_table(store.scores, decided.scores, SCORES)
    write_table(store.validation, decided.validation, SCORES)
    if decided.shifted_scores is not None:
        write_table(store.shifted, decided.shifted_scores, SCORES)
    if decided.shifted is not None:
        write_json(store.verdict_shifted, decided.shifted)
    measured = measure(bench, decided.verdict)
    if measured is not None:
        write_json(store.measures, measured)
    kept_in = {"test": store.outcomes, "validation": store.outcomes_validation, "shifted": store.outcomes_shifted}
    for split, path in kept_in.items():
        kept = [store.cell(name).outcomes(split) for name in _sound(bench, decided.look)]
        if any(file.is_file() for file in kept):
            write_table(path, pl.concat([read_table(file, OUTCOMES) for file in kept]), OUTCOMES)
    write_json(store.verdict, decided.verdict)
    _write_slices(bench, decided)
    if bench.study.images:
        write_thumbnails(bench.prepared, decided.scores, decided.verdict, store.thumbnails, bench.units)
        write_cams(bench, decided.scores, decided.verdict)
        write_exhibits(bench, decided.scores, decided.verdict)


def _sound(bench: Bench, look: Look) -> list[str]:
    """The cells of a look that came to a sound end."""
    return [name for name in _cells(bench, look) if read_json(bench.store.cell(name).note)["status"] == "trained"]


def _write_slices(bench: Bench, decided: Decided) -> None:
    slices = slice_table(
        decided.scores,
        bench.samples,
        small=decided.verdict.small,
        big=decided.verdict.big,
        groups=decided.groups,
        multiplier=bench.setting.task.metric.multiplier,
    )
    write_table(bench.store.slices, slices, SLICES)


def note_what_it_took(bench: Bench, look: Look, cost_s: float, peak_bytes: int) -> None:
    """Hold the forecast against what the study took, interruptions left out.

    Args:
        bench: of the study.
        look: at which it ended.
        cost_s: seconds of measuring costs.
        peak_bytes: the most memory that training and testing held.
    """
    made = [cell_name(name, seed) for seed in range(look.seeds) for name in bench.design.lineage.all]
    notes = [read_json(bench.store.cell(name).note) for name in made]
    training = sum(note["training_s"] for note in notes)
    evaluation = sum(note["evaluation_s"] for note in notes)
    extra = [read_json(bench.store.cell(seeds.cell(name)).note) for name, seeds in _noise(bench)]
    noise = sum(note["training_s"] + note["evaluation_s"] for note in extra)
    tests = sum(each["took_s"] for each in recorded_rates(bench).values())
    took = {
        "training_s": training,
        "evaluation_s": evaluation,
        "cost_s": cost_s,
        "noise_s": noise,
        "range_tests_s": tests,
        "total_s": training + evaluation + cost_s + noise + tests,
        "peak_bytes": peak_bytes,
    }
    write_json(bench.store.plan, {**read_json(bench.store.plan), "took": took})


def _cells(bench: Bench, look: Look) -> list[str]:
    return [cell_name(name, seed) for seed in range(look.seeds) for name in bench.design.contenders]


def _noise(bench: Bench) -> list[tuple[str, Seeds]]:
    return done_cells(bench.store, bench.design.lineage.all)


def _require_one_sound(bench: Bench, look: Look, diverged: list[str]) -> None:
    for contender in bench.design.contenders:
        if all(cell_name(contender, seed) in diverged for seed in range(look.seeds)):
            remedy = "lower the learning rate, and choose another --out"
            raise StudyError(contender, "at least one training that converges", "all trainings diverged", remedy)


def _caveats(bench: Bench, look: Look, diverged: list[str]) -> list[str]:
    """What this study cannot know, in sentences; the comparison adds what the numbers themselves give away."""
    said = caveats_of_start(bench.study, bench.prepared.audit.splits.get("train", 0))
    changed = read_json(bench.store.environment).get("changed")
    if changed:
        listed = ", ".join(_changed(name, values) for name, values in changed.items())
        said.append(
            f"The study went on with other versions or on another machine ({listed}); its runs may differ by it."
        )
    said += [
        *caveat_of_rates(bench),
        *caveats_of_kinship(bench.design.contenders),
        *_halved(bench, look),
        *_apart(bench, look),
    ]
    if diverged:
        said.append(
            f"Diverged and left out: {', '.join(diverged)} ({_rates(bench, look, diverged)}). The verdict is about "
            "trainings that converge; a contender that diverges is a finding in itself."
        )
    extra = diverged_cells(bench.store, bench.design.contenders)
    if extra:
        said.append(f"Diverged and left out of the account of the noise: {', '.join(extra)}.")
    return said


def _changed(name: str, values: str) -> str:
    """A version or machine that changed, as its readers know it.

    >>> _changed("torch", "2.6.0 -> 2.7.0"), _changed("source_hash", "e4ef -> d366")
    ('torch 2.6.0 -> 2.7.0', "this program's own code, edited in between (e4ef -> d366)")
    """
    return f"this program's own code, edited in between ({values})" if name == "source_hash" else f"{name} {values}"


def _pairs(look: Look, diverged: list[str], pair: tuple[str, str]) -> int:
    """With how many seeds of a look neither contender of the pair diverged."""
    return sum(all(cell_name(name, seed) not in diverged for name in pair) for seed in range(look.seeds))


def _unpaired(bench: Bench, pairs: int) -> list[str]:
    """Why seeds that were declared as paired were not, where too few pairs are there."""
    if not bench.study.paired_seeds or pairs >= FEWEST_PAIRS:
        return []
    return [
        f"Paired seeds were declared, but {pairs} of them ended with both networks trained and that takes "
        f"{FEWEST_PAIRS}: the seeds were taken as independent, which is never too bold."
    ]


def _halved(bench: Bench, look: Look) -> list[str]:
    """That some trainings took their batches in parts, which is not quite what was declared."""
    notes = {name: read_json(bench.store.cell(name).note).get("halvings") for name in _cells(bench, look)}
    declared = bench.study.parts or 1
    if declared > 1 and all(cut is None or cut[-1]["parts"] == declared for cut in notes.values()):
        said = (
            f"Every batch was taken in {declared} parts whose gradients were added up, for all networks alike; batch "
        )
        return [said + "norm took its statistics from the parts."]
    parts = [f"{name} in {cut[-1]['parts']} from step {cut[0]['step'] + 1} on" for name, cut in notes.items() if cut]
    if not parts:
        return []
    return [
        f"Memory did not hold a batch, so it was taken in parts whose gradients were added up: {', '.join(parts)}. The "
        "recipe's batch stayed, but batch norm took its statistics from the parts."
    ]


def _apart(bench: Bench, look: Look) -> list[str]:
    """That processes trained together whose batch norms did not know of one another."""
    notes = [read_json(bench.store.cell(name).note) for name in _cells(bench, look)]
    counts = sorted({note["processes"] for note in notes if note.get("batch_norm") == "own"})
    return counts and [
        f"Trainings were shared by {' or '.join(map(str, counts))} processes, each of which took its batch norm "
        "statistics from its own part of the batch: with another number of processes they come out otherwise."
    ]


def _rates(bench: Bench, look: Look, diverged: list[str]) -> str:
    """How often each contender that diverged did so, with the 95 % interval of the rate."""
    said = []
    for contender in bench.design.contenders:
        count = sum(cell_name(contender, seed) in diverged for seed in range(look.seeds))
        low, high = diverged_rate(count, look.seeds).interval
        if count:
            share = f"{100 * low:.0f} to {100 * high:.0f} %"
            said.append(f"{contender}: {count} of {look.seeds} trainings, so a rate of {share}")
    return "; ".join(said)
