"""Counts against torchvision's published figures, torch's counter and closed forms."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from deepenough.cost import count
from deepenough.errors import InputError
from deepenough.networks.catalogue import names, skeleton


@pytest.mark.parametrize(("name", "gmacs"), [("resnet50", 4.089), ("resnet101", 7.801)])
def test_count_at_224_px_is_what_torchvision_publishes(name, gmacs):
    stated = torchvision.models.get_model_weights(name).DEFAULT.meta
    found = count(skeleton(name), 224)
    assert found.parameters == stated["num_params"]
    assert round(found.macs / 1e9, 3) == stated["_ops"] == gmacs


@pytest.mark.parametrize("side", [33, 64])
@pytest.mark.parametrize("name", names())
def test_count_agrees_with_torchs_own_counter(name, side):
    network = skeleton(name).eval()
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, side, side, device="meta"))
    assert 2 * count(network, side).macs == counter.get_total_flops()


def test_count_of_grouped_and_linear_layers_is_the_closed_form():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, stride=2, groups=4), nn.Flatten(), nn.Linear(8 * 4 * 4, 5)
    )
    assert count(network, 10) == (224 + 152 + 645, 100 * 8 * 27 + 16 * 8 * 18 + 5 * 128)


def test_count_leaves_network_and_modes_as_they_were():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    network[2].eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    count(network, 32)
    assert [module.training for module in network.modules()] == [True, True, True, False]
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_count_at_a_side_that_the_network_refuses_says_so_and_restores_its_mode():
    network = skeleton("resnet50").train()
    with pytest.raises(InputError, match="at least 32 px; got 31 x 31"):
        count(network, 31)
    assert all(module.training for module in network.modules())
