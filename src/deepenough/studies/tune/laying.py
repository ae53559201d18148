"""What a search is asked for, and its laying out: pictures, machine, space, store; begun, or as it was begun."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from deepenough.search.latency import LatencyTable
from deepenough.data import PixelFolder, Prepared, open_source
from deepenough.errors import StudyError
from deepenough.machine import Machine, choose_machine
from deepenough.records import read_json, write_json
from deepenough.search.budget import Budget, Pricing
from deepenough.search.proposals import Proposals, open_proposals
from deepenough.search.rungs import rungs_of
from deepenough.search.space import Space, fit, space_within
from deepenough.studies.assembling import assemble
from deepenough.studies.bench import Bench
from deepenough.studies.environment import environment
from deepenough.studies.listener import Listener
from deepenough.studies.plan import OVERHEAD, Probe, forecast
from deepenough.studies.planning import resolve_on, task_of
from deepenough.studies.resolve import EPOCHS, SIDES, resolve, split_sizes
from deepenough.studies.run import bench_of, prepared_of
from deepenough.studies.starting import preprocessing_of
from deepenough.studies.store import StudyFolder, hold
from deepenough.studies.study import Study, make_study, save_study
from deepenough.studies.whole import samples_sha256
from deepenough.tasks import registry as tasks

BESIDE = ("resnet50", "resnet101")  # that the winner is held against
DEFAULT_HOURS = 1.0
DEFAULT_TRIALS = 30
HALVED = 0.6  # of whole trainings' time that trials take where some end at rungs; see docs/log.md
_OWN = ("workers", "threads", "precision", "images", "at_once")  # that processes of one search need not share


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search as a person asked for it.

    Args:
        study: what all trials share, and the study of the winner; its contenders play no part.
        budget: that no trained network passes.
        trials: networks to train, those that rungs end among them.
        sides: of images to try, pixels; None for the study's training scale, or what the pictures allow.
        hours: for all; fits the epochs where they are not given.
        sampler: of `search.proposals.SAMPLERS`.
        seed: of the proposals.
        storage: URL of the store; None for a journal in the folder.
        early: whether rungs may end trials.
    """

    study: Study
    budget: Budget
    trials: int = DEFAULT_TRIALS
    sides: tuple[int, ...] | None = None
    hours: float | None = None
    sampler: str = "tpe"
    seed: int = 0
    storage: str | None = None
    early: bool = True

    def __post_init__(self) -> None:
        recipe = self.study.recipe
        wrong = {
            "--weights": (self.study.weights not in ("auto", "none", {}), "none, as no weights fit a searched network"),
            "recipe.train": (recipe.train != "all", "all"),
            "--learning-rate": (recipe.learning_rate == "auto", "a number, which the search multiplies"),
            "looks": (self.study.looks is not None, "nothing; seeds says how often the winner is trained"),
            "--trials": (self.trials < 1, "at least 1"),
        }
        for place, (bad, expected) in wrong.items():
            if bad:
                raise StudyError(place, expected, "something else", "leave it out")

    @property
    def record(self) -> dict[str, Any]:
        """What processes of one search must share."""
        shared = {key: value for key, value in self.study.model_dump(mode="json").items() if key not in _OWN}
        shared |= {"source": Path(self.study.source).name, "contenders": list(BESIDE), "weights": "none"}
        own = {"budget": self.budget.bounds, "sides": self.sides, "sampler": self.sampler, "seed": self.seed}
        return json.loads(json.dumps({"study": shared, **own, "early": self.early}))


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


def claim(asked: Asked, folder: Path) -> None:
    """Make the folder and keep in it what was asked for, or refuse a folder that holds something else.

    Raises:
        StudyError: it does, or cannot be made.
    """
    store = StudyFolder(folder)
    store.create()
    if store.request.is_file():
        stored = read_json(store.request)
        _refuse_other(asked.record, stored, f"--out {store.root}", "choose another --out")
    else:
        write_json(store.request, asked.record)


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
            facts, space = _begun(asked, prepared, machine, pricing)
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
    )


