from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from deepenough.errors import InputError
from deepenough.stats import (
    bonferroni_level,
    compare_checkpoints,
    difference_contrasts,
    holm,
    joint_means,
    max_t,
    simultaneous_intervals,
)


@settings(max_examples=15)  # the reference takes 0.1 s a call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_that_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-15)


def test_holm_of_nothing_is_nothing():
    assert holm([]) == []
    assert holm(np.array([0.2])) == [0.2]


def five_estimates():
    rng = np.random.default_rng(3)
    easy = rng.normal(size=400)
    runs = [(easy + rng.normal(size=(3 + g % 2, 400)) > -0.7 - 0.1 * g).astype(float) for g in range(6)]
    found = joint_means(runs)
    contrasts = difference_contrasts([(g, 0) for g in range(1, 6)], 6)
    return found, contrasts, [found.contrast(row) for row in contrasts]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_simultaneous_interval_leaves_out_zero_exactly_where_bonferronis_p_is_small(level):
    _, _, estimates = five_estimates()
    p_values = [estimate.p_value for estimate in estimates]
    small = multipletests(p_values, alpha=1 - level, method="bonferroni")[0]
    intervals = simultaneous_intervals(estimates, level=level)
    assert [low > 0 or high < 0 for low, high in intervals] == small.tolist()
    assert multipletests(p_values, method="holm")[1] == pytest.approx(holm(p_values), abs=1e-15)


def test_simultaneous_intervals_are_those_of_the_estimator_at_bonferronis_level():
    found, contrasts, estimates = five_estimates()
    level = bonferroni_level(5)
    assert level == pytest.approx(0.99)
    expected = [found.contrast(row, level=level).interval for row in contrasts]
    assert np.array(simultaneous_intervals(estimates)) == pytest.approx(np.array(expected), abs=1e-12)
    assert simultaneous_intervals([]) == []
    assert simultaneous_intervals(estimates[:1]) == [pytest.approx(estimates[0].interval)]


@pytest.mark.parametrize("df", [4.0, 17.3])
def test_max_t_is_the_multivariate_t_of_scipy(df):
    correlation = np.array([[1, 0.5, 0.2], [0.5, 1, 0.6], [0.2, 0.6, 1]])
    p_values, critical = max_t([2.8, 0.5, -1.7], correlation, df, rng=np.random.default_rng(1))
    law = scipy.stats.multivariate_t(shape=correlation, df=df, seed=1)
    for p_value, bound in zip(p_values, (2.8, 0.5, 1.7), strict=True):
        assert p_value == pytest.approx(1 - law.cdf([bound] * 3, lower_limit=[-bound] * 3), abs=0.006)
    assert law.cdf([critical] * 3, lower_limit=[-critical] * 3) == pytest.approx(0.95, abs=0.004)


def test_max_t_of_one_comparison_is_its_own_p_value_and_of_normals_has_no_df():
    [p_value], critical = max_t([2.0], [[1.0]], 5.0, rng=np.random.default_rng(2))
    assert p_value == pytest.approx(2 * scipy.stats.t.sf(2.0, 5), abs=0.003)
    assert critical == pytest.approx(scipy.stats.t.ppf(0.975, 5), abs=0.05)
    _, critical = max_t([0.0, 0.0], np.eye(2), np.inf, rng=np.random.default_rng(2))
    assert critical == pytest.approx(scipy.stats.norm.ppf((1 + 0.95**0.5) / 2), abs=0.02)


def test_max_t_with_one_comparison_repeated_costs_nothing():
    p_values, _ = max_t([2.0] * 4, np.ones((4, 4)), 8.0, rng=np.random.default_rng(4))
    assert p_values == pytest.approx([2 * scipy.stats.t.sf(2.0, 8)] * 4, abs=0.003)


def test_max_t_repeats_itself_and_gives_intervals_narrower_than_bonferronis():
    found, contrasts, estimates = five_estimates()
    statistics = [estimate.difference / estimate.standard_error for estimate in estimates]
    df = min(estimate.degrees_of_freedom for estimate in estimates)
    correlation = found.correlation(contrasts)
    first = max_t(statistics, correlation, df, rng=np.random.default_rng(5), draws=20_000)
    assert first == max_t(statistics, correlation, df, rng=np.random.default_rng(5), draws=20_000)
    assert first[1] < scipy.stats.t.ppf(1 - 0.025 / 5, df)
    low, high = simultaneous_intervals(estimates, critical=first[1])[0]
    assert high - low == pytest.approx(2 * first[1] * estimates[0].standard_error)


def test_what_cannot_be_corrected_is_refused():
    with pytest.raises(InputError, match="at least 1; got 0"):
        bonferroni_level(0)
    with pytest.raises(InputError, match="between 0 and 1"):
        bonferroni_level(3, 95.0)
    with pytest.raises(InputError, match="t estimates; got the mcnemar design"):
        simultaneous_intervals([compare_checkpoints([1, 0, 1], [1, 1, 1])])
    for statistics, correlation, df in (
        ([1.0], np.eye(2), 3.0),
        ([], np.eye(0), 3.0),
        ([np.nan], [[1.0]], 3.0),
        ([1.0], [[1.0]], 0.0),
        ([1.0], [[1.0]], np.nan),
    ):
        with pytest.raises(InputError):
            max_t(statistics, correlation, df, rng=np.random.default_rng(0))
