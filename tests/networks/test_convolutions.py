"""Convolutions trained as products, against torch's own convolutions in double precision."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from deepenough.networks.convolutions import Pointwise, Spatial, pointwise, spatial


def maps(channels, height, width, kind=torch.float64):
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, channels, height, width, generator=generator, dtype=torch.float64).to(kind)
    return images.contiguous(memory_format=torch.channels_last).requires_grad_()


def gradients(made, *of):
    generator = torch.Generator().manual_seed(1)
    return torch.autograd.grad(made, of, torch.randn(made.shape, generator=generator, dtype=torch.float64).to(made))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (3, 5)])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_product_is_the_convolution_with_its_gradients_when_in_double_precision(kernel, height, width, stride):
    entering = maps(3, height, width)
    weight = torch.randn(4, 3, kernel, kernel, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    weight.requires_grad_()
    made = pointwise(entering, weight, stride) if kernel == 1 else spatial(entering, weight, stride)
    true = functional.conv2d(entering, weight, stride=stride, padding=kernel // 2)
    torch.testing.assert_close(made, true)
    assert made.is_contiguous(memory_format=torch.channels_last)
    for own, other in zip(gradients(made, entering, weight), gradients(true, entering, weight), strict=True):
        torch.testing.assert_close(own, other)


@pytest.mark.parametrize("layer", [Pointwise(512, 512, stride=2), Spatial(512, 3, stride=2, groups=1)])
def test_layer_stays_within_bf16_of_the_convolution_when_it_trains_as_a_product(layer, monkeypatch):
    entering = maps(512, 2, 2, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        own = gradients(layer(entering), entering, layer.weight)
        monkeypatch.setattr(type(layer), "forward", nn.Conv2d.forward)
        plain = gradients(layer(entering), entering, layer.weight)
    for made, true in zip(own, plain, strict=True):
        assert torch.linalg.vector_norm(made - true) < 0.01 * torch.linalg.vector_norm(true)


@pytest.mark.parametrize("layer", [Pointwise(512, 512), Spatial(512, 3, stride=1, groups=1)])
def test_layer_is_torchs_own_convolution_bit_for_bit_when_it_is_tested(layer):
    entering = maps(512, 2, 2, torch.float32).detach()
    layer.eval()
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(entering), nn.Conv2d.forward(layer, entering))
