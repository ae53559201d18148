"""What test_ranks.py runs, alone or as one of two processes: trainings and a test, whose results lie in a folder."""

from __future__ import annotations

import io
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import nn

from deepenough.data import Preprocessing
from deepenough.data.augment import Augmentation
from deepenough.data.streams import TrainingStream
from deepenough.evaluation import Batches, Outcomes, Shown, examine
from deepenough.machine import Machine
from deepenough.networks import build
from deepenough.ranks import ALONE, connected, processes
from deepenough.tasks.classification import Classification
from deepenough.tasks.detection import Detection
from deepenough.training import Cell, Recipe, Setting, train_lockstep
from deepenough.training.gradients import gradients
from deepenough.training.spread import spread

CLASSES = ("cat", "dog", "owl")
PICTURES, SIDE, BATCH, EPOCHS = 47, 32, 11, 2  # neither divides by two
TESTED = 1101  # three blocks, the last of them short
SMALL = "resnet50+width=0.125+blocks=1-1-1-1"
SGD = Recipe(optimizer="sgd", learning_rate=0.05, warmup_epochs=0.0, weight_decay=1e-3)
ADAM = Recipe(optimizer="adamw", learning_rate=1e-3, warmup_epochs=0.0, ema_decay=0.9, clip_norm=1.0)


class Drawn:
    """Pictures of noise, each of its own."""

    def __init__(self, count):
        self.sample_ids = [f"{number:04d}" for number in range(count)]

    def __len__(self):
        return len(self.sample_ids)

    def __getitem__(self, index):
        return np.random.default_rng(index).integers(0, 256, (40, 40, 3), dtype=np.uint8)


class Squares(Drawn):
    def at(self, side):
        shape = (len(self), side, side, 3)
        return np.random.default_rng(side).integers(0, 256, shape, dtype=np.uint8)


class Quiet:
    """Keeps the losses; may save the cell after a step, and then stop as a kill would."""

    def __init__(self, path=None, save_at=None, ranks=ALONE):
        self.losses, self.path, self.save_at, self.ranks = [], path, save_at, ranks

    def stepped(self, cell, *, loss, images_per_s):
        self.losses.append(loss)

    def halved(self, cell, images):
        raise AssertionError

    def validate(self, cell):
        return None

    def lockstep(self, cells):
        if len(self.losses) == self.save_at:
            if self.ranks.first:
                cells[0].save(self.path)
            raise InterruptedError


def without_norms():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2),
        nn.GroupNorm(2, 6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    )


CASES = {
    "sgd": (lambda: build(SMALL, 3, seed=1), SGD, {}),
    "adamw, averaged, clipped, mixed": (lambda: build(SMALL, 3, seed=1), ADAM, {"mixup": 0.4, "cutmix": 1.0}),
    "parts, no batch norm": (without_norms, SGD, {}),
    "own statistics": (lambda: build(SMALL, 3, seed=1), SGD, {}),
}


def stream_for(name, ranks):
    mixing = CASES[name][2]
    how = {"side": SIDE, "batch": BATCH, "epochs": EPOCHS, "seed": 4, "workers": 0, "classes": 3, "ranks": ranks}
    return TrainingStream(Drawn(PICTURES), np.arange(PICTURES) % 3, Augmentation(**mixing), **how)


def cell_for(name, ranks):
    make, recipe, _ = CASES[name]
    ranks, task = replace(ranks, synced=name != "own statistics"), Classification(CLASSES)
    shared = Setting(recipe=recipe, machine=Machine(), preprocessing=Preprocessing(), task=task, ranks=ranks)
    cell = Cell.begin(SMALL, 0, shared.machine.place(make()), recipe)
    if name.startswith("parts"):
        cell.halvings = [{"step": 0, "parts": 4}]  # as memory would have had it
    return cell, shared


def trained(name, ranks, kept):
    cell, shared = cell_for(name, ranks)
    watch = Quiet()
    if kept is not None:  # stopped in mid-epoch and gone on with
        try:
            train_lockstep([cell], stream_for(name, ranks), shared, Quiet(kept, 3, ranks))
        except InterruptedError:
            ranks.summed(0.0)  # the file is written when all are here
        cell, shared = cell_for(name, ranks)
        cell.load(kept)
    train_lockstep([cell], stream_for(name, ranks), shared, watch)
    assert cell.spread is None
    tensors = {**cell.network.state_dict()}
    if cell.average is not None:
        tensors |= {f"average.{key}": value for key, value in cell.average.module.state_dict().items()}
    history = [{key: row[key] for key in ("step", "loss", "train_accuracy")} for row in cell.history]
    return {"tensors": tensors, "losses": watch.losses, "history": history, "status": cell.status}


def detector_step(ranks):
    """Weights after a step of a network whose outputs in training are parts of a loss; each rank has its own boxes."""
    task = Detection(("bright", "dark"), channels=16)
    shared = Setting(recipe=SGD, machine=Machine(), preprocessing=Preprocessing(), task=task, ranks=ranks)
    network = shared.machine.place(task.assemble(build(SMALL, 1, seed=1))).train()
    cell = Cell.begin(SMALL, 0, network, SGD)
    cell.spread = spread(network, task, ranks) if ranks.several else None
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    targets = task.example(images)
    own = ranks.part(4)
    loss, _ = gradients(cell, images[own.start : own.stop], targets[own.start : own.stop], shared, print, 4)
    cell.optimizer.step()
    return {"loss": loss, "tensors": network.state_dict()}


def tested(ranks):
    network, task = build(SMALL, 3, seed=2), Classification(CLASSES)
    pixels, labels = Squares(TESTED), np.arange(TESTED) % 3
    with io.BytesIO() as stream:
        outcomes = Outcomes(stream, Shown(sample_ids=pixels.sample_ids, targets=labels), ["a", "mean"], (32, 48), task)
        means = {"mean": ("a", (32, 64))}
        networks = {"a": Machine().place(network)}
        examine(networks, pixels, outcomes, batches=Batches(Machine(), Preprocessing()), averages=means, ranks=ranks)
        return (
            pl.concat(part for name in ("a", "mean") for part in outcomes.tables(name, seed=0)) if ranks.first else None
        )


def main(folder):
    with connected() if processes() > 1 else nullcontext(ALONE) as ranks:
        for name in CASES:
            torch.save(trained(name, ranks, None), folder / f"{name} {ranks.rank} of {ranks.size}.pt")
        if ranks.several:
            for name in ("adamw, averaged, clipped, mixed", "own statistics"):
                again = trained(name, ranks, folder / f"{name} saved")
                torch.save(again, folder / f"{name} resumed {ranks.rank} of 2.pt")
        torch.save(detector_step(ranks), folder / f"detector {ranks.rank} of {ranks.size}.pt")
        scores = tested(ranks)
        if scores is not None:
            scores.write_parquet(folder / f"scores of {ranks.size}.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
