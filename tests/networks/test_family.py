"""The relatives against timm's networks of the same form, and against their papers' counts."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from deepenough.cost import count
from deepenough.errors import InputError
from deepenough.networks.blocks import BlurPool, Bottleneck, SqueezeExcitation, drop_path
from deepenough.networks.catalogue import build, entry, names, skeleton
from deepenough.networks.config import BigLittle, NetworkConfig
from deepenough.networks.fusion import GeneralisedMean
from deepenough.networks.multiscale import BigLittleStage
from deepenough.networks.resnet import ResNet, initialise

TWINS = {  # our name -> timm's
    "res2net50": "res2net50_26w_4s",
    "res2net101": "res2net101_26w_4s",
    "res2net50-26w6s": "res2net50_26w_6s",
    "res2net50-26w8s": "res2net50_26w_8s",
    "res2net50-14w8s": "res2net50_14w_8s",
    "res2net50-48w2s": "res2net50_48w_2s",
    "res2net50+stem=deep+shortcut=average": "res2net50d",
    "res2net50+groups=8+bottleneck_width=4": "res2next50",
    "resnet50d": "resnet50d",
    "resnet101d": "resnet101d",
    "seresnet50": "seresnet50",
    "seresnet101": "seresnet101",
    "resnetrs50": "resnetrs50",
    "resnetrs101": "resnetrs101",
    "resnetblur50": "resnetblur50",
    "resnet50+bottleneck_width=128": "wide_resnet50_2",
    "resnet50+groups=32+bottleneck_width=4": "resnext50_32x4d",
    "resnet50+blocks=3-8-36-3": "resnet152",
}


@pytest.mark.parametrize(("ours", "theirs"), TWINS.items(), ids=TWINS)
def test_logits_equal_timms_when_weights_are_the_same(ours, theirs, perturb_norms):
    own = build(ours, 1000, seed=1).eval()
    perturb_norms(own, seed=2)
    with torch.device("meta"):
        twin = timm.create_model(theirs)
    twin.load_state_dict(own.state_dict(), strict=True, assign=True)
    for module in twin.modules():
        if hasattr(module, "filt"):  # a blur's kernel, which is not part of the state
            module.register_buffer("filt", torch.empty(module.filt.shape), persistent=False)
            module.reset_parameters()
    images = torch.randn(2, 3, 64, 71, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        logits = own(images)
        assert logits.std() > 0.02
        torch.testing.assert_close(logits, twin.eval()(images), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "millions"), [("res2net50", 25.70), ("res2net101", 45.21), ("seresnet50", 28.09), ("resnetrs101", 63.62)]
)
def test_parameters_are_those_published(name, millions):
    assert sum(p.numel() for p in skeleton(name).parameters()) / 1e6 == pytest.approx(millions, abs=0.005)


def norm_outputs(name, side):
    """Values that norms give for one image: some profilers count two operations for each."""
    network, counted = build(name, 1000), []
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda _m, _i, output: counted.append(output[0].numel()))
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, side, side))
    return sum(counted)


@pytest.mark.parametrize(("name", "published"), [("resnet50", 4.11), ("res2net50", 4.28), ("res2net101", 8.10)])
def test_gmacs_of_res2net_are_those_published_once_norms_are_counted_as_there(name, published):
    macs = count(skeleton(name), 224).macs + 2 * norm_outputs(name, 224)
    assert macs / 1e9 == pytest.approx(published, abs=0.006)


@pytest.mark.parametrize(("name", "published"), [("blresnet50", 2.85), ("blresnet101", 3.89)])
def test_gmacs_of_big_little_are_those_published_for_the_convolutions_alone(name, published):
    network = skeleton(name)
    assert round((count(network, 224).macs - network.fc.weight.numel()) / 1e9, 2) == published


def test_every_contender_has_a_twin_of_the_other_depth():
    known = set(names())
    single = [name for name in known if "50-" not in name or "w" not in name]
    assert all(name.replace("50", "101") in known for name in single if "50" in name)
    assert len(known) >= 12


def test_levers_change_one_field_and_leave_the_rest():
    config = entry("resnet50+kernels=7-5-3-3+width=0.5+antialias=true+stem_channels=32").config
    assert config == NetworkConfig(depth=50, kernels=(7, 5, 3, 3), width=0.5, antialias=True, stem_channels=32)
    network = ResNet(config, 3)
    assert network.conv1.out_channels == 32
    assert network.layer1[0].conv2.kernel_size == (7, 7)
    assert [tap.channels for tap in network.taps] == [128, 256, 512, 1024]
    assert network.eval()(torch.zeros(1, 3, 33, 40)).shape == (1, 3)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet50+widht=0.5", "did you mean width?"),
        ("resnet50+depth=2", "blocks=3-4-6-3 sets the blocks of each stage; the depth is in the name, as in resnet101"),
        ("resnet50+width", "+LEVER=VALUE"),
        ("resnet50+width=wide", "a number; got 'wide'"),
        ("resnet50+width=9", "between 0.125 and 8; got 9.0"),
        ("resnet50+blocks=3-4", "four numbers from 1 to 200; got (3, 4)"),
        ("resnet50+blocks=3-4-x-3", "whole numbers, joined by - where four; got '3-4-x-3'"),
        ("resnet50+stem=tall", "one of imagenet, deep, small; got tall"),
        ("resnet50+antialias=perhaps", "true or false; got 'perhaps'"),
        ("resnet50+depth=34", "+LEVER=VALUE"),
    ],
)
def test_lever_that_does_not_exist_or_fit_is_refused(name, words):
    with pytest.raises(InputError) as caught:
        entry(name)
    assert words in str(caught.value)


def test_plain_network_has_no_other_block_and_no_neck_parameters():
    network = skeleton("resnet50")
    kinds = (SqueezeExcitation, BlurPool, GeneralisedMean, BigLittleStage)
    assert not any(isinstance(module, kinds) for module in network.modules())
    assert not list(network.neck.parameters())


def test_blur_keeps_a_constant_and_halves_rounding_up():
    blur = BlurPool(2)
    with torch.inference_mode():
        blurred = blur(torch.full((1, 2, 7, 1), 3.0))
    assert blurred.shape == (1, 2, 4, 1)
    torch.testing.assert_close(blurred, torch.full((1, 2, 4, 1), 3.0))


def test_drop_path_keeps_the_mean_and_drops_whole_images():
    torch.manual_seed(0)
    kept = drop_path(torch.ones(4000, 1, 2, 2), 0.25)
    assert kept.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert (kept.amax((1, 2, 3)) == kept.amin((1, 2, 3))).all()
    assert kept.mean().item() == pytest.approx(1.0, abs=0.04)


def test_drop_path_grows_with_depth_and_rests_in_eval_mode():
    config = NetworkConfig(depth=50, drop_path=0.2)
    network = ResNet(config, 2)
    skips = [module.skip for module in network.modules() if isinstance(module, Bottleneck)]
    assert skips == pytest.approx([0.2 * i / 15 for i in range(16)])
    initialise(network, torch.Generator().manual_seed(0))
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.equal(network.eval()(images), network(images))


def test_generalised_mean_is_the_average_at_power_one_and_nears_the_maximum():
    pool, values = GeneralisedMean(), torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for power, wanted in ((1.0, values.mean((2, 3))), (400.0, values.amax((2, 3)))):
            pool.power.fill_(power)
            torch.testing.assert_close(pool(values), wanted, rtol=0.01, atol=1e-3)


def test_concatenating_head_sees_every_stage_and_top_down_head_mixes_them():
    for name, width in (("resnet50-concat", 256 + 512 + 1024 + 2048), ("resnet50-fpn", 256)):
        network = build(name, 4, seed=0).eval()
        images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
        maps = [map_.detach().requires_grad_() for map_ in network.features(images)]
        network.fc(network.neck(maps)).square().sum().backward()
        assert network.fc.in_features == width
        assert all(map_.grad is not None and map_.grad.any() for map_ in maps)


def test_big_little_fuses_half_and_full_resolution():
    config = NetworkConfig(depth=50, branches=BigLittle())
    stage = BigLittleStage(config, 64, 64, 3, 2).eval()
    entering = torch.rand(1, 64, 16, 16)
    with torch.inference_mode():
        assert stage.big(entering).shape[2:] == (8, 8)
        assert stage.little(entering).shape[1:] == (128, 16, 16)
        assert stage(entering).shape[1:] == (256, 8, 8)
