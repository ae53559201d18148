from __future__ import annotations

import pytest
import scipy.stats
from statsmodels.stats.proportion import proportion_confint

from deepenough.errors import InputError
from deepenough.stats import diverged_rate


@pytest.mark.parametrize(("diverged", "runs"), [(0, 1), (0, 3), (1, 3), (1, 5), (3, 3), (7, 20), (1, 1)])
def test_interval_is_that_of_clopper_and_pearson(diverged, runs):
    seen = diverged_rate(diverged, runs)
    assert seen.rate == diverged / runs
    exact = scipy.stats.binomtest(diverged, runs).proportion_ci(method="exact")
    assert seen.interval == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert seen.interval == pytest.approx(proportion_confint(diverged, runs, method="beta"), abs=1e-9)


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.5])
def test_interval_covers_every_rate_at_least_at_its_level(rate):
    chances = scipy.stats.binom.pmf(range(6), 5, rate)
    covered = sum(p for d, p in enumerate(chances) if (e := diverged_rate(d, 5).interval)[0] <= rate <= e[1])
    assert covered >= 0.95


def test_flattery_is_the_mean_of_converged_runs_less_that_of_all():
    scores = [90.0, 91.0, 89.0, 10.0, 90.0]
    converged = [score for score in scores if score > 50]
    by_how_much, least, most = diverged_rate(1, 5).flattery(sum(converged) / 4, 10.0)
    assert by_how_much == pytest.approx(sum(converged) / 4 - sum(scores) / 5)
    assert least < by_how_much < most


@pytest.mark.parametrize(("diverged", "runs"), [(-1, 3), (4, 3), (0, 0)])
def test_impossible_counts_are_refused(diverged, runs):
    with pytest.raises(InputError, match=f"got {diverged} of {runs}"):
        diverged_rate(diverged, runs)


def test_level_outside_zero_and_one_is_refused():
    with pytest.raises(InputError, match="between 0 and 1"):
        diverged_rate(1, 3, level=95.0)
