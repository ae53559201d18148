from __future__ import annotations

import math

import pytest
import torch
from pytorch_metric_learning import losses

from deepenough.errors import InputError
from deepenough.tasks.margins import MARGINS, SHARPNESS, MarginLoss


@pytest.mark.parametrize("margin", [0.2, 0.5])
@pytest.mark.parametrize("kind", ["arcface", "cosface"])
@pytest.mark.parametrize("spread", [0.3, 30.0], ids=["near", "also beyond the turning point"])
def test_margin_loss_is_that_of_pytorch_metric_learning(kind, margin, spread):
    torch.manual_seed(0)
    made = {
        "arcface": lambda: losses.ArcFaceLoss(5, 8, margin=math.degrees(margin), scale=16),
        "cosface": lambda: losses.CosFaceLoss(5, 8, margin=margin, scale=16),
    }[kind]()
    labels = torch.arange(20) % 5
    vectors = (made.W.detach().T[labels] + spread * torch.randn(20, 8)).requires_grad_()
    theirs = made(vectors, labels)
    (slope,) = torch.autograd.grad(theirs, vectors)
    centres = torch.nn.functional.normalize(made.W.detach(), dim=0)
    ours = MarginLoss(kind, margin, 16.0)(torch.nn.functional.normalize(vectors) @ centres, labels)
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.autograd.grad(ours, vectors)[0], slope, rtol=1e-3, atol=1e-5)


def test_softmax_has_no_margin():
    cosines, labels = torch.tensor([[0.2, 0.7, -0.1]]), torch.tensor([1])
    expected = torch.nn.functional.cross_entropy(16 * cosines, labels)
    torch.testing.assert_close(MarginLoss("softmax", 0.0, 16.0)(cosines, labels), expected)


@pytest.mark.parametrize("cosine", [1.0, -1.0])
def test_slope_is_finite_at_the_ends_of_the_cosine(cosine):
    cosines = torch.tensor([[cosine, 0.0]], requires_grad=True)
    MarginLoss("arcface", 0.5, 64.0)(cosines, torch.tensor([0])).backward()
    assert cosines.grad.isfinite().all()


def test_options_give_the_margins_of_the_papers_and_refuse_what_does_not_fit():
    assert MarginLoss.of({}) == MarginLoss("arcface", MARGINS["arcface"], SHARPNESS)
    assert MarginLoss.of({"loss": "cosface"}).margin == 0.35
    with pytest.raises(InputError, match="softmax has no margin"):
        MarginLoss.of({"loss": "softmax", "angular_margin": 0.2})
    with pytest.raises(InputError, match="one of arcface, cosface, softmax"):
        MarginLoss.of({"loss": "triplet"})
