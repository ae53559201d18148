"""The learning-rate finder: range tests of a cell that leave no trace in it.

Each test trains a copy, from the same weights and on other batches. Neither the cell's network, its running statistics
and its optimiser nor any global generator of random numbers is touched, which `trace` shows: it is the same before and
after, and so is the training that follows.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import math
import pickle
import random
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from deepenough.data.streams import Batch
from deepenough.networks.digests import tensors_sha256
from deepenough.search.ranges import STEPS, FoundRate, ladder, range_test, settled, together
from deepenough.training import Cell, Recipe, Setting, take_step
from deepenough.training.recipe import learning_rate

_WARMUP = 0.1  # of a short training
RANGES = {"adamw": (1e-6, 1.0), "sgd": (1e-5, 10.0), "lamb": (1e-5, 10.0)}


def find_rate(
    cell: Cell,
    batches_of: Sequence[Callable[[], Iterator[Batch]]],
    setting: Setting,
    *,
    short: Callable[[], Iterator[Batch]] | None = None,
    progress: Callable[[], None] = lambda: None,
    steps: int | None = None,
) -> FoundRate:
    """Find a peak learning rate for a cell by range tests and short trainings; the cell stays as it is, to the bit.

    Args:
        cell: before its training.
        batches_of: opens the batches of each test, at least `steps` of them; one test an entry.
        setting: of the training.
        short: opens the batches of a short training, the same for each; None for the middle of what the tests say.
        progress: called after every step.
        steps: rates a test tries, and steps of a short training; `STEPS` where None.

    Returns:
        What the tests say together; the recipe's rate where the loss fell in none of them.
    """
    recipe = setting.recipe_of(cell.contender)
    rates = ladder(*RANGES[recipe.optimizer], steps or STEPS)
    started = time.monotonic()

    @contextlib.contextmanager
    def trial(batches: Callable[[], Iterator[Batch]]) -> Iterator[Callable[[float], float]]:
        with random_state_kept(), contextlib.closing(_closable(batches())) as opened:
            copied = Cell.begin(cell.contender, cell.seeds, copy.deepcopy(cell.network), recipe)
            yield _steps(copied, opened, setting, progress)

    def train(peak: float) -> float:
        assert short is not None
        with trial(short) as take:
            return _trained(take, replace(recipe, learning_rate=peak, warmup_epochs=_WARMUP), len(rates))

    curves = []
    for batches in batches_of:
        with trial(batches) as take:
            curves.append(range_test(take, rates))
    found = together(curves, recipe.learning_rate)
    found = found if short is None else settled(found, train)
    return replace(found, took_s=time.monotonic() - started)


def _trained(take: Callable[[float], float], recipe: Recipe, steps: int) -> float:
    """Mean loss of the last eighth of a training of so many steps; not a number from where a loss is none."""
    losses: list[float] = []
    for step in range(steps):
        losses.append(take(learning_rate(recipe, step, steps_per_epoch=steps, total_steps=steps)))
        if not math.isfinite(losses[-1]):
            return math.nan
    return float(np.mean(losses[-max(1, steps // 8) :]))


def _closable(
    batches: Iterator[Batch],
) -> Generator[Batch, None, None]:  # a generator, so that workers end with the test
    yield from batches


def _steps(
    trial: Cell, batches: Iterator[Batch], setting: Setting, progress: Callable[[], None]
) -> Callable[[float], float]:
    trial.network.train()

    def take(rate: float) -> float:
        loss = take_step(trial, next(batches), rate, setting)
        progress()
        return loss

    return take


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """Put the global generators of torch, numpy and Python back when it ends."""
    numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002  others' draws, which must not move
    try:
        with torch.random.fork_rng():
            yield
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)


def trace(cell: Cell) -> str:
    """SHA-256 of all that a training goes on from: the cell's tensors, its numbers, the global random states."""
    groups = [{key: value for key, value in group.items() if key != "params"} for group in cell.optimizer.param_groups]
    noted = (groups, cell.step, cell.status, cell.history, cell.halvings, cell.network.training)
    states = [torch.random.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else ())]
    drawn = ([state.numpy().tobytes() for state in states], np.random.get_state(), random.getstate())  # noqa: NPY002
    return hashlib.sha256(pickle.dumps((tensors_sha256(cell.tensors()), repr(noted), drawn))).hexdigest()
