"""What a search leaves open, chosen once and kept with it: sides, space, epochs, recipe, and the forecasts."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import polars as pl

from deepenough.data import Prepared
from deepenough.machine import Machine
from deepenough.search.budget import Pricing
from deepenough.search.rungs import rungs_of
from deepenough.search.space import Space, fit, space_within
from deepenough.studies.plan import OVERHEAD, Probe, forecast
from deepenough.studies.planning import resolve_on, sizes_of
from deepenough.studies.resolve import EPOCHS, SIDES, resolve
from deepenough.studies.starting import preprocessing_of
from deepenough.studies.study import Study
from deepenough.studies.tune.asked import BESIDE, Asked
from deepenough.studies.whole import samples_sha256

DEFAULT_HOURS = 1.0
HALVED = 0.6  # of whole trainings' time that trials take where some end at rungs; see docs/log.md


def settle(asked: Asked, prepared: Prepared, machine: Machine, pricing: Pricing) -> tuple[dict[str, Any], Space]:
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
        "peak_bytes": resolved.probe.peak_bytes,
    }
    return json.loads(json.dumps(facts)), space


def _sides(asked: Asked, prepared: Prepared) -> tuple[int, ...]:
    """Given, or the study's training scale, or the three largest usual ones within the pictures' own."""
    if asked.sides is not None:
        return tuple(sorted(set(asked.sides)))
    if asked.study.train_scale is not None:
        return (asked.study.train_scale,)
    short = prepared.samples.select(pl.min_horizontal("width", "height")).to_series()
    native = int(short.median())  # pyright: ignore
    return tuple(sorted([side for side in SIDES if side <= max(native, SIDES[-1])][:3]))


def _epochs(asked: Asked, study: Study, prepared: Prepared, probe: Probe, fitted: str) -> tuple[int, float, float]:
    """Epochs, and the forecasts for the search and for the winner's study in seconds."""
    sizes = sizes_of(study, prepared)
    side = study.train_scale or probe.side
    alone = replace(probe, train_s={fitted: probe.train_s[fitted]}, test_s={fitted: probe.test_s[fitted]})

    def both(epochs: int) -> tuple[float, float]:
        rungs = len(rungs_of(epochs))
        step = epochs * sizes.shown * alone.train_image_s(side) * OVERHEAD
        trial = step * (HALVED if asked.early and rungs > 1 else 1.0) + rungs * sizes.val * alone.test_image_s(side)
        told = forecast(probe, sizes, seeds=study.seeds or 1, epochs=epochs, train_scale=side, scales=(side,)).total_s
        return asked.trials * trial, told

    if asked.study.epochs is not None:
        return asked.study.epochs, *both(asked.study.epochs)
    limit = 3600.0 * (asked.hours or DEFAULT_HOURS)
    epochs = next((each for each in EPOCHS if sum(both(each)) <= limit), EPOCHS[-1])
    return epochs, *both(epochs)
