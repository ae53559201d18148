from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from deepenough.errors import InputError
from deepenough.stats import as_scores, decide, from_mean_squares, nested, paired, single
from deepenough.stats.mrmc import nested_spread, paired_spread


def binary(seed: int, seeds: int, samples: int, accuracy: float = 0.8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    easy = rng.normal(size=samples)
    return (easy + rng.normal(size=(seeds, samples)) + 2.0 * accuracy - 0.6 > 0).astype(float)


designs = st.tuples(st.integers(0, 10_000), st.integers(2, 5), st.integers(2, 5), st.integers(4, 60))


def pair_of(design: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    seed, seeds_a, seeds_b, samples = design
    both = binary(seed, seeds_a + seeds_b, samples)
    return both[:seeds_a], both[seeds_a:]


def test_mean_squares_equal_those_of_statsmodels_anova():
    a, b = binary(1, 4, 30), binary(2, 4, 30)
    rows = [(m, s, i, x[s, i]) for m, x in enumerate((a, b)) for s in range(4) for i in range(30)]
    frame = pd.DataFrame(rows, columns=["m", "s", "i", "y"])
    table = anova_lm(ols("y ~ C(m)*C(s) + C(m)*C(i) + C(s)*C(i)", frame).fit())
    square = {name: table.loc[name, "mean_sq"] for name in ("C(m):C(s)", "C(m):C(i)", "Residual")}
    ours = paired(a, b, guard=1)
    theirs = from_mean_squares(
        ours.difference, (square["C(m):C(s)"], square["C(m):C(i)"], square["Residual"]), (4, 30), guard=1
    )
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=1e-12)
    assert ours.degrees_of_freedom == pytest.approx(theirs.degrees_of_freedom, rel=1e-12)
    assert ours.p_value == pytest.approx(theirs.p_value, rel=1e-10)


def test_residual_mean_square_of_one_contender_equals_that_of_statsmodels():
    a, b = binary(3, 5, 25), binary(4, 3, 25)
    rows = [(s, i, a[s, i]) for s in range(5) for i in range(25)]
    table = anova_lm(ols("y ~ C(s) + C(i)", pd.DataFrame(rows, columns=["s", "i", "y"])).fit())
    assert nested(a, b).components.residual_variances[0] == pytest.approx(table.loc["Residual", "mean_sq"], rel=1e-12)


def test_van_dyke_data_give_the_figures_that_rjafroc_prints():
    estimate = from_mean_squares(-0.04380032, (0.06281749, 0.09984808, 0.03997160), (5, 114))
    assert round(estimate.standard_error, 5) == 0.02075
    assert round(estimate.degrees_of_freedom or 0, 2) == 15.26
    assert round(estimate.p_value, 4) == 0.0517
    assert [round(end, 5) for end in estimate.interval] == [-0.08796, 0.00036]


def test_variance_formula_is_the_published_one_when_written_out():
    a, b = binary(5, 3, 40), binary(6, 4, 40)
    parts = []
    for x in (a, b):
        k, n = x.shape
        within = ((x - x.mean(0)) ** 2).sum() - n * ((x.mean(1) - x.mean()) ** 2).sum()
        parts.append((x.mean(1).var(ddof=1) / k, within / ((k - 1) * (n - 1)) / k, k))
    image = max(0.0, (a.mean(0) - b.mean(0)).var(ddof=1) - parts[0][1] - parts[1][1]) / 40
    variance = parts[0][0] + parts[1][0] + image
    df = min(variance**2 / sum(v**2 / (k - 1) for v, _, k in parts), 39)
    estimate = nested(a, b)
    assert estimate.standard_error == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert estimate.degrees_of_freedom == pytest.approx(df, rel=1e-12)
    guarded = nested(a, b, guard=2)
    share = parts[0][0] + parts[1][0]
    df2 = min((2 * share + image) ** 2 / (4 * sum(v**2 / (k - 1) for v, _, k in parts)), 39)
    assert guarded.degrees_of_freedom == pytest.approx(df2, rel=1e-12)


def test_nested_is_welch_over_seeds_when_samples_do_not_vary():
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(4, 1)), 0.3 + 2.0 * rng.normal(size=(3, 1))
    ours, theirs = nested(a.repeat(500, 1), b.repeat(500, 1)), scipy.stats.ttest_ind(a[:, 0], b[:, 0], equal_var=False)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-10)
    assert ours.interval == pytest.approx(tuple(theirs.confidence_interval()), rel=1e-10)


