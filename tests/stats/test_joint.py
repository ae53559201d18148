from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from deepenough.errors import InputError
from deepenough.stats import difference_contrasts, joint_means, nested, paired, single
from deepenough.stats.joint import joint_moments


def runs(seed: int, seeds: int, samples: int, columns: int = 1) -> np.ndarray:
    """0/1 scores of shape (seeds, columns, samples), easy samples easy for all."""
    rng = np.random.default_rng((seed, seeds, samples))
    easy = np.random.default_rng(samples).normal(size=samples)
    return (easy + rng.normal(size=(seeds, columns, samples)) > -0.7).astype(float)


designs = st.tuples(st.integers(0, 10_000), st.integers(2, 5), st.integers(2, 5), st.integers(4, 60))


def same(ours, theirs) -> None:
    assert ours.difference == pytest.approx(theirs.difference, abs=1e-12)
    assert ours.standard_error == pytest.approx(theirs.standard_error, abs=1e-12)
    assert ours.degrees_of_freedom == pytest.approx(theirs.degrees_of_freedom, rel=1e-12)
    assert ours.interval == pytest.approx(theirs.interval, abs=1e-12)
    assert ours.p_value == pytest.approx(theirs.p_value, abs=1e-12)
    assert ours.design == theirs.design
    assert ours.seeds == theirs.seeds
    for name in ("seed_variances", "residual_variances", "sample_variance"):
        assert getattr(ours.components, name) == pytest.approx(getattr(theirs.components, name), abs=1e-12)


@given(designs, st.sampled_from([1, 2]))
def test_two_groups_of_one_column_are_the_nested_design(design, guard):
    seed, seeds_a, seeds_b, samples = design
    a, b = runs(seed, seeds_a, samples), runs(seed + 1, seeds_b, samples)
    same(joint_means([a, b]).contrast([1, -1], guard=guard), nested(a[:, 0], b[:, 0], guard=guard))
    third = runs(seed + 2, 3, samples)
    same(joint_means([a, third, b]).contrast([1, 0, -1], guard=guard), nested(a[:, 0], b[:, 0], guard=guard))


@given(designs)
def test_two_columns_of_one_group_are_the_paired_design(design):
    seed, seeds, _, samples = design
    a = runs(seed, max(seeds, 3), samples, 3)
    same(joint_means([a, runs(seed + 1, 2, samples)]).contrast([0, 1, -1, 0]), paired(a[:, 1], a[:, 2]))


def test_one_column_alone_is_the_mean_of_one_contender():
    a, b = runs(1, 4, 90), runs(2, 3, 90)
    same(joint_means([a, b]).contrast([0, 1]), single(b[:, 0]))


def test_how_a_gain_differs_between_scales_is_the_nested_design_of_differences():
    a, b = runs(1, 4, 80, 2), runs(2, 3, 80, 2)
    same(joint_means([a, b]).contrast([1, -1, -1, 1]), nested(a[:, 0] - a[:, 1], b[:, 0] - b[:, 1]))


def test_covariance_is_the_formula_written_out():
    rng = np.random.default_rng(0)
    groups = [rng.normal(size=(columns, 300)) + rng.normal(size=(k, columns, 300)) for k, columns in ((4, 2), (3, 1))]
    seeds, residual = np.zeros((3, 3)), np.zeros((3, 3))
    start = 0
    for group in groups:
        k, columns, n = group.shape
        place = slice(start, start + columns)
        seeds[place, place] = np.cov(group.mean(2), rowvar=False).reshape(columns, columns) / k
        left = group - group.mean(0) - (group.mean(2) - group.mean((0, 2)))[:, :, None]
        residual[place, place] = np.einsum("kci,kdi->cd", left, left) / ((k - 1) * (n - 1)) / k
        start += columns
    samples = np.cov(np.concatenate([group.mean(0) for group in groups])) - residual
    assert np.linalg.eigvalsh(samples).min() > 0  # nothing to project here
    assert joint_means(groups).covariance == pytest.approx(seeds + samples / 300, abs=1e-15)


@given(st.integers(0, 10_000), st.integers(4, 40))
def test_covariance_is_positive_semi_definite_and_never_below_a_contrasts_own_variance(seed, samples):
    found = joint_means([runs(seed, 3, samples, 3), runs(seed + 1, 2, samples)])
    assert np.linalg.eigvalsh(found.covariance).min() > -1e-15
    weights = np.array([1.0, 0.0, 0.0, -1.0])
    spread = found.spread(weights)
    if spread.seed_mean_variances.any():  # a tie takes its seed part from the residual, which Sigma does not
        assert weights @ found.covariance @ weights >= spread.variance - 1e-14


def test_ties_between_scales_of_the_same_runs_leave_no_variance_of_zero():
    a = np.array([[1, 1, 0, 1, 0, 1], [1, 0, 1, 1, 0, 1], [0, 1, 1, 1, 0, 1]], float)
    b = np.roll(a, 1, axis=1)  # each run's mean is the same at both scales
    estimate = joint_means([np.stack([a, b], 1)]).contrast([1, -1])
    assert estimate.warnings == ("tied_seeds",)
    assert estimate.standard_error == pytest.approx(paired(a, b).standard_error, rel=1e-12)
    assert estimate.standard_error > 0


def test_the_same_scores_at_two_scales_differ_by_nothing_and_say_so():
    a = runs(3, 3, 50)
    estimate = joint_means([np.concatenate([a, a], 1), runs(4, 3, 50)]).contrast([1, -1, 0])
    assert (estimate.difference, estimate.interval, estimate.p_value) == (0.0, (0.0, 0.0), 1.0)
    assert "no_variance" in estimate.warnings


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_constant_scores_have_no_variance(value):
    estimate = joint_means([np.full((3, 20), value), np.full((4, 20), 0.1)]).contrast([1, -1])
    assert estimate.interval == pytest.approx((value - 0.1, value - 0.1))
    assert "no_variance" in estimate.warnings


