"""A linear probe: the networks stand still, and only a linear head is fitted to what they see of the pictures.

Every picture is shown once to each contender at each scale; what its head sees is kept in the study's cache. The head
follows from that alone (`training.head`), so there is one training of each contender and no seed, and what a verdict
says is about these weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
import torch

from deepenough.data import TestPixels
from deepenough.errors import StudyError
from deepenough.evaluation import build_features, evaluate_head
from deepenough.networks import ResNet
from deepenough.records import HISTORY, SCORES, write_table
from deepenough.studies.bench import Bench
from deepenough.studies.choices import RecipeChoice
from deepenough.studies.contenders import contender as contender_of
from deepenough.studies.environment import note_change
from deepenough.studies.local import starting_network, write_cell
from deepenough.studies.study import Study
from deepenough.training import Seeds
from deepenough.training.head import Head, fit_head

SEEDS = Seeds.of(0)  # names the cells; nothing is drawn from it


def require_probe(request: Study) -> None:
    """Refuse a linear probe of random weights, and all that a probe would silently not do.

    Raises:
        StudyError: a contender has no starting weights, or something is asked for that a probe has not.
    """
    if request.recipe.train != "head":
        return
    treated = [name for name in request.contenders if contender_of(name).network != name]
    if treated:
        expected = "networks as they are, since a probe trains at one scale and keeps each test scale apart"
        raise StudyError("recipe.train: head", expected, ", ".join(treated), "leave out what follows the @")
    bare = [name for name in request.contenders if name not in request.starts]
    if bare:
        remedy = f"name them with --weights {bare[0]}=FILE, or leave out --train head"
        expected = "starting weights for every contender, since a probe of random features shows nothing"
        raise StudyError("recipe.train: head", expected, f"none for {', '.join(bare)}", remedy)
    if request.seeds not in (None, 1) or request.looks is not None:
        asked = f"seeds: {request.seeds}" if request.looks is None else f"looks: {', '.join(map(str, request.looks))}"
        expected = "one seed, since the head of a probe follows from the weights and is the same for every seed"
        raise StudyError("recipe.train: head", expected, asked, "leave it out, or train all of the network")
    plain = Study(recipe=RecipeChoice(train="head")).model_dump()
    asked = request.model_dump()
    for place in ("epochs", "batch", "noise", "augmentation", "recipe"):
        if asked[place] != plain[place]:
            raise StudyError(*_without_part(place, asked[place], plain[place]))


def _without_part(place: str, asked: Any, plain: Any) -> tuple[str, str, str, str]:  # noqa: ANN401  a study's value
    """Where, expected, got and remedy of what was asked for in vain; of a part of the study, its first such key."""
    if isinstance(asked, dict):
        key = next(key for key in asked if asked[key] != plain[key])
        return _without_part(f"{place}.{key}", asked[key], plain[key])
    return place, "nothing, since it plays no part in a linear probe (recipe.train: head)", str(asked), "leave it out"


def run_probe(bench: Bench) -> None:
    """Compute the features, fit the head and test it, for every contender that is not done yet."""
    todo = [name for name in bench.design.contenders if not bench.store.cell(SEEDS.cell(name)).done]
    if todo:
        note_change(bench.store, bench.setting.machine)
    for contender in todo:
        _probe(bench, contender)


@dataclass(slots=True)
class _Seen:
    """What one contender sees: shows it each split at each scale once, tells the listener, and adds up the time."""

    bench: Bench
    contender: str
    network: ResNet
    seconds: float = 0.0
    vectors: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)

    def of(self, pixels: TestPixels, scale: int, split: str) -> np.ndarray:
        if (split, scale) in self.vectors:
            return self.vectors[split, scale]
        bench, started = self.bench, time.monotonic()
        bench.listener.stage(f"{self.contender}: features of {split} at {scale} px", total=len(pixels))
        self.vectors[split, scale] = build_features(
            self.network,
            pixels,
            scale,
            bench.store.cache,
            machine=replace(bench.setting.machine, precision="fp32") if bench.study.exact else bench.setting.machine,
            preprocessing=bench.setting.preprocessing,
            progress=_progress(bench),
        )
        self.seconds += time.monotonic() - started
        return self.vectors[split, scale]


def _probe(bench: Bench, contender: str) -> None:
    """One contender, from its starting weights to its folder."""
    design, began = bench.design, time.monotonic()
    network = bench.setting.machine.place(starting_network(bench, contender, SEEDS))
    assert isinstance(network, ResNet), "a probed task has no head but the backbone's own"
    seen = _Seen(bench, contender, network)
    train, val = (seen.of(pixels, design.train_scale, split) for split, pixels in _learnt_from(bench).items())
    shown_s = seen.seconds
    bench.listener.stage(f"{contender}: fitting the head")
    labels = {split: bench.targets(pixels.sample_ids) for split, pixels in _learnt_from(bench).items()}
    head = fit_head((train, labels["train"]), (val, labels["validation"]), len(bench.prepared.classes))
    _place(head, network)
    _tell(bench, contender, head)
    training_s = time.monotonic() - began
    folder = bench.store.cell(SEEDS.cell(contender))
    for split, pixels, path in (("validation", bench.val, folder.validation), ("test", bench.test, folder.test)):
        vectors = {scale: seen.of(pixels, scale, split) for scale in design.scales}
        scores = evaluate_head(
            network.fc, vectors, bench.shown(pixels), contender=contender, seed=SEEDS.study, task=bench.setting.task
        )
        write_table(path, scores, SCORES)
    write_table(folder.history, _history(head, len(train) / max(shown_s, 1e-9), training_s), HISTORY)
    write_cell(
        bench,
        folder,
        network,
        {
            "contender": contender,
            "seed": SEEDS.study,
            "status": "trained",
            "steps": head.steps,
            "total_steps": head.steps,
            "training_s": training_s,
            "evaluation_s": time.monotonic() - began - training_s,
            "train": "head",
            "penalty": head.penalty,
            "penalties": {f"{penalty:g}": accuracy for penalty, accuracy in head.tried.items()},
            "converged": head.converged,
        },
    )


def _learnt_from(bench: Bench) -> dict[str, TestPixels]:
    """The splits that a head learns from: the same squares as at test, without augmentation."""
    assert isinstance(bench.train, TestPixels), "a probe's bench holds squares"
    return {"train": bench.train, "validation": bench.val}


def _place(head: Head, network: ResNet) -> None:
    with torch.no_grad():
        network.fc.weight.copy_(torch.from_numpy(head.weight))
        network.fc.bias.copy_(torch.from_numpy(head.bias))


def _tell(bench: Bench, contender: str, head: Head) -> None:
    ends = max(head.tried), min(head.tried)
    edge = ", the end of those tried" if head.penalty in ends else ""
    bench.listener.note(
        f"{contender}: penalty {head.penalty:g}{edge}; {100 * head.val_accuracy:.1f} % of validation right"
    )
    if not head.converged:
        bench.listener.note(
            f"{contender}: the head was taken after {head.steps} steps, before the solver had converged"
        )


def _history(head: Head, images_per_s: float, elapsed_s: float) -> pl.DataFrame:
    """One row: a head is fitted at once."""
    row = {
        "step": head.steps,
        "epoch": 1.0,
        "learning_rate": None,
        "loss": head.loss,
        "train_accuracy": head.train_accuracy,
        "val_accuracy": head.val_accuracy,
        "images_per_s": images_per_s,
        "elapsed_s": elapsed_s,
    }
    return pl.DataFrame([row], schema=HISTORY)


def _progress(bench: Bench) -> Callable[[int, int], None]:
    """Tells the listener by amounts, and lets a person stop."""
    seen = 0

    def progress(done: int, _total: int) -> None:
        nonlocal seen
        bench.listener.advance(done - seen)
        seen = done
        bench.check_stop()

    return progress