def test_paired_is_paired_t_over_seeds_when_samples_do_not_vary():
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=(5, 1)), rng.normal(size=(5, 1))
    ours, theirs = paired(a.repeat(300, 1), b.repeat(300, 1)), scipy.stats.ttest_rel(a[:, 0], b[:, 0])
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-10)
    assert ours.interval == pytest.approx(tuple(theirs.confidence_interval()), rel=1e-10)


def test_batches_give_what_single_data_sets_give():
    a = np.stack([binary(seed, 3, 50) for seed in range(4)])
    b = np.stack([binary(seed + 9, 4, 50) for seed in range(4)])
    spread = nested_spread(a, b)
    for row in range(4):
        one = nested(a[row], b[row])
        assert one.standard_error == pytest.approx(np.sqrt(spread.variance[row]), rel=1e-12)
        assert one.degrees_of_freedom == pytest.approx(spread.degrees_of_freedom[row], rel=1e-12)
    batch = paired_spread(a, a[::-1])
    assert paired(a[0], a[3]).standard_error == pytest.approx(np.sqrt(batch.variance[0]), rel=1e-12)


@given(designs)
def test_swapping_the_contenders_flips_the_sign_and_nothing_else(design):
    a, b = pair_of(design)
    forth, back = nested(a, b), nested(b, a)
    assert forth.difference == pytest.approx(-back.difference, abs=1e-12)
    assert forth.interval == pytest.approx((-back.interval[1], -back.interval[0]), abs=1e-12)
    assert forth.p_value == pytest.approx(back.p_value, abs=1e-12)


@given(designs, st.randoms(use_true_random=False))
def test_order_of_samples_and_seeds_is_irrelevant(design, random):
    a, b = pair_of(design)
    columns, rows = list(range(a.shape[1])), list(range(len(a)))
    random.shuffle(columns)
    random.shuffle(rows)
    before, after = nested(a, b), nested(a[rows][:, columns], b[:, columns])
    assert after.interval == pytest.approx(before.interval, abs=1e-12)
    assert after.p_value == pytest.approx(before.p_value, abs=1e-12)


@given(designs, st.floats(0.01, 3.0))
def test_an_interval_narrower_than_the_margin_is_never_undecided(design, stretch):
    low, high = nested(*pair_of(design)).interval
    margin = (high - low) * stretch + 1e-9
    if high - low < margin:
        assert decide((low, high), margin).answer != "undecided"


@given(designs, st.randoms(use_true_random=False))
def test_labels_matter_only_where_some_run_disagrees(design, random):
    a, b = pair_of(design)
    agreed = (a == a[0]).all(0) & (b == a[0]).all(0)
    flipped = agreed & np.array([random.random() < 0.5 for _ in agreed])
    before, after = nested(a, b), nested(np.where(flipped, 1 - a, a), np.where(flipped, 1 - b, b))
    assert after.difference == pytest.approx(before.difference, abs=1e-10)
    assert after.interval == pytest.approx(before.interval, abs=1e-10)
    assert after.degrees_of_freedom == pytest.approx(before.degrees_of_freedom, rel=1e-10)


@settings(max_examples=50)
@given(designs, st.sampled_from([1e-6, 100.0, 1e9]), st.floats(-5, 5))
def test_unit_and_origin_of_the_score_are_irrelevant(design, factor, shift):
    a, b = pair_of(design)
    before, after = nested(a, b), nested((a + shift) * factor, (b + shift) * factor)
    assert after.interval == pytest.approx(tuple(end * factor for end in before.interval), rel=1e-7, abs=1e-9 * factor)
    assert after.interval == pytest.approx(before.scaled(factor).interval, rel=1e-7, abs=1e-9 * factor)


