from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepenough.errors import InputError
from deepenough.stats import nested, nested_unbalanced
from deepenough.stats.unbalanced import _side, fit_runs, unbalanced_spread

NAN = float("nan")


def binary(seed: int, seeds: int, samples: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    easy = rng.normal(size=samples)
    return (easy + rng.normal(size=(seeds, samples)) > -0.7).astype(float)


def with_gaps(scores: np.ndarray, seed: int, kept: float = 0.75) -> np.ndarray:
    gaps = np.random.default_rng(seed).random(scores.shape) > kept
    gaps[:, :3] = False  # so that all runs are connected
    return np.where(gaps, NAN, scores)


designs = st.tuples(st.integers(0, 10_000), st.integers(2, 5), st.integers(2, 5), st.integers(4, 60))


@given(designs, st.sampled_from([1, 2]))
def test_complete_data_give_the_nested_estimate(design, guard):
    seed, seeds_a, seeds_b, samples = design
    both = binary(seed, seeds_a + seeds_b, samples)
    ours, theirs = (f(both[:seeds_a], both[seeds_a:], guard=guard) for f in (nested_unbalanced, nested))
    assert ours.difference == pytest.approx(theirs.difference, abs=1e-12)
    assert ours.standard_error == pytest.approx(theirs.standard_error, abs=1e-12)
    assert ours.degrees_of_freedom == pytest.approx(theirs.degrees_of_freedom, rel=1e-9)
    assert ours.interval == pytest.approx(theirs.interval, abs=1e-10)
    assert ours.p_value == pytest.approx(theirs.p_value, abs=1e-9)
    assert ours.samples == theirs.samples
    assert ours.seed_sd == pytest.approx(theirs.seed_sd, abs=1e-12)
    for name in ("seed_variances", "residual_variances", "sample_variance"):
        assert getattr(ours.components, name) == pytest.approx(getattr(theirs.components, name), abs=1e-12)


def test_complete_data_whose_seeds_tie_give_the_nested_estimate():
    a = np.array([[1, 1, 0, 1, 0, 1], [1, 0, 1, 1, 0, 1], [0, 1, 1, 1, 0, 1]], float)
    b = np.array([[1, 1, 0, 0, 0, 1], [1, 0, 1, 0, 0, 1], [0, 1, 1, 0, 0, 1]], float)
    ours, theirs = nested_unbalanced(a, b), nested(a, b)
    assert ours.warnings == theirs.warnings == ("tied_seeds",)
    assert ours.interval == pytest.approx(theirs.interval, abs=1e-12)


@pytest.mark.parametrize(("shared", "seed"), [(5, 0), (5, 1), (20, 1)])  # 0.06, 0.03 and 0.001 before
def test_few_shared_samples_leave_an_interval_that_two_complete_runs_would_have(shared, seed):
    rng, runs, samples = np.random.default_rng(seed), 3, 120
    scores = (rng.normal(size=samples) + rng.normal(size=(2 * runs, samples)) > -0.7).astype(float)
    own = np.arange(samples) % runs == np.arange(2 * runs)[:, None] % runs
    scores = np.where(own | (np.arange(samples) < shared), scores, NAN)
    estimate = nested_unbalanced(scores[:runs], scores[runs:])
    assert estimate.degrees_of_freedom == pytest.approx(3.86, abs=0.15)
    assert estimate.interval[1] - estimate.interval[0] < 1.0
    fits = [fit_runs(part) for part in (scores[:runs], scores[runs:])]
    as_seen = sum(fit.effects.var(ddof=1) / runs for fit in fits)
    assert estimate.standard_error**2 >= as_seen


@given(designs, st.floats(0.2, 0.9))
def test_degrees_of_freedom_are_never_fewer_than_two_complete_runs_have(design, kept):
    seed, seeds_a, seeds_b, samples = design
    both = with_gaps(binary(seed, seeds_a + seeds_b, samples), seed, kept)
    try:
        estimate = nested_unbalanced(both[:seeds_a], both[seeds_a:])
    except InputError:  # runs that share nothing
        return
    assert estimate.degrees_of_freedom is not None
    assert estimate.degrees_of_freedom >= 1.0 - 1e-9


def least_squares(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Values of samples (0 without scores), effects of runs and mean square of the residual, by dummy variables."""
    there = ~np.isnan(scores)
    seen = np.flatnonzero(there.any(0))
    rows = [(s, i) for s in range(len(scores)) for i in seen if there[s, i]]
    design = np.zeros((len(rows) + 1, len(scores) + len(seen)))
    target = np.zeros(len(rows) + 1)
    for line, (s, i) in enumerate(rows):
        design[line, s] = design[line, len(scores) + np.searchsorted(seen, i)] = 1.0
        target[line] = scores[s, i]
    design[-1, : len(scores)] = 1.0  # effects sum to 0
    found = np.linalg.lstsq(design, target, rcond=None)[0]
    left = ((design @ found - target) ** 2).sum()
    values = np.zeros(scores.shape[1])
    values[seen] = found[len(scores) :]
    return values, found[: len(scores)], left / (len(rows) - len(scores) - len(seen) + 1)


@pytest.mark.parametrize("seed", range(4))
def test_fit_is_least_squares_with_a_dummy_for_each_run_and_sample(seed):
    scores = with_gaps(binary(seed, 4, 25), seed)
    scores[:, 20] = NAN
    fit, (values, effects, square) = fit_runs(scores), least_squares(scores)
    assert fit.values == pytest.approx(values, abs=1e-10)
    assert fit.effects == pytest.approx(effects, abs=1e-10)
    assert fit.residual == pytest.approx(square, rel=1e-9)


def test_difference_is_the_mean_over_samples_that_both_scored_of_fitted_values():
    a, b = with_gaps(binary(1, 3, 30), 1, 0.5), with_gaps(binary(2, 4, 30), 2, 0.5)
    both = ~np.isnan(a).all(0) & ~np.isnan(b).all(0)
    expected = (least_squares(a)[0] - least_squares(b)[0])[both].mean()
    estimate = nested_unbalanced(a, b)
    assert estimate.difference == pytest.approx(expected, abs=1e-10)
    assert estimate.samples == both.sum()
    assert estimate.warnings == ("unequal_seeds", "missing_scores")


def test_gaps_cost_nothing_where_scores_are_sample_plus_run():
    rng = np.random.default_rng(5)
    samples, first, second = rng.normal(size=40), rng.normal(size=(3, 1)), rng.normal(size=(3, 1))
    a, b = with_gaps(samples + first, 1, 0.6), with_gaps(samples + second, 2, 0.6)
    hard = samples < -0.5
    a[0, hard] = NAN  # the run that skips the hard samples gains nothing by it
    both = ~np.isnan(a).all(0) & ~np.isnan(b).all(0)
    assert both.sum() > 30
    estimate = nested_unbalanced(a, b)
    assert estimate.difference == pytest.approx(first.mean() - second.mean(), abs=1e-12)
    assert estimate.standard_error == pytest.approx(np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 3), rel=1e-9)
    assert abs(np.nanmean(a) - np.nanmean(b) - estimate.difference) > 0.05, "the mean over cells is another number"


def test_noise_enters_the_estimate_as_often_as_its_variance_says():
    """Every output is linear in the scores: unit scores give its coefficients, and so its exact expectations."""
    gaps = np.isnan(with_gaps(np.zeros((3, 12)), 3, 0.6))
    gaps[:, 11] = True
    covered = ~gaps.all(0)
    covered[4] = False  # not scored by the other contender
    n = int(covered.sum())
    cells = np.argwhere(~gaps)
    units = np.zeros((len(cells), 3, 12))
    units[np.arange(len(cells)), cells[:, 0], cells[:, 1]] = 1.0
    fits = fit_runs(np.where(gaps, NAN, units))
    values = fits.values[:, covered]
    fit = fit_runs(np.where(gaps, NAN, binary(1, 3, 12)))
    *_, error, between = _side(fit, covered, np.float64(n))
    centred = values - values.mean(1, keepdims=True)
    assert error == pytest.approx((values.mean(1) ** 2).sum(), rel=1e-10)
    assert between == pytest.approx((centred**2).sum() / (n - 1), rel=1e-10)
    assert fit.effect_covariance == pytest.approx(fits.effects.T @ fits.effects, abs=1e-12)
    assert fits.residual.sum() == pytest.approx(1.0, rel=1e-10), "the mean square is unbiased"
    by_seed = np.stack([values.mean(1)[cells[:, 0] == s].sum() for s in range(3)])
    assert by_seed == pytest.approx([1 / 3] * 3, abs=1e-12), "every seed has the same weight"


@settings(max_examples=40)
@given(designs, st.randoms(use_true_random=False))
def test_order_is_irrelevant_and_swapping_flips_the_sign(design, random):
    seed, seeds_a, seeds_b, samples = design
    both = with_gaps(binary(seed, seeds_a + seeds_b, samples + 6), seed)
    a, b = both[:seeds_a], both[seeds_a:]
    order, rows = list(range(samples + 6)), list(range(seeds_a))
    random.shuffle(order)
    random.shuffle(rows)
    before, after, back = (
        nested_unbalanced(a, b),
        nested_unbalanced(a[rows][:, order], b[:, order]),
        nested_unbalanced(b, a),
    )
    assert after.interval == pytest.approx(before.interval, rel=1e-9, abs=1e-9)
    assert back.interval == pytest.approx((-before.interval[1], -before.interval[0]), rel=1e-9, abs=1e-9)
    assert np.isfinite(before.interval).all()
    assert before.standard_error >= 0


@settings(max_examples=30)
@given(designs, st.sampled_from([1e-6, 100.0, 1e6]), st.floats(-5, 5))
def test_unit_and_origin_of_the_score_are_irrelevant(design, factor, shift):
    seed, seeds_a, seeds_b, samples = design
    both = with_gaps(binary(seed, seeds_a + seeds_b, samples + 6), seed)
    a, b = both[:seeds_a], both[seeds_a:]
    before, after = nested_unbalanced(a, b), nested_unbalanced((a + shift) * factor, (b + shift) * factor)
    assert after.interval == pytest.approx(tuple(end * factor for end in before.interval), rel=1e-6, abs=1e-8 * factor)


def test_batches_give_what_single_data_sets_give():
    a = np.stack([with_gaps(binary(seed, 3, 50), seed) for seed in range(4)])
    b = np.stack([with_gaps(binary(seed + 9, 4, 50), seed + 9) for seed in range(4)])
    spread = unbalanced_spread(a, b, "seeds")
    for row in range(4):
        one = nested_unbalanced(a[row], b[row])
        assert one.standard_error == pytest.approx(np.sqrt(spread.variance[row]), rel=1e-10)
        assert one.degrees_of_freedom == pytest.approx(spread.degrees_of_freedom[row], rel=1e-10)


def test_unequal_numbers_of_seeds_guard_the_degrees_of_freedom_by_their_number():
    rng = np.random.default_rng(1)
    a, b = binary(1, 10, 3000), np.clip(binary(2, 3, 3000) - np.array([[0.02], [0.0], [-0.02]]), 0, 1)
    b += rng.normal(size=(3, 1)) * 0.01
    default, published = nested_unbalanced(a, b), nested_unbalanced(a, b, guard=1)
    assert default.warnings == ("unequal_seeds",)
    assert default.standard_error == published.standard_error
    shares = np.array([a.mean(1).var(ddof=1) / 10, b.mean(1).var(ddof=1) / 3])
    inflated = np.array([1 + 2 / 9, 2.0]) * shares
    sample = published.standard_error**2 - shares.sum()
    expected = (inflated.sum() + sample) ** 2 / (inflated**2 / np.array([9, 2])).sum()
    assert default.degrees_of_freedom == pytest.approx(expected, rel=1e-8)
    assert default.degrees_of_freedom < published.degrees_of_freedom


def test_a_run_without_scores_is_a_run_less():
    a, b = binary(1, 4, 40), binary(2, 3, 40)
    gone = a.copy()
    gone[2] = NAN
    assert nested_unbalanced(gone, b) == nested_unbalanced(np.delete(a, 2, 0), b)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_constant_scores_with_gaps_have_no_variance(value):
    a = with_gaps(np.full((3, 20), value), 1)
    estimate = nested_unbalanced(a, np.full((3, 20), 0.1))
    assert estimate.difference == pytest.approx(value - 0.1)
    assert estimate.interval == pytest.approx((value - 0.1, value - 0.1))
    assert "no_variance" in estimate.warnings


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ([[1.0, np.inf], [0, 1]], [[1, 0], [0, 1]], "an infinity"),
        ([[1.0, 1, 0], [0, 1, 1]], [[1, 0], [0, 1]], "the same 3 samples"),
        ([[1.0, 0], [NAN, NAN]], [[1, 0], [0, 1]], "at least 2 runs with scores; got 1"),
        ([[1.0, 0, NAN, NAN], [NAN, NAN, 1, 0]], np.eye(2, 4), "run 1 .* and run 0 share none"),
        ([[1.0, NAN, NAN, 0], [0, NAN, NAN, 1]], [[NAN, 1, 0, NAN], [NAN, 0, 1, NAN]], "both contenders scored; got 0"),
        ([[1.0, NAN, 0], [0, 1, NAN]], np.eye(2, 3), "too few to tell run from sample"),
        ([], [[1, 0]], "shape"),
        ([1.0, 0.0], [[1, 0], [0, 1]], "shape"),
    ],
)
def test_unusable_scores_are_refused_in_one_clear_line(a, b, text):
    with pytest.raises(InputError, match=text):
        nested_unbalanced(a, b)
