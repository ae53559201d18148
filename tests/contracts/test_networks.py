"""What every network of the catalogue keeps, whatever it is made of."""

from __future__ import annotations

import copy
import shutil

import pytest
import torch
from torch import nn

from deepenough.networks.blocks import Bottleneck
from deepenough.networks.catalogue import build, names
from deepenough.networks.weights import load_weights, save_weights

OUTPUTS = 5
CHANNELS_LAST_BOUND = 1e-4  # of the largest logit: fp32 sums in another order
BF16_BOUND = 0.1  # of the largest logit: 8 bits of mantissa through up to 101 layers
LAST_GAMMA = 0.2  # of a block's last norm; at 1 an untrained deep network magnifies any rounding without bound
COMPILED_BOUND = 1e-4  # of the largest logit: the same fp32 operations, fused and in another order
SIZES = [(32, 32), (33, 33), (35, 64), (47, 65), (65, 47), (57, 57), (80, 96)]


def random_images(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


FAST = {  # one of each kind of part; the others run with the slow tests
    "resnet50",
    "resnet101",
    "res2net50",
    "blresnet50",
    "resnet50-fpn",
    "resnet50-concat",
    "resnetrs50",
    "resnetblur50",
}


def _params(some):
    return [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in some]


KINDS = _params(names())
PARTS = _params(name for name in names() if name in FAST or "101" not in name)  # 101 layers are made of the same parts


def test_every_network_of_101_layers_has_one_of_50_of_the_same_parts():
    assert {name.replace("101", "50") for name in names() if "101" in name} <= set(names())


@pytest.fixture(scope="module", params=KINDS)
def network(request):
    """A network with live residual branches and running statistics of its own, as after some training."""
    built = build(request.param, OUTPUTS, seed=11)
    norms = [module for module in built.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in built.modules():
        if isinstance(module, Bottleneck):
            nn.init.constant_(module.bn3.weight, LAST_GAMMA)
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        built.train()(random_images(4, 3, 48, 48, seed=1))
    for norm in norms:
        norm.momentum = 0.1
    return built.eval()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_taps_bear_the_channels_and_sides_they_claim_at_any_size(network, size):
    with torch.inference_mode():
        maps = network.features(random_images(2, 3, *size))
        logits = network.fc(network.neck(maps))
    claimed = [(2, tap.channels, tap.side(size[0]), tap.side(size[1])) for tap in network.taps]
    assert [tuple(each.shape) for each in maps] == claimed
    assert logits.shape == (2, OUTPUTS)
    assert torch.isfinite(logits).all()


def test_taps_hold_at_224_px(network):
    with torch.inference_mode():
        maps = network.features(torch.empty(0, 3, 224, 224))  # shapes alone
    assert [tuple(each.shape[1:]) for each in maps] == [
        (tap.channels, 224 // tap.stride, 224 // tap.stride) for tap in network.taps
    ]


def test_gradient_reaches_every_parameter(network):
    own = copy.deepcopy(network).train()
    own(random_images(4, 3, 48, 48)).square().sum().backward()
    lacking = [
        name for name, p in own.named_parameters() if p.grad is None or not p.grad.isfinite().all() or not p.grad.any()
    ]
    assert lacking == []


def test_eval_mode_is_deterministic_and_judges_each_image_alone(network):
    images = random_images(3, 3, 40, 40)
    with torch.inference_mode():
        first, again, alone = network(images), network(images), network(images[1:2])
    assert torch.equal(first, again)
    torch.testing.assert_close(first[1:2], alone, rtol=1e-4, atol=1e-4)


def test_channels_last_and_bf16_agree_with_fp32_within_their_bounds(network):
    images = random_images(2, 3, 48, 48)
    own = copy.deepcopy(network).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        reference = network(images)
        innermost = own(images.to(memory_format=torch.channels_last))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = network(images)
    largest = reference.abs().max()
    assert (innermost - reference).abs().max() <= CHANNELS_LAST_BOUND * largest
    assert half.dtype == torch.bfloat16
    assert 0 < (half.float() - reference).abs().max() <= BF16_BOUND * largest


def test_state_dict_round_trip_gives_the_same_logits(network, tmp_path):
    save_weights(network, tmp_path / "w.safetensors")
    other = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    load_weights(other, tmp_path / "w.safetensors")
    images = random_images(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(other.eval()(images), network(images))


@pytest.mark.parametrize("network", PARTS, indirect=True)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of torch's own tracing
def test_compiled_network_is_one_graph_and_gives_the_same_logits(network):
    """The traced graph, run as it is."""
    _check_compiled(network, "eager")


@pytest.mark.slow
@pytest.mark.parametrize("network", sorted(FAST), indirect=True)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_graph_lowered_to_basic_operations_gives_the_same_logits(network):
    """The others are made of the same parts, and half a minute each."""
    _check_compiled(network, "aot_eager")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_machine_code_gives_the_same_logits():
    """Half a minute for one network, so the others are taken as far as their graph."""
    _check_compiled(build("resnet50-fpn", OUTPUTS, seed=11).eval(), "inductor")


def _check_compiled(network, backend):
    torch.compiler.reset()
    images = random_images(2, 3, 33, 47)
    compiled = torch.compile(network, backend=backend, fullgraph=True)  # a graph break would be an error
    with torch.inference_mode():
        reference, found = network(images), compiled(images)
    assert (found - reference).abs().max() <= COMPILED_BOUND * reference.abs().max()


@pytest.mark.slow
@pytest.mark.parametrize("network", PARTS, indirect=True)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_export_gives_the_same_logits(network):
    images = random_images(2, 3, 48, 48)
    exported = torch.export.export(network, (images,)).module()
    with torch.inference_mode():
        torch.testing.assert_close(exported(images), network(images), rtol=1e-5, atol=1e-5)
