"""A search laid out: pictures, machine, space, store; begun, or as it was begun."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from deepenough.data import PixelFolder, Prepared, open_source
from deepenough.errors import HeldError, StudyError
from deepenough.machine import Machine, choose_machine
from deepenough.records import write_json
from deepenough.search.budget import Pricing
from deepenough.search.latency import LatencyTable
from deepenough.search.proposals import Proposals, open_proposals
from deepenough.search.space import Space
from deepenough.studies.bench import Bench
from deepenough.studies.environment import environment
from deepenough.studies.listener import Listener
from deepenough.studies.planning import task_of
from deepenough.studies.run import bench_of, prepared_of
from deepenough.studies.store import StudyFolder, hold
from deepenough.studies.study import Study, make_study, save_study
from deepenough.studies.tune.asked import Asked, refuse_other
from deepenough.studies.tune.settling import settle
from deepenough.studies.whole import samples_sha256
from deepenough.tasks import registry as tasks
from deepenough.tasks.tested import outline


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A search ready to run.

    Args:
        asked: for.
        folder: of it.
        bench: what all trials share; `bench.study` is resolved.
        pricing: what networks cost.
        space: that is drawn from.
        proposals: who draws.
        rungs: epochs after which trials are held against each other.
        search_s: forecast for the trials, seconds.
        confirm_s: and for the winner's study.
        peak_bytes: of memory that a process held in which a network at the budget and both depths were timed.
    """

    asked: Asked
    folder: Path
    bench: Bench
    pricing: Pricing
    space: Space
    proposals: Proposals
    rungs: tuple[int, ...]
    search_s: float
    confirm_s: float
    peak_bytes: int


def lay_out(
    asked: Asked,
    folder: Path,
    listener: Listener,
    check_stop: Callable[[], None],
    *,
    command: str = "",
    shared: PixelFolder | None = None,
) -> Laid:
    """Check the pictures, choose what is open, and open the store; or take all that up as an earlier process left it.

    The folder is claimed already.

    Raises:
        InputError: the source, the folder or the store cannot be used, or holds another search.
    """
    store = StudyFolder(folder)
    source = open_source(
        asked.study.source, allow_outside=asked.study.allow_outside, reads=tasks.entry(asked.study.task).reads
    )
    with _held_in_turn(folder, listener):
        prepared = prepared_of(source, asked.study, store, listener, check_stop)
        machine = choose_machine(asked.study.precision, asked.study.threads)
        proposals = open_proposals(asked.storage or folder / "tune.journal", sampler=asked.sampler, seed=asked.seed)
        pricing = pricing_of(asked, prepared, machine, folder)
        facts = proposals.facts
        if facts is None:
            listener.stage("timing a few steps on this machine")
            facts, space = settle(asked, prepared, machine, pricing)
            proposals.begin(facts, space.beginnings() if asked.sampler != "random" else [])
        _require_same_search(facts, asked, prepared)
        study = _taken(facts, asked, machine)
        if not store.study.is_file():
            write_json(store.environment, environment(machine, command))
            save_study(study, store.study)
        bench = bench_of(study, shared or store.cache, store, prepared, machine, listener, check_stop)
    space = {name: tuple(values) for name, values in facts["space"].items()}
    return Laid(
        asked=asked,
        folder=folder,
        bench=bench,
        pricing=pricing,
        space=Space(**space),
        proposals=proposals,
        rungs=tuple(facts["rungs"]),
        search_s=facts["search_s"],
        confirm_s=facts["confirm_s"],
        peak_bytes=facts.get("peak_bytes", 0),  # a search that began before it was noted
    )


def pricing_of(asked: Asked, prepared: Prepared, machine: Machine, folder: Path) -> Pricing:
    """What networks of the study's task cost; their latency is predicted where the budget bounds it."""
    task = task_of(asked.study, prepared)

    def make(network: str) -> nn.Module:
        return outline(task, network)

    if asked.budget.latency_ms is None:
        return Pricing(make)
    return Pricing(make, partial(LatencyTable(machine, folder / "latency.json").predict))


@contextlib.contextmanager
def _held_in_turn(folder: Path, listener: Listener, patience_s: float = 3600.0) -> Iterator[None]:
    """The folder alone, once another process of the same search has laid it out."""
    until, said = time.monotonic() + patience_s, False
    while True:
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(hold(folder))
            except HeldError:
                if time.monotonic() > until:
                    raise
                if not said:
                    listener.note("another process lays this search out; waiting for it")
                said = True
                time.sleep(0.5)
                continue
            yield
            return


def _require_same_search(facts: dict[str, Any], asked: Asked, prepared: Prepared) -> None:
    remedy = "name another store"
    refuse_other(asked.record, facts["request"], "--storage", remedy)
    if facts["samples_sha256"] != samples_sha256(prepared.samples):
        raise StudyError("--storage", "a search on these very pictures", "one on others", remedy)


def _taken(facts: dict[str, Any], asked: Asked, machine: Machine) -> Study:
    """The resolved study of the search, on this machine and from this source."""
    here = {key: getattr(asked.study, key) for key in ("workers", "images", "at_once")}
    source = Path(asked.study.source)
    here |= {"source": str(source.resolve()) if source.exists() else asked.study.source}
    here |= {"precision": machine.precision, "threads": machine.threads}
    plain = {key: value for key, value in {**facts["study"], **here}.items() if value is not None}
    return make_study(_tuples(plain), where="the search")


def _tuples(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}
