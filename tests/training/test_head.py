"""The head against scikit-learn's own pipeline, against the condition that its minimum fulfils, and at its edges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from deepenough.errors import InputError
from deepenough.training import head as heads
from deepenough.training.head import PENALTIES, fit_head

WIDTH = 6


def made_up(samples, classes, seed, *, noise=1.5):
    """Features around a centre for each class, on very unequal scales, one of them constant."""
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % classes
    centres = np.random.default_rng(99).normal(size=(classes, WIDTH))
    vectors = centres[labels] + noise * rng.normal(size=(samples, WIDTH))
    vectors = vectors * np.array([1, 100, 0.01, 1, 1, 0]) + np.array([0, 50, 0, 0, -3, 7])
    return vectors.astype(np.float32), labels.astype(np.int64)


@pytest.mark.parametrize("classes", [2, 4])
def test_probabilities_are_those_of_scikit_learns_pipeline(classes):
    train, val = made_up(120, classes, 0), made_up(40, classes, 1)
    found = fit_head(train, val, classes, penalties=(0.01,))
    truth = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (0.01 * 120), tol=1e-8, max_iter=5000))
    truth.fit(train[0].astype(float), train[1])
    logits = torch.from_numpy(val[0]).double() @ torch.from_numpy(found.weight.T).double() + torch.from_numpy(
        found.bias
    )
    np.testing.assert_allclose(logits.softmax(1).numpy(), truth.predict_proba(val[0].astype(float)), atol=2e-4)
    assert found.tried == {0.01: truth.score(val[0].astype(float), val[1])}
    assert found.train_accuracy == truth.score(train[0].astype(float), train[1])
    assert found.converged


def test_the_gradient_of_the_penalised_loss_is_zero_at_the_head():
    """Convex, so this alone makes it the minimum; by torch's own derivatives on standardised features."""
    vectors, labels = made_up(90, 3, 0)
    found = fit_head((vectors, labels), made_up(30, 3, 1), 3, penalties=(0.1,))
    wide = torch.from_numpy(vectors).double()
    mean, deviation = wide.mean(0), wide.std(0, correction=0)
    deviation[-1] = 1.0  # of the constant feature
    weight = (torch.from_numpy(found.weight).double() * deviation).requires_grad_()
    bias = (torch.from_numpy(found.bias).double() + torch.from_numpy(found.weight).double() @ mean).requires_grad_()
    loss = torch.nn.functional.cross_entropy((wide - mean) / deviation @ weight.T + bias, torch.from_numpy(labels))
    assert loss.item() == pytest.approx(found.loss, rel=1e-4)
    (loss + 0.1 / 2 * weight.square().sum()).backward()
    assert weight.grad.abs().max() < 1e-5
    assert bias.grad.abs().max() < 1e-5


def test_the_penalty_is_the_best_on_validation_and_the_strongest_of_equals():
    train, val = made_up(60, 3, 0, noise=3.0), made_up(60, 3, 1, noise=3.0)
    found = fit_head(train, val, 3)
    assert tuple(found.tried) == PENALTIES
    best = max(found.tried.values())
    assert found.penalty == max(penalty for penalty, accuracy in found.tried.items() if accuracy == best)
    assert len(set(found.tried.values())) > 1
    alone = fit_head(train, val, 3, penalties=(found.penalty,))
    assert np.array_equal(alone.weight, found.weight)


def test_the_head_repeats_bit_for_bit():
    first, again = (fit_head(made_up(60, 3, 0), made_up(30, 3, 1), 3) for _ in range(2))
    assert np.array_equal(first.weight, again.weight)
    assert np.array_equal(first.bias, again.bias)


def test_a_class_without_training_images_is_never_predicted():
    vectors, labels = made_up(60, 3, 0)
    kept = labels != 1
    found = fit_head((vectors[kept], labels[kept]), made_up(30, 3, 1), 3)
    logits = made_up(30, 3, 1)[0] @ found.weight.T + found.bias
    assert found.weight.shape == (3, WIDTH)
    assert set(logits.argmax(1)) == {0, 2}


def test_a_solver_that_runs_out_of_steps_says_so(monkeypatch):
    monkeypatch.setattr(heads, "MOST_STEPS", 2)
    assert not fit_head(made_up(60, 3, 0), made_up(30, 3, 1), 3, penalties=(1e-5,)).converged


def test_what_cannot_be_fitted_is_the_users_to_mend():
    vectors, labels = made_up(20, 2, 0)
    with pytest.raises(InputError, match="expected at least two classes; got one"):
        fit_head((vectors, np.zeros_like(labels)), (vectors, labels), 2)
    vectors[3, 2] = np.inf
    with pytest.raises(InputError, match="expected finite numbers"):
        fit_head((vectors, labels), (vectors, labels), 2)
