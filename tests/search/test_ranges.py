"""Range tests of the learning rate, on quadratics whose limit of stability is known in closed form."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from deepenough.search.ranges import Curve, FoundRate, ladder, range_test, read, settled, smoothed, together

RATES = ladder(1e-5, 100.0, 80)


def descent(curvatures, start=1.0, noise=0.0, rng=None):
    """A step of gradient descent on half the sum of curvature times square, and the loss before it."""
    place = np.full(len(curvatures), start)

    def take(rate):
        loss = 0.5 * float(np.sum(curvatures * place**2))
        drawn = 0.0 if rng is None else noise * rng.standard_normal()
        place[:] = place - rate * curvatures * place
        return loss + drawn

    return take


@pytest.mark.parametrize("curvatures", [(1.0,), (20.0,), (0.05, 0.3, 5.0), (0.001, 1.0, 100.0)])
def test_interval_holds_two_over_the_largest_curvature_on_a_quadratic_and_its_middle_is_stable(curvatures):
    limit = 2 / max(curvatures)
    found = read(range_test(descent(np.array(curvatures)), RATES))
    assert found is not None
    assert found.low < limit < found.high
    assert 0.25 * limit < found.middle < 0.5 * limit  # 1 / L, the best rate where there is one curvature, is half of it


def test_middles_of_noisy_tests_agree_when_the_problem_is_the_same():
    rng = np.random.default_rng(0)
    found = together([range_test(descent(np.array([1.0, 4.0]), noise=0.02, rng=rng), RATES) for _ in range(5)], 0.1)
    assert found.spread < 2
    assert found.agreement > 0.5
    assert found.note == ""
    assert found.low < 2 / 4 < found.high


def test_tests_of_different_problems_are_doubted():
    curves = [range_test(descent(np.array([curvature])), RATES) for curvature in (0.1, 1.0, 100.0)]
    found = together(curves, 0.1)
    assert found.spread > 30
    assert "differ by a factor of" in found.note
    assert found.agreement < 0.5


def test_a_test_ends_at_a_loss_that_is_not_finite():
    losses = iter([1.0, 0.9, float("nan"), 0.5])
    assert range_test(lambda _rate: next(losses), RATES) == Curve(rates=RATES[:2], losses=(1.0, 0.9))


def test_a_test_ends_once_the_loss_is_lost():
    curve = range_test(descent(np.array([1.0])), RATES)
    assert curve.losses[-1] > curve.losses[0]
    assert len(curve.losses) < len(RATES)


@pytest.mark.parametrize("losses", [np.ones(80), 2.0 + np.arange(80) / 100, np.ones(4)])
def test_nothing_is_found_where_the_loss_never_falls(losses):
    curve = Curve(rates=RATES[: len(losses)], losses=tuple(losses))
    assert read(curve) is None
    assert together([curve, curve], 0.1).rate == 0.1


def test_a_silent_test_beside_others_is_counted_and_told():
    flat = Curve(rates=RATES, losses=(1.0,) * len(RATES))
    found = together([range_test(descent(np.array([1.0])), RATES), flat], 0.1)
    assert found.agreement == pytest.approx(0.5)
    assert "in 1 of the tests the loss never fell" in found.note


def test_smoothing_leaves_a_straight_line_as_it_is():
    line = 3.0 - 0.25 * np.arange(30)
    np.testing.assert_allclose(smoothed(line), line, atol=1e-12)


def test_a_record_returns_from_json_as_it_was():
    from dataclasses import asdict

    found = together([range_test(descent(np.array([1.0])), RATES)], 0.1)
    assert FoundRate.from_json(asdict(found)) == found


def found_at(rate):
    return FoundRate(rate=rate, low=rate / 10, high=rate * 10, agreement=1.0, spread=1.0, tests=())


@pytest.mark.parametrize(
    ("best", "settled_at", "most"), [(3.2, 3.16, 3), (0.001, 0.0316, 5), (0.32, 0.316, 4), (1.0, 1.0, 3)]
)
def test_short_trainings_climb_to_the_best_rate_and_no_further_than_they_may(best, settled_at, most):
    trained = []

    def train(rate):
        trained.append(rate)
        return abs(np.log10(rate / best))

    found = settled(found_at(1.0), train)
    assert found.rate == pytest.approx(settled_at)
    assert len(trained) == len(set(trained)) == most
    assert [each.rate for each in found.tried] == trained


def test_a_short_training_that_is_lost_is_no_better_than_any():
    found = settled(found_at(1.0), lambda rate: float("nan") if rate > 1 else 1 / rate)
    assert found.rate == 1.0
    assert [each.loss for each in found.tried if each.rate > 1] == [None]
    assert FoundRate.from_json(json.loads(json.dumps(asdict(found)))) == found


def test_nothing_is_trained_where_no_test_saw_the_loss_fall():
    nothing = together([Curve(rates=RATES, losses=(1.0,) * len(RATES))], 0.1)
    assert settled(nothing, lambda _rate: pytest.fail("trained")) == nothing
