"""Curves: a study whose contenders are settings of what is spent, and what it says of both depths along each axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from deepenough.errors import StudyError
from deepenough.records import COSTS, SCORES, read_json, read_table, verdict_from_json, write_json
from deepenough.search.curves import AXES, Spent, curve
from deepenough.search.levers import changed
from deepenough.studies.ablating import AT_ONCE
from deepenough.studies.contenders import Contender, contender, require_contenders
from deepenough.studies.regimes import PLAIN
from deepenough.studies.store import StudyFolder
from deepenough.studies.study import Study
from deepenough.studies.whole import stored_study

BASES = ("resnet50", "resnet101")
_SETTINGS = {
    "images": ("@share=0.125", "@share=0.25", "@share=0.5"),
    "time": ("@time=0.25", "@time=0.5", "@time=2"),
    "size": ("+width=0.25", "+width=0.5"),
    "side": (),
}
ALL = "all"


def axes_of(text: str) -> tuple[str, ...]:
    """The axes that a text names, commas between.

    Raises:
        StudyError: one that there is not, or none.

    >>> axes_of("time, images"), axes_of("all")
    (('time', 'images'), ('images', 'time', 'size', 'side'))
    """
    named = [part.strip() for part in text.split(",") if part.strip()]
    wrong = [name for name in named if name not in (*AXES, ALL)]
    if wrong or not named:
        raise StudyError("--axes", f"{ALL}, or some of {', '.join(AXES)}", repr(wrong[0]) if wrong else "none")
    return AXES if ALL in named else tuple(dict.fromkeys(named))


def curves_study(request: Study, axes: Iterable[str]) -> Study:
    """The study of the curves: both depths as they are, and each with one thing changed.

    Raises:
        StudyError: one seed only.
    """
    if request.seeds == 1:
        raise StudyError("--seeds", "at least 2 to tell a curve from luck", "1", "leave it out for 3")
    names = [*BASES, *(changed(base, change) for axis in axes for base in BASES for change in _SETTINGS[axis])]
    found = {"contenders": require_contenders(names), "at_once": request.at_once or AT_ONCE, "images": False}
    return request.model_copy(update=found)


def conclude_curves(folder: Path, axes: Iterable[str] = AXES) -> dict[str, Any]:
    """What a finished study says along each axis of which it has two settings or more; also in `curves.json`.

    Args:
        folder: of any study with two seeds or more.
        axes: to look at.

    Raises:
        StudyError: the study has no two settings along any of them.
    """
    store = StudyFolder(folder)
    study, verdict = stored_study(store), verdict_from_json(read_json(store.verdict))
    scores = read_table(store.scores, SCORES)
    known = _by_contender(scores)
    settings = _settings(study, (verdict.small, verdict.big), store)
    multiplier = 100.0 if verdict.unit == "points" else 1.0
    found = []
    for axis in axes:
        there = [each for each in settings[axis] if (each.contender, each.scale) in known]
        if all(sum(each.base == base for each in there) >= 2 for base in (verdict.small, verdict.big)):
            highest = 1.0 if verdict.unit == "points" else None
            found.append(curve(axis, there, known, multiplier=multiplier, highest=highest))
    if not found:
        expected = f"a study with two settings along {', '.join(axes)}"
        raise StudyError(str(folder), expected, "one without", "train them: deepenough curves SOURCE")
    record = {
        "metric": verdict.metric,
        "unit": verdict.unit,
        "seeds": study.seeds,
        "samples": scores["sample_id"].n_unique(),
        "curves": found,
    }
    write_json(folder / "curves.json", record)
    return record


def _by_contender(scores: pl.DataFrame) -> dict[tuple[str, int], np.ndarray]:
    """Scores by contender and scale, (seeds, samples), the samples in the same order."""
    ordered = scores.sort("contender", "scale", "seed", "sample_id")
    return {
        (str(name), int(scale)): rows["score"].cast(pl.Float64).to_numpy().reshape(rows["seed"].n_unique(), -1)
        for (name, scale), rows in ordered.group_by("contender", "scale", maintain_order=True)
    }


def _settings(study: Study, bases: tuple[str, str], store: StudyFolder) -> Mapping[str, list[Spent]]:
    """Every setting of each axis, of the two bases, that takes part."""
    plan, scale = read_json(store.plan), study.train_scale or 0
    scale = scale if scale in (study.scales or ()) else (study.scales or (scale,))[0]
    images, macs = float(plan["sizes"]["train"]), _macs(store, scale)
    found: dict[str, list[Spent]] = {axis: [] for axis in AXES}
    for base in bases:
        own = contender(base)
        for name in study.contenders:
            each = contender(name)
            alike = {
                "images": (_without(each, "share") == _without(own, "share"), images * each.regime.share),
                "time": (_without(each, "time") == _without(own, "time"), float(study.epochs or 1) * each.regime.time),
                "size": (_without(each, "width") == _without(own, "width"), macs.get(name, 0.0)),
            }
            for axis, (same, x) in alike.items():
                if same and x > 0:
                    found[axis].append(Spent(base=base, contender=name, scale=scale, x=x))
        found["side"] += [Spent(base=base, contender=base, scale=side, x=side) for side in study.scales or ()]
    return found


def _without(found: Contender, axis: str) -> tuple[object, ...]:
    """A contender as it is but for what an axis changes."""
    network, regime = found.network, found.regime
    if axis == "width":
        network = "+".join(part for part in network.split("+") if not part.startswith("width="))
    else:
        regime = replace(regime, **{axis: getattr(PLAIN, axis)})
    return network, found.schedule, found.fixres, found.average, regime


def _macs(store: StudyFolder, scale: int) -> dict[str, float]:
    rows = read_table(store.costs, COSTS).filter((pl.col("scale") == scale) & (pl.col("batch") == 1))
    return {row["contender"]: float(row["macs"]) for row in rows.iter_rows(named=True)}
