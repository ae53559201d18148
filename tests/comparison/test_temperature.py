"""Temperature from validation against scipy's optimiser, and its error against the one that is drawn."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from deepenough.comparison import as_answered, calibration_of
from deepenough.comparison.temperature import calibration_error, fit_temperature, tempered


def drawn(temperature, size=4000):
    """Labels drawn from probabilities, and the logits of a network that is too sure by `temperature`."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(size, 4)) * 2
    labels = (softmax(logits, axis=1).cumsum(1) < rng.random((size, 1))).sum(1)
    return temperature * logits, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_the_one_with_the_least_loss(temperature):
    logits, labels = drawn(temperature)

    def loss(log_of):
        return -log_softmax(logits / np.exp(log_of), axis=1)[np.arange(len(labels)), labels].mean()

    best = np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x)
    found = fit_temperature(softmax(logits, axis=1), labels)
    assert found == pytest.approx(best, rel=1e-4)
    assert found == pytest.approx(temperature, rel=0.1)


def test_tempered_probabilities_are_those_of_divided_logits_and_mend_the_error():
    logits, labels = drawn(3.0)
    chances = softmax(logits, axis=1)
    np.testing.assert_allclose(tempered(chances, 3.0), softmax(logits / 3.0, axis=1), atol=1e-9)
    right = chances.argmax(1) == labels
    before, _ = calibration_error(chances.max(1), right)
    after, by_chance = calibration_error(tempered(chances, fit_temperature(chances, labels)).max(1), right)
    assert before > 0.1
    assert after < 2 * by_chance


def test_error_is_that_of_the_report():
    logits, labels = drawn(2.0, size=300)
    chances = softmax(logits, axis=1)
    right = chances.argmax(1) == labels
    frame = pl.DataFrame(
        {"contender": "a", "seed": 0, "scale": 32, "confidence": chances.max(1), "score": right.astype(float)}
    )
    known = calibration_of(frame, contender="a", scale=32)
    assert calibration_error(chances.max(1), right) == pytest.approx((known.error, known.by_chance))


def test_networks_that_are_always_or_never_right_get_the_ends_of_the_range():
    sure = np.array([[0.6, 0.4]] * 20)
    assert fit_temperature(sure, np.zeros(20, np.int64)) == pytest.approx(1 / 50, rel=1e-3)
    assert fit_temperature(sure, np.ones(20, np.int64)) == pytest.approx(50, rel=1e-3)


def test_scores_that_are_influence_values_are_read_as_answers_and_others_left():
    frame = pl.DataFrame({"target": ["a", "b"], "prediction": ["a", "a"], "score": [1.2, -0.1]})
    assert as_answered(frame)["score"].to_list() == [1.0, 0.0]
    none = frame.with_columns(prediction=pl.lit(None, pl.String))
    assert as_answered(none).equals(none)
    binary = frame.with_columns(score=pl.lit(1.0))
    assert as_answered(binary).equals(binary)
