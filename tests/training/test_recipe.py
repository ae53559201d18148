"""The schedule against torch's own, the groups against timm's."""

from __future__ import annotations

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.optim import param_groups_layer_decay, param_groups_weight_decay
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from torchvision.models import resnet50

from deepenough.networks.catalogue import build, names, skeleton
from deepenough.training import Recipe, derive_seed, learning_rate
from deepenough.training.recipe import build_optimizer, set_learning_rate

STEPS_PER_EPOCH, EPOCHS = 7, 10
TOTAL = STEPS_PER_EPOCH * EPOCHS


def rates(recipe):
    return [learning_rate(recipe, step, steps_per_epoch=STEPS_PER_EPOCH, total_steps=TOTAL) for step in range(TOTAL)]


@pytest.mark.parametrize("warmup_epochs", [1, 2, 5])
def test_learning_rate_is_torchs_linear_warm_up_then_its_cosine(warmup_epochs):
    warmup = warmup_epochs * STEPS_PER_EPOCH
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    linear = LinearLR(optimizer, start_factor=1 / warmup, end_factor=1.0, total_iters=warmup - 1)
    schedule = SequentialLR(optimizer, [linear, CosineAnnealingLR(optimizer, TOTAL - warmup)], milestones=[warmup])
    expected = []
    for _ in range(TOTAL):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates(Recipe(learning_rate=0.4, warmup_epochs=warmup_epochs)) == pytest.approx(expected, rel=1e-9)


@given(
    warmup=st.floats(0, 20),
    steps_per_epoch=st.integers(1, 50),
    epochs=st.integers(1, 30),
)
def test_learning_rate_rises_to_its_peak_then_falls_and_is_never_zero(warmup, steps_per_epoch, epochs):
    total = steps_per_epoch * epochs
    recipe = Recipe(learning_rate=1.0, warmup_epochs=warmup)
    found = [learning_rate(recipe, s, steps_per_epoch=steps_per_epoch, total_steps=total) for s in range(total)]
    peak = found.index(max(found))
    assert max(found) <= 1.0
    assert min(found) > 0.0
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert found[peak:] == sorted(found[peak:], reverse=True)


def test_optimizer_decays_what_timm_decays_and_no_norm_nor_bias():
    network = resnet50(num_classes=3)
    theirs = {group["weight_decay"]: group["params"] for group in param_groups_weight_decay(network, 0.05)}
    ours = {g["weight_decay"]: g["params"] for g in build_optimizer(Recipe(weight_decay=0.05), network).param_groups}
    assert set(ours) == {0.05, 0.0}
    for decay, weights in ours.items():
        assert {id(weight) for weight in weights} == {id(weight) for weight in theirs[decay]}


@pytest.mark.parametrize(
    ("optimizer", "kind"), [("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW), ("lamb", "Lamb")]
)
def test_optimizer_is_the_one_that_the_recipe_names(optimizer, kind):
    built = build_optimizer(Recipe(optimizer=optimizer, momentum=0.8), torch.nn.Linear(2, 2))
    assert type(built).__name__ == kind if isinstance(kind, str) else isinstance(built, kind)
    if optimizer == "sgd":
        assert all(group["nesterov"] and group["momentum"] == 0.8 for group in built.param_groups)


def test_seeds_of_different_purposes_differ_and_repeat():
    names = ["initialisation", "head", "step"]
    seeds = {derive_seed(seed, name, contender) for seed in range(20) for name in names for contender in ("a", "b")}
    assert len(seeds) == 20 * 3 * 2
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(3, "head", "a") == derive_seed(3, "head", "a")
    assert derive_seed("ab", "c") != derive_seed("a", "bc")


def scales_of(optimizer):
    """Factor of the learning rate by weight."""
    return {id(weight): group["lr_scale"] for group in optimizer.param_groups for weight in group["params"]}


def test_layer_decay_gives_the_rates_that_timm_gives_by_stages():
    theirs = timm.create_model("resnet50", num_classes=3)
    # their own pattern for the stem catches the `bn1` of every block too, and they count blocks
    theirs.group_matcher = lambda coarse: {"stem": r"^(?:conv1|bn1)", "blocks": r"^layer(\d+)"}
    groups = param_groups_layer_decay(theirs, 0.05, layer_decay=0.7)
    expected = {id(weight): group["lr_scale"] for group in groups for weight in group["params"]}
    ours = build("resnet50", 3)
    found = scales_of(build_optimizer(Recipe(layer_decay=0.7), ours))
    twins = dict(theirs.named_parameters())
    for name, weight in ours.named_parameters():
        assert found[id(weight)] == pytest.approx(expected[id(twins[name])]), name
    assert len(found) == len(expected)


@pytest.mark.parametrize("name", names())
def test_layer_decay_reaches_every_weight_once_whatever_the_network(name):
    network = skeleton(name, 3)
    optimizer = build_optimizer(Recipe(optimizer="lamb", layer_decay=0.5), network)
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    assert len(weights) == len({id(weight) for weight in weights}) == len(list(network.parameters()))
    found = scales_of(optimizer)
    distances = {part: 0.5**distance for distance, part in enumerate(("fc", "layer4", "layer3", "layer2", "layer1"))}
    for part, scale in distances.items():
        assert {found[id(weight)] for weight in getattr(network, part).parameters()} == {scale}
    assert {found[id(weight)] for weight in network.conv1.parameters()} == {0.5**5}
    assert {found[id(weight)] for weight in network.neck.parameters()} <= {1.0}


def test_a_weight_of_no_known_part_is_no_silent_full_rate():
    with pytest.raises(ValueError, match="of no part"):
        build_optimizer(Recipe(layer_decay=0.5), torch.nn.Linear(2, 2))


def test_a_step_moves_each_part_by_its_own_share_of_the_rate():
    network = build("resnet50+width=0.125+blocks=1-1-1-1", 3)
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    optimizer = build_optimizer(Recipe(optimizer="sgd", weight_decay=0.0, momentum=0.0, layer_decay=0.5), network)
    for weight in network.parameters():
        weight.grad = torch.ones_like(weight)
    set_learning_rate(optimizer, 0.25)
    optimizer.step()
    moved = {name: (before[name] - weight).mean().item() for name, weight in network.named_parameters()}
    for name, factor in (("fc.weight", 1), ("layer4.0.conv1.weight", 0.5), ("layer1.0.bn1.bias", 0.5**4)):
        assert moved[name] == pytest.approx(0.25 * factor, rel=1e-5)
    assert moved["conv1.weight"] == pytest.approx(0.25 * 0.5**5, rel=1e-4)


def test_no_layer_decay_leaves_one_rate():
    optimizer = build_optimizer(Recipe(), build("resnet50+width=0.125+blocks=1-1-1-1", 3))
    set_learning_rate(optimizer, 0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.1]
