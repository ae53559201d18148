"""Grad-CAM against the closed form it has for a linear head, and against central differences."""

from __future__ import annotations

import pytest
import torch

from deepenough.evaluation import grad_cam
from deepenough.evaluation.explanation import METHODS
from deepenough.networks import build


def network_of(name):
    network = build(name, 4, seed=3)
    network.train()
    with torch.no_grad():
        network(torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    return network.eval()


def images(count=2):
    return torch.randn(count, 3, 64, 96, generator=torch.Generator().manual_seed(5))


def test_map_is_the_class_activation_map_when_the_head_is_linear_on_the_average(tiny_networks):
    network = network_of("resnet50")
    asked = network(images()).argmax(dim=1)
    logits, maps = grad_cam(network, images(), asked)
    with torch.no_grad():
        last = network.features(images())[-1]
        expected = torch.einsum("bc,bchw->bhw", network.fc.weight[asked], last).clamp(min=0)
        torch.testing.assert_close(logits, network(images()))
    torch.testing.assert_close(maps, expected / expected.amax(dim=(1, 2), keepdim=True))


def test_map_explains_the_answer_when_no_class_is_asked_about(tiny_networks):
    network = network_of("resnet50")
    logits, maps = grad_cam(network, images(), torch.tensor([-1, -1]))
    torch.testing.assert_close(maps, grad_cam(network, images(), logits.argmax(dim=1))[1])


def test_map_is_empty_when_nothing_speaks_for_the_class(tiny_networks):
    network = network_of("resnet50")
    with torch.no_grad():
        network.fc.weight[3] = -1.0  # the last map is not negative, so every position speaks against the class
    maps = grad_cam(network, images(), torch.tensor([3, 3]))[1]
    torch.testing.assert_close(maps, torch.zeros(2, *maps.shape[1:]))


def test_weights_are_mean_slopes_when_the_head_fuses_stages(tiny_networks):
    network = network_of("resnet50-fpn").double()
    one = images(1).double()
    _, maps = grad_cam(network, one, torch.tensor([1]))
    with torch.no_grad():
        *lower, last = network.features(one)

        def logit(shift):
            return network.fc(network.neck([*lower, last + shift]))[0, 1]

        slopes = []
        for channel in range(last.shape[1]):  # the slope along a whole channel is the sum over its positions
            shift = torch.zeros_like(last)
            shift[:, channel] = 1e-6
            slopes.append((logit(shift) - logit(-shift)) / 2e-6)
        expected = torch.einsum("c,chw->hw", torch.stack(slopes), last[0]).clamp(min=0)
    torch.testing.assert_close(maps[0].double(), expected / expected.max(), rtol=1e-4, atol=1e-4)


def test_network_is_left_without_gradients(tiny_networks):
    network = network_of("resnet50")
    grad_cam(network, images(), torch.tensor([0, 1]))
    assert all(parameter.grad is None for parameter in network.parameters())


def test_network_in_training_mode_is_refused(tiny_networks):
    with pytest.raises(ValueError, match="evaluation mode"):
        grad_cam(network_of("resnet50").train(), images(), torch.tensor([0, 1]))


@pytest.mark.parametrize("stage", [2, 4])
def test_map_of_an_earlier_stage_is_its_channels_weighted_by_their_slopes(stage, tiny_networks):
    network, asked = network_of("resnet101"), torch.tensor([1, 3])
    logits, maps = grad_cam(network, images(), asked, stage)

    shown = images().requires_grad_()
    kept = {}
    hook = getattr(network, f"layer{stage - 1}").register_forward_hook(lambda _m, _i, out: kept.setdefault("map", out))
    seen = network(shown)
    hook.remove()
    kept["map"].retain_grad()
    seen.gather(1, asked[:, None]).sum().backward()
    slopes = kept["map"].grad.mean(dim=(2, 3), keepdim=True)
    expected = (slopes * kept["map"].detach()).sum(dim=1).clamp(min=0)
    torch.testing.assert_close(logits, seen.detach())
    torch.testing.assert_close(maps, expected / expected.amax(dim=(1, 2), keepdim=True))


def test_relatives_have_their_closed_forms_when_the_head_is_linear_on_the_average(tiny_networks):
    network = network_of("resnet50")
    asked = network(images()).argmax(dim=1)
    with torch.no_grad():
        last = network.features(images())[-1]
    slopes = (network.fc.weight[asked].detach() / last[0, 0].numel())[:, :, None, None]  # the same at every position
    expected = {
        "hirescam": (slopes * last).sum(1),  # there HiResCAM is Grad-CAM: Draelos and Carin 2020, section 3.3
        "layercam": (slopes.clamp(min=0) * last).sum(1),
        "gradcampp": (
            last[0, 0].numel()
            * slopes**2
            / (2 * slopes**2 + last.sum(dim=(2, 3), keepdim=True) * slopes**3)
            * slopes.clamp(min=0)
            * last
        ).sum(1),
    }
    for method in METHODS[1:]:
        told = expected[method]
        maps = grad_cam(network, images(), asked, method=method)[1]
        told = told.clamp(min=0)
        torch.testing.assert_close(maps, told / told.amax(dim=(1, 2), keepdim=True), msg=method)
    torch.testing.assert_close(
        grad_cam(network, images(), asked, method="hirescam")[1], grad_cam(network, images(), asked)[1]
    )
