"""The recipe: everything about training that is not the network, the data or the seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from deepenough.networks.distance import distance_from_head


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a cell is trained; the same for every contender of a study.

    Args:
        optimizer: `sgd` (Nesterov momentum), `adamw` (Loshchilov & Hutter 2019) or `lamb` (You et al. 2020).
        learning_rate: the peak, reached at the end of the warm-up.
        weight_decay: applied to weights of convolutions and of the head, never to norms and biases.
        momentum: of SGD; AdamW and LAMB keep their own betas (0.9, 0.999).
        warmup_epochs: length of the linear warm-up.
        label_smoothing: in [0, 1).
        ema_decay: weights are averaged with this decay per step (ramped up from 0 in the first steps) and the average
            is what is tested; None turns it off.
        clip_norm: largest gradient norm; None turns clipping off.
        layer_decay: in (0, 1]; every part of the network learns this much more slowly than the part after it, the head
            at the full rate (Howard & Ruder 2018, arXiv 1801.06146, section 3.2; Clark et al. 2020, arXiv 2003.10555,
            appendix B; Bao et al. 2022, arXiv 2106.08254). Parts are the stem and the stages, see
            `networks.distance`. None turns it off.
        teacher_temperature: at which a pupil's outputs are held against its teacher's (Hinton et al. 2015, arXiv
            1503.02531, section 2). Of no part where there is no teacher.
        teacher_weight: of that in the loss, in [0, 1]; the targets have the rest. The same paper found it best with
            a considerably lower weight on the targets; 0.9 at temperature 4 is what the code of Tian et al. 2020 (arXiv
            1910.10699) takes.
    """

    optimizer: Literal["sgd", "adamw", "lamb"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    momentum: float = 0.9
    warmup_epochs: float = 2.0
    label_smoothing: float = 0.1
    ema_decay: float | None = None
    clip_norm: float | None = None
    layer_decay: float | None = None
    teacher_temperature: float = 4.0
    teacher_weight: float = 0.9


def learning_rate(recipe: Recipe, step: int, *, steps_per_epoch: float, total_steps: int) -> float:
    """Learning rate of a step (counted from 0): linear warm-up, then a half cosine to zero (Loshchilov & Hutter 2017).

    A closed form of the step, so that nothing of it has to be stored for a resume.

    >>> recipe = Recipe(learning_rate=1.0, warmup_epochs=1)
    >>> [round(learning_rate(recipe, step, steps_per_epoch=4, total_steps=12), 3) for step in (0, 3, 4, 8, 11)]
    [0.25, 1.0, 1.0, 0.5, 0.038]
    """
    warmup = min(round(recipe.warmup_epochs * steps_per_epoch), total_steps // 2)
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, total_steps - warmup)
    return recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def build_optimizer(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimiser over a network's weights.

    Weights are in two groups, those with weight decay, and norms and biases without; under `layer_decay` in two for
    each part of the network, whose `lr_scale` is the factor of its learning rate.
    """
    groups = [group for part in _parts(recipe, network) for group in part]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
        )
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
    from timm.optim.lamb import Lamb  # a second to import, and needed by such recipes only

    return Lamb(groups, lr=recipe.learning_rate)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group the rate, times its factor where layers have their own."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("lr_scale", 1.0)


def _parts(recipe: Recipe, network: nn.Module) -> list[list[dict[str, Any]]]:
    """The groups of each part that has one learning rate; the whole network where layers have none of their own."""
    named = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
    if recipe.layer_decay is None:
        return [_by_decay(recipe, [weight for _, weight in named])]
    by_distance: dict[int, list[nn.Parameter]] = {}
    for name, weight in named:
        by_distance.setdefault(distance_from_head(name), []).append(weight)
    return [
        [{**group, "lr_scale": recipe.layer_decay**distance} for group in _by_decay(recipe, weights)]
        for distance, weights in sorted(by_distance.items())
    ]


def _by_decay(recipe: Recipe, weights: list[nn.Parameter]) -> list[dict[str, Any]]:
    return [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
    ]
