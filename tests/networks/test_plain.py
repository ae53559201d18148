"""Networks without shortcuts, against a stack of layers."""

import pytest
import torch
from torch import nn

from deepenough.errors import InputError
from deepenough.networks import build


def test_network_without_shortcuts_is_its_layers_one_after_the_other():
    network = build("resnet50+shortcut=none+width=0.125", 7, seed=3).eval()
    layers = [network.conv1, network.bn1, nn.ReLU(), network.maxpool]
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        for block in stage:
            for convolution, norm in (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")):
                layers += [getattr(block, convolution), getattr(block, norm), nn.ReLU()]
    plain = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), network.fc)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(network(images), plain(images))
        assert network(images).std(dim=0).max() > 0  # something passes: no gamma begins at zero
    assert not any("downsample" in name for name, _ in network.named_parameters())


def test_shortcuts_cannot_be_left_out_where_blocks_are_dropped():
    with pytest.raises(InputError, match="shortcut"):
        build("resnet50+shortcut=none+drop_path=0.1", 7)
