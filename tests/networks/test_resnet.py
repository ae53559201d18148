"""The two contestants against torchvision's networks and the published scheme."""

from __future__ import annotations

import math

import pytest
import torch
import torchvision
from torch import nn

from deepenough.errors import InputError
from deepenough.networks.blocks import Bottleneck
from deepenough.networks.catalogue import build, skeleton
from deepenough.networks.config import STAGE_BLOCKS, NetworkConfig
from deepenough.networks.resnet import (
    ResNet,
    Tap,
    check_images,
    initialise,
)

PARAMETERS = {"resnet50": 25_557_032, "resnet101": 44_549_160}  # torchvision's weights meta data


@pytest.fixture(scope="module", params=["resnet50", "resnet101"])
def twins(request):
    """Ours and torchvision's network of one name, with the same weights, in eval mode."""
    ours = build(request.param, 1000, seed=1).eval()
    with torch.device("meta"):
        theirs = getattr(torchvision.models, request.param)()
    theirs.to_empty(device="cpu").eval()
    return request.param, ours, theirs


@pytest.mark.parametrize("perturbed", [False, True], ids=["fresh statistics", "perturbed statistics"])
def test_logits_and_stage_maps_equal_torchvisions_when_weights_are_the_same(twins, perturbed, perturb_norms):
    _, ours, theirs = twins
    if perturbed:
        perturb_norms(ours, seed=2)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    images = torch.randn(2, 3, 64, 71, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        maps = ours.features(images)
        hidden = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(images))))
        for found, stage in zip(maps, (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4), strict=True):
            hidden = stage(hidden)
            torch.testing.assert_close(found, hidden, rtol=1e-5, atol=1e-5)
        logits = ours(images)
        assert logits.std() > 0.02
        torch.testing.assert_close(logits, theirs(images), rtol=0, atol=1e-5)


def test_state_dict_names_and_shapes_are_torchvisions(twins):
    name, ours, theirs = twins
    assert [(key, value.shape) for key, value in ours.state_dict().items()] == [
        (key, value.shape) for key, value in theirs.state_dict().items()
    ]
    assert sum(parameter.numel() for parameter in ours.parameters()) == PARAMETERS[name]


def test_the_contestants_differ_in_one_table_row_alone():
    differing = [pair for pair in zip(STAGE_BLOCKS[50], STAGE_BLOCKS[101], strict=True) if pair[0] != pair[1]]
    assert differing == [(6, 23)]
    small, big = (skeleton(name).state_dict() for name in ("resnet50", "resnet101"))
    assert all(big[key].shape == value.shape for key, value in small.items())
    assert {key.rpartition(".layer")[0] or key.split(".")[0] for key in set(big) - set(small)} == {"layer3"}


def test_fresh_weights_follow_the_published_scheme():
    network = build("resnet50", 10, seed=5)
    convolution = network.layer4[0].conv2.weight
    assert convolution.std().item() == pytest.approx(math.sqrt(2 / (512 * 9)), rel=0.01)
    bound = 1 / math.sqrt(2048)
    assert network.fc.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert network.fc.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)
    assert torch.equal(network.bn1.weight, torch.ones(64))
    assert torch.equal(network.bn1.running_var, torch.ones(64))
    assert network.bn1.num_batches_tracked.item() == 0


@pytest.mark.parametrize("zero", [False, True])
def test_zero_init_last_makes_every_block_without_projection_the_identity_on_what_relu_left(zero):
    network = ResNet(NetworkConfig(depth=50, zero_init_last=zero), 2).eval()
    initialise(network, torch.Generator().manual_seed(0))
    block = network.layer1[1]
    assert isinstance(block, Bottleneck)
    entering = torch.rand(1, 256, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.equal(block(entering), entering) is zero


def test_building_leaves_the_global_generator_as_it_was():
    before = torch.random.get_rng_state()
    build("resnet50", 3, seed=4)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_weights_depend_on_the_seed_alone():
    first, again, other = (build("resnet50", 3, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, again[key]) for key, value in first.items())
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])
    assert not torch.equal(first["fc.bias"], other["fc.bias"])


def test_small_stem_keeps_the_full_resolution_and_is_declared():
    network = skeleton("resnet50-small", 10)
    assert network.conv1.weight.shape == (64, 3, 3, 3)
    assert isinstance(network.maxpool, nn.Identity)
    assert [tap.stride for tap in network.taps] == [1, 2, 4, 8]
    assert NetworkConfig(depth=50).stem == "imagenet"


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 64, 64), "shape (batch, 3, height, width); got (3, 64, 64)"),
        ((1, 1, 64, 64), "shape (batch, 3, height, width); got (1, 1, 64, 64)"),
        ((1, 3, 31, 64), "sides of at least 32 px; got 31 x 64 px"),
    ],
)
def test_images_of_another_form_are_refused_with_what_was_expected(shape, words):
    with pytest.raises(InputError) as caught:
        check_images(torch.zeros(shape))
    assert words in str(caught.value)


def test_integer_images_are_refused_before_a_convolution_sees_them():
    with pytest.raises(InputError, match=r"floating point images; got torch\.uint8"):
        check_images(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"depth": 34}, "one of 50, 101; got 34"),
        ({"depth": 50, "stem": "wide"}, "one of imagenet, deep, small; got wide"),
        ({"depth": 50, "kernels": (3, 3, 4, 3)}, "four of 3, 5 and 7; got (3, 3, 4, 3)"),
        ({"depth": 50, "drop_path": 1.0}, "a chance from 0 to below 1; got 1.0"),
    ],
)
def test_config_of_an_unknown_kind_is_refused(config, words):
    with pytest.raises(InputError) as caught:
        NetworkConfig(**config)
    assert words in str(caught.value)


def test_network_without_outputs_is_refused():
    with pytest.raises(InputError, match="at least 1; got 0"):
        skeleton("resnet50", 0)


@pytest.mark.parametrize(("stride", "image", "side"), [(4, 224, 56), (32, 33, 2), (32, 32, 1), (8, 47, 6), (1, 35, 35)])
def test_tap_side_rounds_every_halving_up(stride, image, side):
    assert Tap("C", 1, stride).side(image) == side