def test_tied_seeds_fall_back_on_the_residual_when_no_seed_variance_is_seen():
    a = np.array([[1, 1, 0, 1, 0, 1], [1, 0, 1, 1, 0, 1], [0, 1, 1, 1, 0, 1]], float)
    b = np.array([[1, 1, 0, 0, 0, 1], [1, 0, 1, 0, 0, 1], [0, 1, 1, 0, 0, 1]], float)
    estimate = nested(a, b)
    assert estimate.warnings == ("tied_seeds",)
    assert estimate.standard_error > 0
    assert estimate.degrees_of_freedom is not None
    expected = sum(estimate.components.residual_variances) / (6 * 3) + estimate.components.sample_variance / 6
    assert estimate.standard_error**2 == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("first", "second", "p_value"), [(1.0, 1.0, 1.0), (0.3, 0.3, 1.0), (1.0, 0.0, 0.0)])
def test_constant_scores_give_an_interval_of_no_width_and_say_so(first, second, p_value):
    estimate = nested(np.full((3, 20), first), np.full((3, 20), second))
    assert estimate.interval == pytest.approx((first - second, first - second))
    assert estimate.p_value == p_value
    assert "no_variance" in estimate.warnings


def test_identical_runs_leave_the_samples_as_the_only_source_of_error():
    a, b = binary(1, 1, 80).repeat(3, 0), binary(2, 1, 80).repeat(3, 0)
    ours, theirs = nested(a, b), scipy.stats.ttest_rel(a[0], b[0])
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-10)
    assert ours.degrees_of_freedom == 79


def test_two_seeds_are_allowed_with_a_warning():
    assert "two_seeds" in nested(binary(1, 2, 50), binary(2, 4, 50)).warnings


def test_unequal_seed_spread_adds_the_guarded_interval():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3, 1)) * 0.001 + rng.normal(size=(3, 400)) * 0.001
    b = np.array([[-1.0], [0.0], [1.0]]) + rng.normal(size=(3, 400)) * 0.001
    estimate = nested(a, b)
    assert "unequal_seed_sd" in estimate.warnings
    assert estimate.guarded_interval == pytest.approx(nested(a, b, guard=2).interval, rel=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ([[1.0, np.nan], [0, 1]], [[1, 0], [0, 1]], "nan at seed 0, sample 1"),
        ([[1.0, 1, 0], [0, 1, 1]], [[1, 0], [0, 1]], "expected the same 3 samples"),
        ([[1.0], [0]], [[1], [0]], "at least 2 samples"),
        ([[1.0, 0]], [[1, 0], [0, 1]], "at least 2 seeds a contender; got 1"),
        ([], [[1, 0]], "shape"),
        ([[[1.0]]], [[1, 0]], "shape"),
    ],
)
def test_unusable_scores_are_refused_in_one_clear_line(a, b, text):
    with pytest.raises(InputError, match=text):
        nested(a, b)


def test_paired_refuses_two_seeds_and_unequal_seeds():
    with pytest.raises(InputError, match="at least 3 seeds"):
        paired(binary(1, 2, 20), binary(2, 2, 20))
    with pytest.raises(InputError, match="each paired"):
        paired(binary(1, 3, 20), binary(2, 4, 20))


def test_level_outside_zero_and_one_is_refused():
    with pytest.raises(InputError, match="between 0 and 1"):
        nested(binary(1, 3, 20), binary(2, 3, 20), level=95.0)


def test_single_covers_the_mean_of_one_contender():
    scores = binary(3, 4, 200)
    estimate = single(scores)
    assert estimate.difference == pytest.approx(scores.mean())
    assert estimate.interval[0] < scores.mean() < estimate.interval[1]
    assert estimate.seeds == (4,)


def test_a_vector_counts_as_one_seed():
    assert as_scores([1, 0, 1], "a").shape == (1, 3)