def pricing_of(asked: Asked, prepared: Prepared, machine: Machine, folder: Path) -> Pricing:
    """What networks of the study's task cost; their latency is predicted where the budget bounds it."""
    task = task_of(asked.study, prepared)

    def make(network: str) -> nn.Module:
        return assemble(task, network)

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
            except StudyError:
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
    _refuse_other(asked.record, facts["request"], "--storage", remedy)
    if facts["samples_sha256"] != samples_sha256(prepared.samples):
        raise StudyError("--storage", "a search on these very pictures", "one on others", remedy)


def _refuse_other(wanted: dict[str, Any], stored: Any, place: str, remedy: str) -> None:  # noqa: ANN401  from a file
    if not isinstance(stored, dict) or "budget" not in stored:
        raise StudyError(place, "a search", "something else", remedy)
    flat, before = ({**each["study"], **each} for each in (wanted, stored))
    differing = [key for key in flat if key != "study" and flat[key] != before.get(key)]
    if differing:
        got = ", ".join(f"{key} {flat[key]!r} (was {before.get(key)!r})" for key in differing[:3])
        raise StudyError(place, "the search that it holds", got, remedy)


def _begun(asked: Asked, prepared: Prepared, machine: Machine, pricing: Pricing) -> tuple[dict[str, Any], Space]:
    """All that a search leaves open, chosen once: the sides, the space, the epochs, the recipe."""
    space = space_within(_sides(asked, prepared), asked.budget, pricing)
    plain = space.beginnings()[1]
    form = {**plain, "stem": "imagenet", "fusion": "none", "side": max(space.sides)}
    fitted = fit(form, asked.budget, pricing, strength="light").contender
    changes = {
        "contenders": (fitted, *BESIDE),
        "weights": {},
        "seeds": asked.study.seeds or 3,
        "train_scale": max(space.sides),
        "scales": space.sides,
        "epochs": asked.study.epochs or 1,
        "budget": None,
    }
    resolved = resolve_on(machine, asked.study.model_copy(update=changes), prepared)
    epochs, search_s, confirm_s = _epochs(asked, resolved.study, prepared, resolved.probe, fitted)
    again = asked.study.model_copy(update={**changes, "epochs": epochs, "batch": resolved.study.batch})
    study = resolve(again, prepared.samples, lambda _study, _side: resolved.probe).study
    crop = preprocessing_of(study).crop
    study = study.model_copy(update={"contenders": BESIDE, "weights": {}, "crop": crop})
    facts = {
        "request": asked.record,
        "samples_sha256": samples_sha256(prepared.samples),
        "study": study.model_dump(mode="json"),
        "space": asdict(space),
        "rungs": rungs_of(epochs) if asked.early else (epochs,),
        "search_s": search_s,
        "confirm_s": confirm_s,
    }
    return json.loads(json.dumps(facts)), space


def _sides(asked: Asked, prepared: Prepared) -> tuple[int, ...]:
    """Given, or the study's training scale, or the three largest usual ones within the pictures' own."""
    if asked.sides is not None:
        return tuple(sorted(set(asked.sides)))
    if asked.study.train_scale is not None:
        return (asked.study.train_scale,)
    native = int(prepared.samples.select("width", "height").min_horizontal().median())  # pyright: ignore
    return tuple(sorted([side for side in SIDES if side <= max(native, SIDES[-1])][:3]))


def _epochs(asked: Asked, study: Study, prepared: Prepared, probe: Probe, fitted: str) -> tuple[int, float, float]:
    """Epochs, and the forecasts for the search and for the winner's study in seconds."""
    sizes = split_sizes(prepared.samples)
    side = study.train_scale or probe.side
    alone = replace(probe, train_s={fitted: probe.train_s[fitted]}, test_s={fitted: probe.test_s[fitted]})

    def both(epochs: int) -> tuple[float, float]:
        rungs = len(rungs_of(epochs))
        step = epochs * sizes.train * alone.train_image_s(side) * OVERHEAD
        trial = step * (HALVED if asked.early and rungs > 1 else 1.0) + rungs * sizes.val * alone.test_image_s(side)
        told = forecast(probe, sizes, seeds=study.seeds or 1, epochs=epochs, train_scale=side, scales=(side,)).total_s
        return asked.trials * trial, told

    if asked.study.epochs is not None:
        return asked.study.epochs, *both(asked.study.epochs)
    limit = 3600.0 * (asked.hours or DEFAULT_HOURS)
    epochs = next((each for each in EPOCHS if sum(both(each)) <= limit), EPOCHS[-1])
    return epochs, *both(epochs)


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
