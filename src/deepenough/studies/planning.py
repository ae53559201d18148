"""From a request to a plan that is stored, or back to the plan of a study that was stopped."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from deepenough.data import Prepared
from deepenough.data.kept import bytes_on_disk
from deepenough.data.shards import is_pattern
from deepenough.errors import RecordError, StudyError
from deepenough.machine import Machine, choose_machine
from deepenough.records import read_json, write_json
from deepenough.studies.design import design_of
from deepenough.studies.environment import environment
from deepenough.studies.listener import Listener
from deepenough.studies.noise import noise_cells, take_up
from deepenough.studies.plan import Forecast, Plan, Probe, Sizes, forecast, forecast_probe
from deepenough.studies.probe import probe
from deepenough.studies.recipes import describe_recipe
from deepenough.studies.resolve import Resolved, range_test_images, resolve, split_sizes
from deepenough.studies.starting import describe_start, preprocessing_of
from deepenough.studies.store import StudyFolder
from deepenough.studies.study import Study, make_study, save_study, seconds
from deepenough.studies.whole import require_study_of_cells, samples_sha256, stored_study
from deepenough.tasks import Given, Task, make_task
from deepenough.training import Recipe, Setting, cell_name

_ONCE_DEFAULT = {"weights": ("auto", {}), "crop": (None, 1.0)}  # now and in 0.1, where nothing was asked for
WITHOUT_EFFECT = (
    "workers",
    "at_once",
    "images",
    "noise",
    "noise_runs",
)  # may be others when it goes on


def plan_study(
    request: Study, store: StudyFolder, prepared: Prepared, listener: Listener, command: str
) -> tuple[Study, Machine, Plan]:
    """The resolved study, the machine's arithmetic and the plan.

    Where the folder holds a study, all three are read back: a resumed run must not choose anew.
    """
    if store.study.is_file():
        study = stored_study(store)
        machine = choose_machine(study.precision, study.threads)
        _renew_torn(study, machine, store, prepared, listener, command)
        study, plan = take_up(study, Plan.from_json(read_json(store.plan)), request, store)
        return study, machine, plan
    task_of(request, prepared)  # what does not fit is refused before anything is timed
    listener.stage("timing a few steps on this machine")
    machine = choose_machine(request.precision, request.threads)
    resolved = resolve_on(machine, request, prepared)
    settled = {"precision": machine.precision, "threads": machine.threads, "source": _absolute(request.source)}
    settled["crop"] = preprocessing_of(resolved.study).crop
    study = resolved.study.model_copy(update=settled)
    plan = _plan(study, prepared, resolved.probe, resolved.gave_up)
    write_json(store.environment, environment(machine, command))
    _write_plan(store, plan, prepared, command)
    save_study(study, store.study)  # last: where it is, the others are
    return study, machine, plan


def _write_plan(store: StudyFolder, plan: Plan, prepared: Prepared, command: str) -> None:
    noted = {"command": command, "samples_sha256": samples_sha256(prepared.samples)}
    write_json(store.plan, {**dataclasses.asdict(plan), **noted})


def _renew_torn(
    study: Study, machine: Machine, store: StudyFolder, prepared: Prepared, listener: Listener, command: str
) -> None:
    """Write a torn plan or environment again; nothing is chosen anew, as the study leaves nothing open."""
    try:
        Plan.from_json(read_json(store.plan))
    except (RecordError, KeyError, TypeError) as error:
        listener.note(f"{error}; the forecast is made again")
        resolved = resolve_on(machine, study, prepared)
        _write_plan(store, _plan(study, prepared, resolved.probe, []), prepared, command)
    try:
        read_json(store.environment)["packages"]
    except (RecordError, KeyError, TypeError) as error:
        listener.note(f"{error}; what the study began with is no longer known")
        lost = {"environment.json": "torn -> written again"}
        write_json(store.environment, {**environment(machine, command), "changed": lost})


def resolve_on(machine: Machine, request: Study, prepared: Prepared) -> Resolved:
    """Fill what the request leaves open, by a short probe of this machine."""
    task = task_of(request, prepared)
    shown = max(1, split_sizes(prepared.samples, views=task.views_an_epoch).shown)

    def probe_at(study: Study, side: int) -> Probe:
        setting = setting_of(study, prepared, machine, Recipe(optimizer=study.recipe.optimizer))
        parts = study.parts or (None if request.batch == "auto" else 1)
        batch = min(study.settled_batch, shown)
        return probe(study.contenders, setting, side=side, batch=batch, at_once=study.at_once, parts=parts)

    return resolve(request, prepared.samples, probe_at, task)


def setting_of(study: Study, prepared: Prepared, machine: Machine, recipe: Recipe) -> Setting:
    """What all cells of a study share in training and at test."""
    task = task_of(study, prepared)
    norm = dataclasses.replace(preprocessing_of(study), fit=task.fit)
    return Setting(recipe=recipe, machine=machine, preprocessing=norm, task=task)


def task_of(study: Study, prepared: Prepared) -> Task:
    """The study's task on its pictures.

    Raises:
        InputError: the pictures, an option, or something else in the study does not fit the task.
    """
    asked_of_loss = {"class_weights": study.recipe.class_weights, "focal": study.recipe.focal}
    loss = {name: value for name, value in asked_of_loss.items() if value not in (None, "none")}
    given = Given(classes=prepared.classes, samples=prepared.samples, options=study.task_options, loss=loss)
    task = make_task(study.task, given)
    asked = {
        "recipe.class_weights, recipe.focal": not task.emphasises and loss,
        "augmentation: mixup, cutmix": not task.mixes and (study.augmentation.mixup or study.augmentation.cutmix),
        "contenders: @average": not task.averages and any("@average" in name for name in study.contenders),
        "contenders: @teacher": not task.teaches and study.has_pupils,
        "recipe.train: head": not task.probed and study.recipe.train == "head",
    }
    for place, wanted in asked.items():
        if wanted:
            raise StudyError(place, f"nothing, since {task.name} has no such thing", "it asked for", "leave it out")
    return task


def _absolute(source: str) -> str:
    return str(Path(source).resolve()) if Path(source).exists() or is_pattern(source) else source


def require_same_request(request: Study, store: StudyFolder, listener: Listener) -> None:
    """Refuse another study's folder; a folder without a plan yet takes the request as it is now.

    Raises:
        StudyError: the folder holds another study.
    """
    wanted = json.loads(request.model_dump_json()) | {"source": _absolute(request.source)}
    if not store.study.is_file():
        require_study_of_cells(store)
        write_json(store.request, wanted)  # first of all: it is what tells a study's folder from a stranger's
        return
    try:
        stored = make_study(read_json(store.request), where=str(store.request))
    except (RecordError, AttributeError) as error:
        listener.note(f"{error}; what is asked for now is held against study.yaml")
        _require_fits(wanted, json.loads(stored_study(store).model_dump_json()), store)
        write_json(store.request, wanted)
        return
    before = json.loads(stored.model_dump_json())  # with the defaults of keys that an older version did not have
    before["source"] = _absolute(before["source"])
    before |= {key: wanted[key] for key, value in _ONCE_DEFAULT.items() if (wanted[key], before[key]) == value}
    differing = [key for key in wanted if wanted[key] != before.get(key) and key not in WITHOUT_EFFECT]
    if not differing:
        return
    got = ", ".join(f"{key} {wanted[key]!r} (was {before.get(key)!r})" for key in differing[:3])
    remedy = "choose another --out"
    if differing == ["margin"] and store.scores.is_file():
        remedy = f"decide anew with: deepenough verdict {store.root} --margin {wanted['margin']}"
    raise StudyError(f"--out {store.root}", "the study that this folder holds", got, remedy)


def _require_fits(wanted: dict[str, Any], resolved: dict[str, Any], store: StudyFolder) -> None:
    """Refuse a request that a resolved study cannot have come from."""
    differing = [key for key in wanted if key not in WITHOUT_EFFECT and not _fits(wanted[key], resolved.get(key))]
    if differing:
        got = ", ".join(f"{key} {wanted[key]!r} (was {resolved.get(key)!r})" for key in differing[:3])
        raise StudyError(f"--out {store.root}", "the study that this folder holds", got, "choose another --out")


def _fits(asked: object, resolved: object) -> bool:
    """Whether what was asked for, much of it left open, can have been resolved so."""
    if isinstance(asked, dict) and isinstance(resolved, dict):
        return all(_fits(value, resolved.get(key)) for key, value in asked.items())
    return asked in (None, "auto", resolved)


def cache_bytes(study: Study, prepared: Prepared) -> int:
    """What the decoded pictures of a resolved study take on disk, in bytes; of `pixels: jpeg` an estimate."""
    design = design_of(study)
    keeping = None if study.recipe.train == "head" else study.pixels
    test, train = design.sides, [design.train_scale] if keeping is None else []
    return bytes_on_disk(prepared.samples, test, train, short_side=design.short_side, keeping=keeping)


def sizes_of(study: Study, prepared: Prepared) -> Sizes:
    """How many pictures each split has, and how often an epoch of the study's task shows each."""
    return split_sizes(prepared.samples, study, task_of(study, prepared).views_an_epoch)


