"""The correction of the gap between training and test scale: a short tuning of head and norms at the test scale.

A random crop shows objects larger than the test's centre crop does, and another image side shifts the statistics before
the head. Touvron et al. 2019 (arXiv 1906.06423, section 3.3) mend both by tuning the classifier and the batch norms for
a few epochs on training pictures cut as at test.
"""

from __future__ import annotations

import copy
from dataclasses import replace

from torch import nn

from deepenough.data import TestPixels
from deepenough.data.augment import Augmentation
from deepenough.data.schedules import batch_at
from deepenough.data.streams import TrainingStream
from deepenough.networks import ResNet
from deepenough.networks.distance import BACKBONE
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.training import Cell, Seeds, Setting
from deepenough.training.recipe import Recipe

EPOCHS_SHARE = 0.25  # of the training's epochs, at least one
STEP_SHARE = 0.75  # of a training step's time, since convolutions need no gradient of their weights
RATE_SHARE = 0.1  # of the training's peak learning rate


def tuning_epochs(epochs: int) -> int:
    """Epochs of the tuning after a training of so many.

    >>> tuning_epochs(6), tuning_epochs(60), tuning_epochs(1)
    (2, 15, 1)
    """
    return max(1, round(EPOCHS_SHARE * epochs))


def tuning_work(name: str, scale: int) -> float:
    """Its time as a share of a whole training's at `scale`: fewer epochs, another side, no gradients of the weights.

    Where the name leaves the side to the study, it is taken to be one and a half times the training scale.
    """
    side = contender(name).fixres or 1.5 * scale
    return EPOCHS_SHARE * STEP_SHARE * (side / scale) ** 2


def tuning_setting(bench: Bench, name: str) -> Setting:
    """The training's setting with a smaller rate, no warm-up and no averaging of weights."""
    recipe: Recipe = bench.setting.recipe_of(contender(name).trained)
    tuned = replace(recipe, learning_rate=RATE_SHARE * recipe.learning_rate, warmup_epochs=0.0, ema_decay=None)
    return replace(bench.setting, recipes={name: tuned})


def tuning_stream(bench: Bench, name: str, seeds: Seeds) -> TrainingStream:
    """The training pictures cut as at test, mirrored at random where the training mirrors.

    A batch has about as many pixels as one of the training, so that memory stays the same.
    """
    design = bench.design
    assert not isinstance(bench.train, TestPixels), "networks are trained on whole pictures, not on squares"
    side = contender(name).fixres or max(design.scales)
    return TrainingStream(
        bench.train,
        bench.targets(bench.train.sample_ids),
        Augmentation(crop="centre", flip=design.augmentation.flip),
        side=side,
        batch=batch_at(side, scale=design.train_scale, batch=design.batch),
        epochs=tuning_epochs(design.epochs),
        seed=seeds.augmentation,
        order_seed=seeds.order,
        workers=bench.study.workers,
        classes=len(bench.prepared.classes),
        teaching=bench.setting.task,
        ranks=bench.setting.ranks,
    )


def begin_tuning(bench: Bench, name: str, base: Cell, seeds: Seeds) -> Cell:
    """A cell with the weights that `base` is tested with, of which only the head and the norms learn."""
    network = copy.deepcopy(base.tested_network)
    backbone = isinstance(network, ResNet)
    head = (
        (name.startswith("fc.") if backbone else not name.startswith(f"{BACKBONE}."), weight)
        for name, weight in network.named_parameters()
    )
    learning = {id(weight) for belongs, weight in head if belongs}
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            learning |= {id(weight) for weight in module.parameters()}
    for weight in network.parameters():
        weight.requires_grad_(id(weight) in learning)
    cell = Cell.begin(name, seeds, network, tuning_setting(bench, name).recipe_of(name))
    if base.status == "diverged":
        cell.status = "diverged"
    return cell
