"""Cross entropy and 0/1 scores against closed forms and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.metrics import accuracy_score

from deepenough.errors import InputError
from deepenough.tasks.classification import ACCURACY, Classification, loss, scores


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    return rng.normal(size=(50, 7)).astype(np.float32) * 3, rng.integers(7, size=50)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_is_the_cross_entropy_with_smoothed_targets(drawn, smoothing):
    logits, labels = drawn
    targets = np.eye(7)[labels] * (1 - smoothing) + smoothing / 7
    expected = -(targets * log_softmax(logits.astype(float), axis=1)).sum(1).mean()
    found = loss(torch.from_numpy(logits), torch.from_numpy(labels), smoothing)
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_loss_takes_soft_targets_and_agrees_with_hard_ones_where_they_are_the_same(drawn):
    logits, labels = map(torch.from_numpy, drawn)
    soft = torch.nn.functional.one_hot(labels, 7).double()
    torch.testing.assert_close(loss(logits, soft, 0.1), loss(logits, labels, 0.1))


def test_loss_of_bf16_logits_is_taken_in_fp32():
    logits = torch.tensor([[0.0, 8.0]], dtype=torch.bfloat16)
    found = loss(logits, torch.tensor([1]))
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(math.log1p(math.exp(-8)), rel=1e-3)


def test_scores_agree_with_sklearn_and_scipy(drawn):
    logits, labels = drawn
    found = scores(torch.from_numpy(logits), torch.from_numpy(labels))
    assert found.score.mean().item() == accuracy_score(labels, logits.argmax(1))
    assert np.array_equal(found.prediction.numpy(), logits.argmax(1))
    np.testing.assert_allclose(found.confidence.numpy(), softmax(logits, axis=1).max(1), rtol=1e-5)


def test_tie_goes_to_the_lower_index():
    found = scores(torch.tensor([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]]), torch.tensor([1, 1]))
    assert found.prediction.tolist() == [1, 0]
    assert found.score.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_row_that_is_not_finite_scores_nothing_even_when_class_zero_is_right(bad):
    found = scores(torch.tensor([[1.0, bad], [0.0, 5.0]]), torch.tensor([0, 1]))
    assert found.score.tolist() == [0.0, 1.0]
    assert found.confidence[0] == 0
    assert found.prediction[0] == 0


def test_metric_is_accuracy_in_points():
    assert (ACCURACY.name, ACCURACY.unit, ACCURACY.multiplier) == ("accuracy", "points", 100.0)
    assert Classification(("a", "b")).metric is ACCURACY


@pytest.mark.parametrize(
    ("classes", "words"), [((), "got 0 (none)"), (("cat",), "got 1 (cat)"), (("a", "b", "a"), "a more than once")]
)
def test_classes_that_make_no_question_are_refused(classes, words):
    with pytest.raises(InputError) as caught:
        Classification(classes)
    assert words in str(caught.value)
