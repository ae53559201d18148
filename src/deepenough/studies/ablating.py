"""An ablation: a study whose contenders are the settings of the levers, and what it says about each lever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from deepenough.errors import StudyError
from deepenough.networks.catalogue import entry
from deepenough.networks.config import NetworkConfig
from deepenough.records import COSTS, SCORES, read_json, read_table, verdict_from_json, write_json
from deepenough.search.ablation import as_record, effects
from deepenough.search.levers import Setting, settings_of, twin
from deepenough.studies.contenders import contender, require_contenders
from deepenough.studies.resolve import DEFAULT_SEEDS
from deepenough.studies.store import StudyFolder
from deepenough.studies.study import Study
from deepenough.studies.whole import stored_study

AT_ONCE = 4  # networks in memory at a time, unless the request says otherwise


def ablation_of(request: Study, asked: Sequence[str] | None, levers: tuple[str, ...]) -> tuple[Study, list[Setting]]:
    """The study of an ablation, and its settings.

    Args:
        request: what all contenders share; its own contenders play no part.
        asked: the contender whose levers are moved, at its own depth alone, or the same at both depths; None for
            ResNet-50 and ResNet-101.
        levers: of `search.levers.LEVERS`.

    Raises:
        StudyError: one seed only, two contenders that differ in more than depth, or nothing to compare.
    """
    if request.seeds == 1:
        raise StudyError("--seeds", "at least 2 to tell an effect from luck", "1", "leave it out for 3")
    if request.recipe.train != "all":
        raise StudyError("recipe.train", "all, since levers are of networks and their training", request.recipe.train)
    bases = ["resnet50", "resnet101"] if asked is None else [contender(each).name for each in asked]
    if len(bases) == 2:
        bases.sort(key=lambda each: _config(each).depth)
    if len(bases) > 2 or (len(bases) == 2 and not _differ_in_depth_alone(*bases)):
        expected = "one contender, or the same at both depths, such as resnet50-fpn,resnet101-fpn"
        raise StudyError("--contender", expected, ", ".join(bases), "ablate each by itself, with another --out")
    other = twin(bases[0]) if len(bases) == 1 and "depth" in levers else None
    other = other if other and _differ_in_depth_alone(bases[0], other) else None
    settings = [
        each
        for one in bases
        for each in settings_of(
            one, levers, optimizer=request.recipe.optimizer, augmentation=request.augmentation.strength
        )
    ]
    names = [*bases, *([] if other is None else [contender(other).name]), *(each.contender for each in settings)]
    if len(names) < 2:
        raise StudyError("--levers", "one that the contender has a setting of", ", ".join(levers))
    changes = {
        "contenders": require_contenders(names),
        "seeds": request.seeds or (request.looks or (DEFAULT_SEEDS,))[-1],  # whatever the budget: one says nothing
        "looks": None,  # they would stop where the first two contenders are settled
        "scales": None,  # effects are told at the training scale
        "scale_factors": request.scale_factors if any(_takes_scales(base) for base in bases) else (),
        "at_once": request.at_once or AT_ONCE,
        "images": False,
    }
    return request.model_copy(update=changes), settings


def _config(base: str) -> NetworkConfig:
    return entry(base.partition("@")[0]).config


def _differ_in_depth_alone(one: str, other: str) -> bool:
    """Whether two contenders are one network at two depths, trained alike."""
    mine, its = _config(one), _config(other)
    alike = replace(mine, depth=its.depth) == its and one.partition("@")[2] == other.partition("@")[2]
    return alike and mine.stage_blocks != its.stage_blocks


def _takes_scales(base: str) -> bool:
    """Whether the contender is made from what networks say at several scales, or for another scale."""
    return "@average" in base or "@fixres" in base


def conclude(folder: Path, settings: list[Setting], levers: tuple[str, ...]) -> dict[str, Any]:
    """What a finished study says about its levers, at the training scale; also written to `ablation.json`.

    Args:
        folder: of the study.
        settings: as `ablation_of` gave them.
        levers: that were asked for.
    """
    store = StudyFolder(folder)
    study, verdict = stored_study(store), verdict_from_json(read_json(store.verdict))
    scale = study.train_scale if study.train_scale in (study.scales or ()) else verdict.scale
    named = [
        each if (name := contender(each.contender).name) == each.contender else _renamed(each, name)
        for each in settings
    ]
    if "depth" in levers:
        named = [*_depth(study), *named]
    scores = read_table(store.scores, SCORES).filter(pl.col("scale") == scale)
    multiplier = 100.0 if verdict.unit == "points" else 1.0
    bases = {each.base for each in named}
    found, both = effects(named, scores, _costs(store, study, int(scale or 0)), multiplier=multiplier)
    record = as_record(
        metric=verdict.metric,
        unit=verdict.unit,
        scale=scale,
        seeds=study.seeds,
        samples=scores["sample_id"].n_unique(),
        bases=sorted(bases, key=study.contenders.index),
        effects=found,
        interactions=both,
    )
    write_json(folder / "ablation.json", record)
    return record


def _renamed(setting: Setting, name: str) -> Setting:
    return Setting(lever=setting.lever, label=setting.label, base=setting.base, contender=name)


def _depth(study: Study) -> list[Setting]:
    """The other depth as a setting of the first base, where it takes part."""
    base = study.contenders[0]
    other = next((name for name in study.contenders if _differ_in_depth_alone(base, name)), None)
    if other is None:
        return []
    return [Setting(lever="depth", label="the other depth", base=base, contender=other)]


def _costs(store: StudyFolder, study: Study, scale: int) -> dict[str, dict[str, float]]:
    """Seconds, counts and bytes of each contender: of training, the mean over its seeds; else of one image."""
    found: dict[str, dict[str, float]] = {}
    for name in study.contenders:
        notes = [store.cell(f"{name}-seed{seed}").note for seed in range(study.seeds or 0)]
        spans = [read_json(note)["training_s"] for note in notes if note.is_file()]
        found[name] = {"training_s": sum(spans) / len(spans)} if spans else {}
    rows = read_table(store.costs, COSTS).filter((pl.col("scale") == scale) & (pl.col("batch") == 1))
    for row in rows.iter_rows(named=True):
        latency: Mapping[str, float] = row["latency_s"]
        counted = {key: float(row[key]) for key in ("macs", "parameters", "peak_bytes") if row[key] is not None}
        found[row["contender"]] |= {"latency_s": latency["p50"], **counted}
    return found
