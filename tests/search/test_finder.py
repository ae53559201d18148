"""The finder on real networks: it leaves no trace, and what follows it is the same bit for bit."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from deepenough.data import Preprocessing
from deepenough.data.streams import Batch
from deepenough.machine import Machine
from deepenough.networks.catalogue import build
from deepenough.networks.digests import tensors_sha256
from deepenough.search.finder import find_rate, trace
from deepenough.tasks.classification import Classification
from deepenough.training import Cell, Recipe, Setting, take_step

CLASSES = ("cat", "dog", "owl")


def batches(seed, count=40, side=32, images=4):
    for step in range(count):
        generator = torch.Generator().manual_seed(1000 * seed + step)
        labels = torch.randint(0, len(CLASSES), (images,), generator=generator)
        shown = torch.randint(0, 60, (images, 3, side, side), generator=generator, dtype=torch.uint8)
        shown[torch.arange(images), labels] += 180  # each class has a colour, so that there is something to learn
        yield Batch(step, shown, labels, labels)


def made(name="resnet50", **recipe):
    task = Classification(CLASSES)
    setting = Setting(recipe=Recipe(**recipe), machine=Machine(), preprocessing=Preprocessing(), task=task)
    return Cell.begin(name, 0, setting.machine.place(build(name, len(CLASSES))), setting.recipe), setting


def found_for(cell, setting, steps=12):
    tests = [lambda test=test: batches(test) for test in range(2)]
    return find_rate(cell, tests, setting, short=lambda: batches(2), steps=steps)


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("resnet50", {"optimizer": "sgd", "clip_norm": 1.0}),
        ("resnet50+drop_path=0.3", {"ema_decay": 0.9}),
        ("resnet50", {"layer_decay": 0.5}),
    ],
)
def test_finder_leaves_no_trace_and_the_training_after_it_is_the_same(tiny_networks, name, recipe):
    plain, setting = made(name, **recipe)
    probed, _ = made(name, **recipe)
    for cell in (plain, probed):
        for batch in batches(9, count=2):
            take_step(cell, batch, 1e-3, setting)  # so that the optimiser has moments to lose
    torch.manual_seed(3), random.seed(3), np.random.seed(3)  # noqa: NPY002
    before = trace(probed)
    assert before == trace(plain)
    found_for(probed, setting)
    assert trace(probed) == before
    for cell in (plain, probed):
        losses = [take_step(cell, batch, 1e-3, setting) for batch in batches(10, count=2)]
        assert np.isfinite(losses).all()
    assert tensors_sha256(probed.tensors()) == tensors_sha256(plain.tensors())


def test_trace_sees_a_weight_a_moment_and_each_random_state(tiny_networks):
    cell, setting = made()
    take_step(cell, next(batches(0)), 1e-3, setting)
    seen = {trace(cell)}
    moment = next(iter(cell.optimizer.state.values()))["exp_avg"]
    changes = [
        lambda: torch.rand(1),
        lambda: random.random(),
        lambda: np.random.rand(),  # noqa: NPY002
        lambda: cell.optimizer.param_groups[0].update(lr=0.5),
        lambda: moment.add_(1.0),
        lambda: nn.init.zeros_(cell.network.fc.bias),
    ]
    for change in changes:
        change()
        seen.add(trace(cell))
    assert len(seen) == 1 + len(changes)


def test_the_same_tests_find_the_same_rate(tiny_networks):
    cell, setting = made()
    one, two = (find_rate(cell, [lambda: batches(1, images=24)], setting, steps=40) for _ in range(2))
    assert one.note == ""
    assert one.low <= one.rate <= one.high
    assert (one.rate, one.tests) == (two.rate, two.tests)


def test_short_trainings_take_the_same_batches_and_the_best_of_their_rates_is_found(tiny_networks):
    cell, setting = made()
    opened = []

    def short():
        opened.append(True)
        return batches(7, images=24)

    found = find_rate(cell, [lambda: batches(1, images=24)], setting, short=short, steps=40)
    losses = {each.rate: each.loss for each in found.tried}
    assert len(opened) == len(found.tried) >= 3
    assert found.rate == min(losses, key=losses.get)


def test_nothing_is_found_when_the_network_cannot_learn(tiny_networks):
    cell, setting = made()
    for weight in cell.network.parameters():
        weight.requires_grad_(False)
    cell.network.fc.bias.requires_grad_(True)
    nn.init.zeros_(cell.network.fc.weight)
    balanced = torch.arange(6) % 3

    def even():
        for step in range(40):
            yield Batch(step, torch.zeros(6, 3, 32, 32, dtype=torch.uint8), balanced, balanced)

    nn.init.zeros_(cell.network.fc.bias)
    found = find_rate(cell, [even], setting, steps=16)
    assert found.rate == setting.recipe.learning_rate
    assert "the loss fell in no test" in found.note