def test_pooled_seeds_are_students_t_when_samples_do_not_vary():
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(4, 1)), 0.3 + rng.normal(size=(3, 1))
    ours = joint_means([a.repeat(500, 1), b.repeat(500, 1)], pooled=True).contrast([1, -1])
    theirs = scipy.stats.ttest_ind(a[:, 0], b[:, 0], equal_var=True)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-10)
    assert ours.interval == pytest.approx(tuple(theirs.confidence_interval()), rel=1e-10)
    assert "pooled_seed_variance" in ours.warnings


def test_pooled_seeds_take_all_groups_even_those_without_weight():
    rng = np.random.default_rng(8)
    means = [rng.normal(size=(k, 1)) for k in (3, 5, 4)]
    ours = joint_means([m.repeat(400, 1) for m in means], pooled=True).contrast([1, -1, 0])
    pool = sum(((m - m.mean()) ** 2).sum() for m in means) / 9
    t = (means[0].mean() - means[1].mean()) / np.sqrt(pool * (1 / 3 + 1 / 5))
    assert ours.degrees_of_freedom == pytest.approx(9, rel=1e-10)
    assert ours.p_value == pytest.approx(2 * scipy.stats.t.sf(abs(t), 9), rel=1e-9)


def test_pooled_seeds_that_tie_fall_back_on_the_residual():
    a = np.array([[1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1]], float)
    pooled, apart = joint_means([a, a[:, ::-1]], pooled=True), joint_means([a, a[:, ::-1]])
    ours, theirs = (found.contrast([1, -1]) for found in (pooled, apart))
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=1e-12)
    assert ours.degrees_of_freedom is not None
    assert 0 < ours.degrees_of_freedom <= 3


@settings(max_examples=30)
@given(designs, st.randoms(use_true_random=False))
def test_order_of_samples_seeds_and_groups_is_irrelevant(design, random):
    seed, seeds_a, seeds_b, samples = design
    a, b, c = runs(seed, seeds_a, samples, 2), runs(seed + 1, seeds_b, samples), runs(seed + 2, 2, samples)
    order, rows = list(range(samples)), list(range(seeds_a))
    random.shuffle(order)
    random.shuffle(rows)
    before = joint_means([a, b, c]).contrast([1, 0, -1, 0])
    after = joint_means([c[..., order], a[rows][..., order], b[..., order]]).contrast([0, 1, 0, -1])
    assert after.interval == pytest.approx(before.interval, abs=1e-12)
    assert after.p_value == pytest.approx(before.p_value, abs=1e-12)


def test_unit_and_origin_of_the_score_are_irrelevant():
    a, b = runs(1, 3, 60, 2), runs(2, 4, 60)
    before = joint_means([a, b]).contrast([1, 0, -1])
    after = joint_means([(a + 3) * 1e6, (b + 3) * 1e6]).contrast([1, 0, -1])
    assert after.interval == pytest.approx(tuple(1e6 * end for end in before.interval), rel=1e-7)


def test_batches_give_what_single_data_sets_give():
    a = np.stack([runs(seed, 3, 50, 2) for seed in range(4)])
    b = np.stack([runs(seed + 9, 4, 50) for seed in range(4)])
    contrasts = difference_contrasts([(0, 2), (0, 1)], 3)
    batch = joint_moments([a, b])
    for row in range(4):
        one = joint_means([a[row], b[row]])
        assert batch.covariance[row] == pytest.approx(one.covariance, abs=1e-14)
        assert batch.correlation(contrasts)[row] == pytest.approx(one.correlation(contrasts), abs=1e-12)
        for weights in contrasts:
            assert batch.spread(weights).variance[row] == pytest.approx(one.spread(weights).variance, rel=1e-12)


def test_correlation_of_contrasts_is_that_of_their_covariance():
    found = joint_means([runs(seed, 3, 400) for seed in range(4)])
    contrasts = difference_contrasts([(1, 0), (2, 0), (3, 0)], 4)
    covariance = contrasts @ found.covariance @ contrasts.T
    expected = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert found.correlation(contrasts) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ([], "at least one group"),
        ([[[1.0, 0], [0, 1]], [[1, 0, 1], [0, 1, 1]]], r"the same 2 or more samples in every group; got \[2, 3\]"),
        ([[[1.0], [0]]], "2 or more samples"),
        ([[[1.0, np.nan], [0, 1]]], r"groups\[0\]: expected finite scores"),
        ([[[1.0, 0]]], "at least 2 seeds; got 1"),
        ([[1.0, 0]], "shape"),
        ([[]], "shape"),
    ],
)
def test_unusable_groups_are_refused_in_one_clear_line(groups, text):
    with pytest.raises(InputError, match=text):
        joint_means(groups)


def test_pooling_needs_the_same_columns():
    with pytest.raises(InputError, match="the same columns"):
        joint_means([runs(1, 3, 20, 2), runs(2, 3, 20)], pooled=True)


@pytest.mark.parametrize("weights", [[1.0], [0.0, 0.0], [1.0, np.nan], [[1.0, -1.0]]])
def test_unusable_weights_are_refused(weights):
    with pytest.raises(InputError, match="2 finite numbers, not all 0"):
        joint_means([runs(1, 3, 20), runs(2, 3, 20)]).contrast(weights)


def test_scales_of_two_runs_are_not_compared():
    with pytest.raises(InputError, match="at least 3 to compare columns of one group"):
        joint_means([runs(1, 2, 20, 2)]).contrast([1, -1])