def _plan(study: Study, prepared: Prepared, measured: Probe, gave_up: list[str]) -> Plan:
    design, sizes = design_of(study), sizes_of(study, prepared)
    batch = min(design.batch, sizes.shown)

    def foretold(seeds: int, extra: int = 0) -> Forecast:
        if study.recipe.train == "head":
            return forecast_probe(measured, sizes, train_scale=design.train_scale, scales=design.scales)
        return forecast(
            measured,
            sizes,
            seeds=seeds,
            epochs=design.epochs,
            train_scale=design.train_scale,
            scales=design.scales,
            extra=extra,
            tested_images=range_test_images(study),
        )

    return Plan(
        source=prepared.audit.source,
        contenders=design.contenders,
        seeds=design.seeds,
        cells=[
            *(cell_name(name, seed) for seed in range(design.seeds) for name in design.lineage.all),
            *noise_cells(study),
        ],
        sizes=sizes,
        train_scale=design.train_scale,
        scales=design.scales,
        epochs=design.epochs,
        batch=batch,
        steps_per_cell=sizes.shown // batch * design.epochs,
        recipe=describe_recipe(study),
        precision=study.precision,
        budget_s=None if study.budget is None else seconds(study.budget),
        forecast=foretold(design.seeds, study.noise_trainings),
        gave_up=gave_up,
        looks=study.looks,
        train=study.recipe.train,
        cache_bytes=cache_bytes(study, prepared),
        start=describe_start(study),
        first_look=foretold(design.looks[0].seeds) if design.declares_looks else None,
    )
