"""Receptive fields of layers for which they are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from deepenough.evaluation.receptive import field_side, slopes_of
from deepenough.networks import build


class Staged(nn.Module):
    """Stage 2 is one layer of ones, stage 3 that layer twice."""

    def __init__(self, size):
        super().__init__()
        self.layer = nn.Conv2d(1, 1, size, padding=size // 2, bias=False)
        nn.init.ones_(self.layer.weight)

    def features(self, images):
        first = self.layer(images.sum(dim=1, keepdim=True))
        return [first, self.layer(first)]


@pytest.mark.parametrize("size", [1, 3, 5])
def test_the_field_of_one_layer_is_its_kernel_and_of_two_a_triangle(size):
    images = torch.randn(2, 3, 33, 33)
    network = Staged(size)
    one = slopes_of(network, images, 2)
    assert field_side(one, held=1.0) == size
    assert float(one.sum()) == pytest.approx(2 * 3 * size**2)  # images, channels, cells of the kernel
    line = np.convolve(np.ones(size), np.ones(size))
    two = slopes_of(network, images, 3)
    middle = 33 // 2
    reach = size - 1
    square = two[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1].numpy()
    np.testing.assert_allclose(square, 6 * np.outer(line, line))
    assert field_side(two, held=1.0) == 2 * size - 1


def test_a_field_holds_the_share_that_is_asked_for():
    deviation = 8.0
    line = torch.exp(-0.5 * (torch.arange(101) - 50.0) ** 2 / deviation**2)
    wide = 2 * deviation * norm.ppf((1 + 0.9**0.5) / 2)  # each axis holds the root of the share: 31.2 pixels
    assert field_side(torch.outer(line, line)) == 2 * int(np.ceil((wide - 1) / 2)) + 1
    assert field_side(torch.zeros(5, 5)) == 0


def test_fields_are_the_stems_while_residuals_are_zero_and_grow_with_the_stages_once_they_are_not():
    network, generator = build("resnet50", 3, seed=0).eval(), torch.Generator().manual_seed(0)
    images = torch.randn(1, 3, 256, 256, generator=generator)
    fields = {}
    for residuals in (False, True):
        if residuals:
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    nn.init.ones_(module.weight)
        fields[residuals] = [field_side(slopes_of(network, images, stage)) for stage in (2, 3, 4)]
    assert fields[False] == [11, 11, 11]  # a new network's residuals are zero: 7 x 7, then 3 x 3 at stride 2
    allowed = (35, 99, 291)  # by kernels and strides
    assert fields[True] == sorted(set(fields[True]))
    assert all(side < most for side, most in zip(fields[True], allowed, strict=True))
