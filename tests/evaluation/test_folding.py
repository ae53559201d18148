"""Folded networks against the networks that they were folded from."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from deepenough.evaluation.folding import folded
from deepenough.machine import Machine
from deepenough.networks import build, names

TREATED = [*(name for name in names() if "50" in name), "resnet101", "resnet50+antialias=true", "resnet50+stem=deep"]


@pytest.fixture
def used(tiny_networks):
    """A network whose norms have statistics and factors of their own."""

    def make(name):
        generator = torch.Generator().manual_seed(3)
        network = build(name, 5, seed=1).train()
        with torch.no_grad():
            network(torch.randn(8, 3, 64, 64, generator=generator))
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.weight.uniform_(0.5, 1.5, generator=generator)
                    module.bias.uniform_(-0.5, 0.5, generator=generator)
        return network.eval()

    return make


def images(side=48):
    return torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("name", TREATED)
def test_a_folded_network_says_the_same_and_the_given_one_is_left_as_it_was(used, name):
    network = used(name)
    before = copy.deepcopy(network.state_dict())
    own = folded(network, Machine())
    with torch.no_grad():
        expected, found = network(images()), own(images())
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert not torch.equal(found, torch.zeros_like(found))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert sum(isinstance(module, nn.BatchNorm2d) for module in own.modules()) <= 1


def test_a_norm_is_left_where_something_comes_between_it_and_the_convolution():
    between = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)).eval()
    own = folded(between, Machine())
    assert [type(module) for module in own] == [type(module) for module in between]
    with torch.no_grad():
        assert torch.equal(own(images()), between(images()))


def test_a_convolution_that_is_used_twice_is_left():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.shared, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)

        def forward(self, taken):
            return self.norm(self.shared(taken)) + self.shared(taken)

    network = Twice().eval()
    network.norm.running_mean.fill_(2.0)
    with torch.no_grad():
        assert torch.equal(folded(network, Machine())(images()), network(images()))


def test_weights_are_rounded_as_autocast_would_when_the_arithmetic_is_bf16(used):
    machine, network = Machine(precision="bf16"), used("resnet50")
    own = folded(network, machine)
    kinds = {weight.dtype for name, weight in own.named_parameters() if "conv" in name or "fc" in name}
    assert kinds == {torch.bfloat16}
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    with torch.no_grad(), machine.autocast():
        plain, found = network(images()).float(), own(images()).float()
    assert (plain - found).abs().max() < 0.05 * plain.abs().max()
