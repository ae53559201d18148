"""The estimators against other people's code, where another test of this folder does not do so already."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from deepenough.stats import (
    cluster_scores,
    compare_checkpoints,
    holm,
    mcnemar_exact_p,
    mcnemar_mid_p,
    nested,
    paired,
    single,
    wilson_interval,
)
from deepenough.stats.distributions import noncentral_t_power


def crossed(seed: int, runs: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of two networks with effects of seed, image, network by image and residual, all large."""
    rng = np.random.default_rng(seed)
    easy = rng.normal(size=images)
    return tuple(
        gain + rng.normal(size=(runs, 1)) + easy + rng.normal(size=images) + rng.normal(size=(runs, images))
        for gain in (0.5, 0.0)
    )


def long_form(*networks: np.ndarray) -> pd.DataFrame:
    rows = [
        {"network": m, "seed": f"{m}-{s}", "image": i, "both": f"{m}-{i}", "y": x[s, i]}
        for m, x in enumerate(networks)
        for s in range(x.shape[0])
        for i in range(x.shape[1])
    ]
    return pd.DataFrame(rows).assign(all=1)


def reml(frame: pd.DataFrame, formula: str, effects: dict[str, str]) -> float:
    """Standard error of the last fixed effect by restricted maximum likelihood, crossed effects in one group."""
    model = sm.MixedLM.from_formula(formula, groups="all", vc_formula=effects, re_formula="0", data=frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = model.fit(reml=True, method=["lbfgs", "bfgs"], gtol=1e-9)
    return float(fitted.bse_fe.iloc[-1])


def test_nested_standard_error_is_that_of_a_mixed_model_fitted_by_reml():
    a, b = crossed(3, 3, 12)
    ours = nested(a, b)
    assert min(*ours.components.seed_variances, ours.components.sample_variance) > 0  # inside, where the two agree
    effects = {"seed": "0 + C(seed)", "image": "0 + C(image)", "both": "0 + C(both)"}
    assert ours.standard_error == pytest.approx(reml(long_form(b, a), "y ~ network", effects), rel=1e-4)


def test_standard_error_of_one_mean_is_that_of_a_mixed_model_fitted_by_reml():
    a, _ = crossed(4, 4, 15)
    ours = single(a)
    assert min(*ours.components.seed_variances, ours.components.sample_variance) > 0
    effects = {"seed": "0 + C(seed)", "image": "0 + C(image)"}
    assert ours.standard_error == pytest.approx(reml(long_form(a), "y ~ 1", effects), rel=1e-4)


def test_nested_standard_error_is_students_for_equal_numbers_of_seeds_when_samples_do_not_vary():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(4, 1)), 1.5 * rng.normal(size=(4, 1))
    theirs = scipy.stats.ttest_ind(a[:, 0], b[:, 0])
    ours = nested(a.repeat(200, 1), b.repeat(200, 1))
    assert ours.difference / ours.standard_error == pytest.approx(theirs.statistic, rel=1e-10)


def test_clustered_checkpoints_have_the_cluster_robust_error_of_the_regression_of_their_differences():
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(50), rng.integers(1, 7, 50))
    a, b = rng.normal(size=len(labels)) + rng.normal(size=50)[labels], rng.normal(size=len(labels))
    fit = sm.OLS(a - b, np.ones(len(labels))).fit(
        cov_type="cluster", cov_kwds={"groups": labels, "df_correction": True}
    )
    ours = compare_checkpoints(cluster_scores(a, labels), cluster_scores(b, labels))
    assert ours.difference == pytest.approx(fit.params[0], rel=1e-12)
    assert ours.standard_error == pytest.approx(fit.bse[0], rel=1e-12)


def test_paired_seeds_are_a_paired_t_over_seed_means_when_no_image_stands_out():
    a, b = crossed(6, 5, 40)
    image_free = a - a.mean(0) + a.mean(), b - b.mean(0) + b.mean()
    ours = paired(*image_free, guard=1)
    theirs = scipy.stats.ttest_rel(image_free[0].mean(1), image_free[1].mean(1))
    assert ours.standard_error == pytest.approx(abs(theirs.statistic**-1 * ours.difference), rel=1e-10)
    assert ours.degrees_of_freedom == pytest.approx(theirs.df)


@settings(max_examples=30)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 60), st.integers(0, 60))
def test_exact_mcnemar_is_that_of_mlxtend(only_a, only_b, both_right, both_wrong):
    from mlxtend.evaluate import mcnemar  # here, since it imports all that it plots with

    _, theirs = mcnemar(np.array([[both_right, only_a], [only_b, both_wrong]]), exact=True)
    if only_a == only_b:
        theirs = 1.0  # twice a tail that holds the centre passes 1 there
    assert mcnemar_exact_p(only_a, only_b) == pytest.approx(min(theirs, 1.0), rel=1e-10)


@given(st.integers(0, 50), st.integers(0, 50))
def test_mid_p_is_the_randomised_average_of_the_sign_test(only_a, only_b):
    total, more = only_a + only_b, max(only_a, only_b)
    at_least = scipy.stats.binom.sf(more - 1, total, 0.5)
    expected = min(1.0, 2.0 * (at_least - 0.5 * scipy.stats.binom.pmf(more, total, 0.5))) if only_a != only_b else 1.0
    assert mcnemar_mid_p(only_a, only_b) == pytest.approx(expected, rel=1e-9)
    sign_test = scipy.stats.binomtest(only_a, total).pvalue if total else 1.0
    assert mcnemar_mid_p(only_a, only_b) <= sign_test + 1e-12


@given(st.integers(1, 400), st.data())
def test_wilson_interval_is_that_of_statsmodels(samples, data):
    right = data.draw(st.integers(0, samples))
    theirs = proportion_confint(right, samples, method="wilson")
    assert wilson_interval(right, samples) == pytest.approx(theirs, abs=1e-12)


@settings(max_examples=10)
@given(st.lists(st.sampled_from([0.0, 1e-12, 0.01, 0.01, 0.5, 1.0]), min_size=1, max_size=8))
def test_holm_is_that_of_statsmodels_with_ties_zeros_and_ones(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-15)


@pytest.mark.parametrize("df", [2.5, 4.0, 20.0, 300.0])
def test_power_is_the_tail_of_scipys_noncentral_t(df):
    shifts, critical = np.array([0.0, 1.0, 3.0, 8.0]), float(scipy.stats.t.ppf(0.975, df))
    assert noncentral_t_power(df, shifts, critical) == pytest.approx(scipy.stats.nct.sf(critical, df, shifts), abs=1e-6)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 60))
def test_real_valued_checkpoints_are_a_paired_t_at_any_level(seed, images):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=images), rng.normal(size=images)
    theirs = scipy.stats.ttest_rel(a, b)
    for level in (0.8, 0.95, 0.99):
        ours = compare_checkpoints(a, b, level=level)
        assert ours.interval == pytest.approx(tuple(theirs.confidence_interval(level)), rel=1e-9)
        assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
