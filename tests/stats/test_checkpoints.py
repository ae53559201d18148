from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from deepenough.errors import InputError
from deepenough.stats import (
    agresti_min_interval,
    compare_checkpoints,
    mcnemar_exact_p,
    mcnemar_mid_p,
    tango_interval,
    tipping_seed_sd,
    wilson_interval,
)

counts = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 300))


@given(counts)
def test_exact_p_equals_that_of_statsmodels(drawn):
    only_a, only_b, rest = drawn
    theirs = mcnemar([[rest, only_a], [only_b, 0]], exact=True).pvalue
    assert mcnemar_exact_p(only_a, only_b) == pytest.approx(theirs, rel=1e-12)


@given(counts)
def test_mid_p_is_the_exact_p_less_half_the_chance_of_what_was_seen(drawn):
    only_a, only_b, _ = drawn
    if only_a == only_b:
        assert mcnemar_mid_p(only_a, only_b) == pytest.approx(1.0, abs=1e-12)
        return
    total = only_a + only_b
    expected = 2 * scipy.stats.binom.cdf(min(only_a, only_b), total, 0.5) - scipy.stats.binom.pmf(only_a, total, 0.5)
    assert mcnemar_mid_p(only_a, only_b) == pytest.approx(expected, rel=1e-9)


def test_tango_interval_equals_the_published_airway_example():
    # Fagerland, Lydersen, Laake 2014, table of airway hyper-responsiveness: 1, 1, 7, 12 of 21
    assert [round(end, 3) for end in tango_interval(1, 7, 21)] == [-0.517, -0.026]


@pytest.mark.parametrize(("only_a", "only_b", "samples"), [(10, 2, 100), (30, 25, 400), (3, 0, 50), (0, 0, 40)])
def test_tango_interval_inverts_the_score_test_at_a_numerically_found_likelihood_maximum(only_a, only_b, samples):
    z = scipy.stats.norm.ppf(0.975)
    for end in tango_interval(only_a, only_b, samples):
        grid = np.linspace(max(0.0, -end) + 1e-12, (1 - end) / 2 - 1e-12, 400_001)
        likelihood = scipy.special.xlogy(only_a, grid + end) + scipy.special.xlogy(only_b, grid)
        likelihood += scipy.special.xlogy(samples - only_a - only_b, 1 - 2 * grid - end)
        share = grid[likelihood.argmax()]
        score = (only_a - only_b - samples * end) / math.sqrt(samples * (2 * share + end - end * end))
        assert abs(score) == pytest.approx(z, abs=2e-3)


@given(counts, st.sampled_from([agresti_min_interval, tango_interval]))
def test_intervals_hold_the_difference_and_mirror_when_swapped(drawn, interval):
    only_a, only_b, rest = drawn
    samples = only_a + only_b + rest + 1
    low, high = interval(only_a, only_b, samples)
    assert -1 <= low <= (only_a - only_b) / samples <= high <= 1
    assert interval(only_b, only_a, samples) == pytest.approx((-high, -low), abs=1e-12)


def test_agresti_min_is_the_wald_interval_of_a_table_with_half_a_sample_more_in_each_cell():
    only_a, only_b, samples = 9, 4, 60
    weights = np.array([samples - only_a - only_b + 1.0, only_a + 0.5, only_b + 0.5])
    values, total = np.array([0.0, 1.0, -1.0]), weights.sum()
    mean = np.average(values, weights=weights)
    error = np.sqrt(np.average((values - mean) ** 2, weights=weights) / total)
    expected = mean + scipy.stats.norm.ppf([0.025, 0.975]) * error
    assert agresti_min_interval(only_a, only_b, samples) == pytest.approx(tuple(expected), rel=1e-12)


@pytest.mark.parametrize(("samples", "share_a", "share_b"), [(60, 0.06, 0.04), (100, 0.1, 0.02), (150, 0.03, 0.03)])
def test_agresti_min_covers_by_exact_enumeration(samples, share_a, share_b):
    covered = 0.0
    for discordant in range(samples + 1):
        chance = scipy.stats.binom.pmf(discordant, samples, share_a + share_b)
        if chance < 1e-9:
            continue
        for only_a in range(discordant + 1):
            low, high = agresti_min_interval(only_a, discordant - only_a, samples)
            if low <= share_a - share_b <= high:
                covered += chance * scipy.stats.binom.pmf(only_a, discordant, share_a / (share_a + share_b))
    assert 0.945 <= covered <= 0.985


@pytest.mark.parametrize(("samples", "share"), [(50, 0.1), (100, 0.2), (200, 0.06), (400, 0.5)])
def test_mid_p_test_keeps_its_level_by_exact_enumeration_over_all_tables(samples, share):
    # given the number of discordant samples alone it may pass its level (0.065 at 50); over all tables it does not
    level = 0.0
    for total in range(1, samples + 1):
        p = np.array([mcnemar_mid_p(only_a, total - only_a) for only_a in range(total + 1)])
        rejected = scipy.stats.binom.pmf(np.arange(total + 1), total, 0.5)[p <= 0.05].sum()
        level += scipy.stats.binom.pmf(total, samples, share) * rejected
    assert level <= 0.05


def test_real_valued_checkpoints_are_compared_by_a_paired_t():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=50), rng.normal(size=50)
    ours, theirs = compare_checkpoints(a, b), scipy.stats.ttest_rel(a, b)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-12)
    assert ours.interval == pytest.approx(tuple(theirs.confidence_interval()), rel=1e-12)
    assert ours.degrees_of_freedom == 49


def test_zero_one_checkpoints_are_compared_by_mcnemar():
    a, b = np.r_[np.ones(90), np.zeros(10)], np.r_[np.ones(80), np.zeros(20)]
    estimate = compare_checkpoints(a, b)
    assert estimate.design == "mcnemar"
    assert estimate.interval == agresti_min_interval(10, 0, 100)
    assert estimate.p_value == mcnemar_mid_p(10, 0)
    assert estimate.degrees_of_freedom is None


def test_perfect_checkpoints_still_have_an_interval_of_some_width():
    estimate = compare_checkpoints(np.ones(50), np.ones(50))
    assert estimate.interval[0] < 0 < estimate.interval[1]
    assert estimate.p_value == 1.0


def test_one_sample_is_enough_for_zero_one_scores_and_refused_for_others():
    assert compare_checkpoints([1.0], [0.0]).p_value == 1.0 - 0.5
    with pytest.raises(InputError, match="at least 2 samples"):
        compare_checkpoints([0.5], [0.25])


def test_nan_and_different_samples_are_refused():
    with pytest.raises(InputError, match="nan at seed 0, sample 0"):
        compare_checkpoints([np.nan, 1.0], [0.0, 1.0])
    with pytest.raises(InputError, match="the same 2 samples"):
        compare_checkpoints([1.0, 1.0], [0.0])


def test_impossible_counts_are_refused():
    with pytest.raises(InputError, match="counts"):
        agresti_min_interval(5, 6, 10)


def test_tipping_sd_is_where_the_difference_loses_its_significance():
    difference, error = 1.81, 0.2
    sd = tipping_seed_sd(difference, error)
    assert difference / math.sqrt(error**2 + 2 * sd**2) == pytest.approx(scipy.stats.norm.ppf(0.975), rel=1e-12)
    assert tipping_seed_sd(0.1, 0.2) == 0.0


def test_wilson_interval_equals_that_of_scipy():
    theirs = scipy.stats.binomtest(37, 40).proportion_ci(method="wilson")
    assert wilson_interval(37, 40) == pytest.approx((theirs.low, theirs.high), rel=1e-10)
