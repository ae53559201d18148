"""Weighted and focal losses against torch, torchvision and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss

from deepenough.errors import InputError
from deepenough.tasks.losses import (
    PLAIN,
    Emphasis,
    balanced_weights,
    binary_cross_entropy,
    classes_apart,
    cross_entropy,
    emphasis,
    labels_apart,
)


@pytest.fixture
def drawn():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(40, 3, generator=generator) * 2, torch.randint(3, (40,), generator=generator)


def test_balanced_weights_are_scikit_learns_and_one_on_average():
    labels = np.repeat([0, 1, 2], [50, 8, 2])
    weights = balanced_weights(np.bincount(labels))
    np.testing.assert_allclose(weights, compute_class_weight("balanced", classes=np.arange(3), y=labels))
    assert weights[labels].mean() == pytest.approx(1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_plain_loss_is_torchs_cross_entropy(drawn, smoothing):
    expected = functional.cross_entropy(*drawn, label_smoothing=smoothing)
    torch.testing.assert_close(cross_entropy(*drawn, smoothing, PLAIN), expected)


def test_weighted_loss_is_torchs_before_its_division_by_the_weights(drawn):
    logits, labels = drawn
    weights = (0.5, 1.0, 3.0)
    expected = functional.cross_entropy(logits, labels, weight=torch.tensor(weights), reduction="sum") / len(labels)
    torch.testing.assert_close(cross_entropy(logits, labels, 0.0, Emphasis(weights)), expected)


def test_parts_of_a_batch_add_up_to_its_loss(drawn):
    logits, labels = drawn
    emphasised = Emphasis((0.5, 1.0, 3.0), 2.0)
    parts = [cross_entropy(logits[part], labels[part], 0.1, emphasised) / 4 for part in torch.arange(40).chunk(4)]
    torch.testing.assert_close(sum(parts), cross_entropy(logits, labels, 0.1, emphasised))


def test_focal_loss_of_two_classes_is_torchvisions_of_one_logit(drawn):
    logits = drawn[0][:, 0]
    labels = (drawn[1] == 0).long()
    both = torch.stack([torch.zeros_like(logits), logits], dim=1)
    expected = sigmoid_focal_loss(logits, labels.float(), alpha=-1, gamma=2.0, reduction="mean")
    torch.testing.assert_close(cross_entropy(both, labels, 0.0, Emphasis(focal=2.0)), expected)


def test_focal_loss_takes_mixed_targets(drawn):
    logits, labels = drawn
    soft = functional.one_hot(labels, 3).float()
    emphasised = Emphasis(focal=1.5)
    torch.testing.assert_close(
        cross_entropy(logits, soft, 0.0, emphasised), cross_entropy(logits, labels, 0.0, emphasised)
    )


def test_binary_loss_is_torchs_and_its_focal_form_torchvisions(drawn):
    logits = drawn[0]
    labels = (torch.rand(40, 3, generator=torch.Generator().manual_seed(1)) < 0.3).float()
    plain = functional.binary_cross_entropy_with_logits(logits, labels * 0.9 + 0.05)
    torch.testing.assert_close(binary_cross_entropy(logits, labels, 0.1, PLAIN), plain)
    focal = sigmoid_focal_loss(logits, labels, alpha=-1, gamma=2.0, reduction="mean")
    torch.testing.assert_close(binary_cross_entropy(logits, labels, 0.0, Emphasis(focal=2.0)), focal)


def test_weights_of_labels_are_those_of_presence_then_of_absence():
    logits, labels = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
    found = binary_cross_entropy(logits, labels, 0.0, Emphasis((2.0, 5.0, 7.0, 3.0)))
    assert found.item() == pytest.approx(np.log(2) * (2 + 3) / 2)


def test_a_sure_wrong_answer_keeps_its_gradient_under_focal_loss():
    logits = torch.tensor([[-60.0, 60.0]], requires_grad=True)
    cross_entropy(logits, torch.tensor([0]), 0.0, Emphasis(focal=0.5)).backward()
    assert torch.isfinite(logits.grad).all()
    sure = torch.tensor([[60.0, -60.0]], requires_grad=True)
    cross_entropy(sure, torch.tensor([0]), 0.0, Emphasis(focal=0.5)).backward()
    assert torch.isfinite(sure.grad).all()


def test_recipe_asks_for_emphasis_and_a_class_without_images_cannot_be_balanced():
    assert emphasis({}, [1.0, 2.0]) is not None
    assert emphasis({}, [1.0, 2.0]).plain
    assert emphasis({"class_weights": "balanced", "focal": 2}, [1.0, 2.0]) == Emphasis((1.0, 2.0), 2.0)
    with pytest.raises(InputError, match="a class without any"):
        emphasis({"class_weights": "balanced"}, balanced_weights(np.array([3, 0])))


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_distance_of_a_pupil_from_its_teacher_is_torchs_kl_div_times_the_squared_temperature(drawn, temperature):
    own, taught = drawn[0], torch.randn(40, 3, generator=torch.Generator().manual_seed(1)) * 3
    soft = functional.softmax(taught / temperature, dim=1)
    expected = temperature**2 * functional.kl_div(
        functional.log_softmax(own / temperature, dim=1), soft, reduction="batchmean"
    )
    torch.testing.assert_close(classes_apart(own, taught, temperature), expected)
    assert classes_apart(own, own + 5.0, temperature).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_distance_between_labels_is_kl_div_of_each_labels_presence_and_absence(drawn, temperature):
    own, taught = drawn[0], torch.randn(40, 3, generator=torch.Generator().manual_seed(1)) * 3
    both = [torch.stack([values, torch.zeros_like(values)], dim=-1) / temperature for values in (own, taught)]
    logs, soft = functional.log_softmax(both[0], dim=-1), functional.softmax(both[1], dim=-1)
    expected = temperature**2 * functional.kl_div(logs, soft, reduction="sum") / own.numel()
    torch.testing.assert_close(labels_apart(own, taught, temperature), expected)


def test_softened_distance_keeps_its_gradient_at_high_temperatures():
    own = torch.randn(8, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64).float().requires_grad_()
    taught = torch.randn(8, 4, generator=torch.Generator().manual_seed(3))
    (grown,) = torch.autograd.grad(classes_apart(own, taught, 1000.0), own)
    centred = [values - values.mean(dim=1, keepdim=True) for values in (own.detach(), taught)]
    expected = (centred[0] - centred[1]) / (4 * 8)  # Hinton et al. 2015, equation 4, of the mean over 8 images
    torch.testing.assert_close(grown, expected, rtol=0.05, atol=2e-3)
