"""Run a study from its request to its verdict, or go on with one that was stopped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from deepenough.data import (
    FreshPixels,
    PixelFolder,
    Prepared,
    Source,
    TestPixels,
    TrainPixels,
    build_test_pixels,
    build_train_pixels,
    open_source,
    prepare,
)
from deepenough.data.kept import SomePixels
from deepenough.errors import SourceError, StudyError
from deepenough.machine import Machine, available_cores
from deepenough.records import COSTS, QUARANTINE, SAMPLES, Verdict, read_json, write_json, write_table
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import require_contenders, sides_at_test
from deepenough.studies.costs import measure_contenders
from deepenough.studies.deciding import decide, keep, note_what_it_took
from deepenough.studies.design import design_of
from deepenough.studies.executor import Executor, Local
from deepenough.studies.head import require_probe
from deepenough.studies.listener import Listener, Silent
from deepenough.studies.looks import run_looks
from deepenough.studies.noise import run_noise
from deepenough.studies.planning import plan_study, require_same_request, setting_of
from deepenough.studies.rates import settle_rates
from deepenough.studies.shifted import without_shifted
from deepenough.studies.starting import starting_weights
from deepenough.studies.stops import resumable, stoppable
from deepenough.studies.store import StudyFolder
from deepenough.studies.study import Study
from deepenough.studies.whole import forget_torn, require_unchanged, stored_study
from deepenough.tasks import registry as tasks


def run_study(
    request: Study,
    folder: Path,
    *,
    listener: Listener | None = None,
    command: str = "",
    shared: PixelFolder | None = None,
    executor: Executor | None = None,
) -> Verdict:
    """Run a study, or go on where it was stopped, and decide.

    Args:
        request: the study as a person wrote it; what is None is filled and stored in `study.yaml`.
        folder: of the study; made where it is not there.
        listener: told what happens; None for nobody.
        command: the command line, kept so that others can repeat it.
        shared: where decoded pictures are kept for several studies; None for the study's own folder. Not closed here.
        executor: trains and tests the cells; None for this process.

    Returns:
        The verdict, also in `verdict.json`.

    Raises:
        InputError: the study, the source or the folder cannot be used.
        Interrupted: stopped by Ctrl-C or a termination signal, or for want of disk or memory; the same call goes on.
    """
    listener, executor = listener or Silent(), executor or Local()
    store = StudyFolder(folder)
    request = request.model_copy(update={"contenders": require_contenders(request.contenders)})
    reads = tasks.entry(request.task).reads
    source = open_source(request.source, allow_outside=request.allow_outside, reads=reads)
    _require_outside(store.root, request.source)  # a source that is not there is said before anything about weights
    starts = stored_study(store).starts if store.study.is_file() else starting_weights(request, listener.note)
    settled = request.model_copy(update={"weights": starts})
    require_probe(settled)
    again = command or "the same call"
    with resumable(store.root, again), store.lock(), stoppable(again) as check_stop, contextlib.closing(listener):
        require_same_request(request, store, listener)
        forget_torn(store, request.contenders, listener)
        prepared = prepared_of(source, request, store, listener, check_stop)
        study, machine, plan = plan_study(settled, store, prepared, listener, command)
        listener.plan(plan)
        bench = bench_of(study, shared or store.cache, store, prepared, machine, listener, check_stop)
        bench = settle_rates(bench)
        ended = run_looks(bench, executor, lambda: _measure_costs(bench))
        decided = ended.decided
        keep(bench, decided)
        if run_noise(bench, decided.verdict, executor):
            looks = decided.verdict.looks
            decided = decide(bench, decided.look)
            decided = decided if looks is None else decided.with_looks(looks)
            keep(bench, decided)
        note_what_it_took(bench, decided.look, ended.cost_s, ended.peak_bytes)
    return decided.verdict


def _require_outside(folder: Path, source: str) -> None:
    """The study may not lie among the pictures: it would be taken for a class when the study goes on."""
    root = Path(source).resolve()
    if root.is_dir() and folder.resolve().is_relative_to(root):
        remedy = f"choose another --out, such as {root.parent / 'runs' / root.name}"
        raise StudyError(f"--out {folder}", f"a folder outside {source}", "one among its pictures", remedy)


def prepared_of(
    source: Source, request: Study, store: StudyFolder, listener: Listener, check_stop: Callable[[], None]
) -> Prepared:
    """Check the pictures; where the folder already has samples, they must be the same."""
    listener.stage("checking the pictures", total=len(source.entries))
    with _while_it_is_there(request.source):
        prepared = prepare(
            source,
            split_seed=request.split_seed,
            workers=available_cores(),
            progress=_progress(listener, check_stop),
        )
    if store.study.is_file():
        require_unchanged(prepared, store, listener)
    write_table(store.samples, prepared.samples, SAMPLES)
    write_table(store.quarantine, prepared.quarantine, QUARANTINE)
    write_json(store.audit, prepared.audit)
    for note in prepared.audit.notes:
        listener.note(note)
    for finding in prepared.audit.findings:
        if finding.severity != "info":
            listener.note(f"{finding.severity}: {finding.message}")
    return prepared


@contextlib.contextmanager
def _while_it_is_there(source: str) -> Iterator[None]:
    """A source that vanishes while it is read must not pass for one with broken pictures."""
    there = Path(source).exists()
    vanished = SourceError(source, "a source that stays", "one that vanished while it was read", "bring it back")
    try:
        yield
    except SourceError as error:
        if there and not Path(source).exists():
            raise vanished from error
        raise
    if there and not Path(source).exists():
        raise vanished


def _progress(listener: Listener, check_stop: Callable[[], None]) -> Callable[[int, int], None]:
    """A progress function that counts up, as the listener wants it told by amounts."""
    seen = 0

    def progress(done: int, _total: int) -> None:
        nonlocal seen
        listener.advance(done - seen)
        seen = done
        check_stop()

    return progress


def bench_of(
    study: Study,
    cache: Path | PixelFolder,
    store: StudyFolder,
    prepared: Prepared,
    machine: Machine,
    listener: Listener,
    check_stop: Callable[[], None],
) -> Bench:
    """Decode everything once into the cache and lay out what the cells share."""
    design = design_of(study)
    setting = replace(setting_of(study, prepared, machine, design.recipe), recipes=design.recipes)
    sides, norm, workers = design.sides, setting.preprocessing, machine.threads
    listener.stage("decoding the pictures once", total=len(prepared.samples))

    def test_pixels(split: str, sides: Sequence[int] = sides) -> TestPixels:
        told = _progress(listener, check_stop)
        return build_test_pixels(
            prepared, split, cache, scales=sides, preprocessing=norm, workers=workers, progress=told
        )

    def train_pixels() -> TrainPixels | FreshPixels | SomePixels:
        told, short, keeping = _progress(listener, check_stop), design.short_side, study.pixels
        kept = build_train_pixels(prepared, cache, short_side=short, keeping=keeping, workers=workers, progress=told)
        views = setting.task.views_an_epoch
        return kept if views == 1 else SomePixels(kept, list(range(len(kept))) * views)

    bench = Bench(
        study=study,
        design=design,
        store=store,
        prepared=prepared,
        train=test_pixels("train", (design.train_scale,)) if study.recipe.train == "head" else train_pixels(),
        val=test_pixels("val"),
        test=test_pixels("test"),
        shifted=test_pixels("test_shifted") if prepared.audit.splits.get("test_shifted") else None,
        setting=setting,
        listener=listener,
        check_stop=check_stop,
    )
    if bench.unjudged is not None:
        listener.note(without_shifted(setting.task.metric, bench.unjudged))
    if bench.units is not None:
        write_table(store.units, bench.units, SAMPLES)
    return bench


def _measure_costs(bench: Bench) -> float:
    """Measure what each contender costs at each scale, unless an earlier run did; the seconds that it took."""
    design, store = bench.design, bench.store
    noted = store.root / "costs.json"
    if store.costs.is_file() and noted.is_file():
        return read_json(noted)["took_s"]
    bench.listener.stage(
        "measuring what each costs here", total=2 * len(sides_at_test(design.contenders, design.scales))
    )
    started = time.monotonic()
    costs = measure_contenders(bench, _progress(bench.listener, bench.check_stop))
    write_table(store.costs, costs, COSTS)
    took_s = time.monotonic() - started
    write_json(noted, {"took_s": took_s})
    return took_s
