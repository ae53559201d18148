"""Looks spend what they may and no more; watched checkpoints keep their level at every sample, exactly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from deepenough.errors import InputError
from deepenough.stats import decide, log_evidence, schedule, spending, watch
from deepenough.stats.decision import settled

ALPHA = 0.05


@given(looks=st.integers(1, 99), alpha=st.floats(0.001, 0.5))
def test_looks_spend_the_whole_error_and_the_first_twice_as_much_as_any_other(looks, alpha):
    shares = spending(looks, alpha=alpha)
    assert len(shares) == looks
    assert sum(shares) == pytest.approx(alpha, rel=1e-12)
    assert all(shares[0] == pytest.approx(2 * share) for share in shares[1:])


def test_four_looks_spend_forty_and_three_times_twenty_per_cent():
    assert spending(4) == pytest.approx((0.4 * ALPHA, 0.2 * ALPHA, 0.2 * ALPHA, 0.2 * ALPHA), rel=1e-12)


@pytest.mark.parametrize(("looks", "alpha"), [(0, 0.05), (-1, 0.05), (3, 0.0), (3, 1.0), (3, float("nan"))])
def test_nothing_to_spend_is_refused(looks, alpha):
    with pytest.raises(InputError):
        spending(looks, alpha=alpha)


@pytest.mark.parametrize("seeds", [[], [1, 3], [3, 3], [5, 3], [0]])
def test_looks_that_do_not_increase_or_begin_below_two_are_refused(seeds):
    with pytest.raises(InputError, match="looks: expected increasing numbers of seeds from 2 on"):
        schedule(seeds)


def test_looks_have_levels_of_their_own_and_guarded_degrees_of_freedom():
    looks = schedule((3, 5, 8, 12))
    assert [look.seeds for look in looks] == [3, 5, 8, 12]
    assert [look.level for look in looks] == pytest.approx([0.98, 0.99, 0.99, 0.99])
    assert {look.guard for look in looks} == {2}


@given(low=st.floats(-3, 3), width=st.floats(0, 3), margin=st.floats(0.01, 3))
def test_what_is_settled_leaves_no_part_of_the_interval_on_either_side_of_the_margin(low, width, margin):
    found = decide((low, low + width), margin)
    inside = low <= margin <= low + width
    assert found.settled == settled(found.answer, found.beyond_margin) == (not inside)


@given(only_a=st.integers(0, 300), only_b=st.integers(0, 300), prior=st.sampled_from([0.5, 1.0, 10.0, 30.0]))
def test_evidence_is_the_ratio_of_the_beta_binomial_to_the_binomial(only_a, only_b, prior):
    total = only_a + only_b
    expected = reference.betabinom.logpmf(only_b, total, prior, prior) - reference.binom.logpmf(only_b, total, 0.5)
    assert float(log_evidence(only_a, only_b, prior=prior)) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("prior", [1.0, 10.0, 30.0])
@pytest.mark.parametrize("total", [1, 7, 250])
def test_evidence_is_one_on_average_under_a_fair_coin(total, prior):
    heads = np.arange(total + 1)
    evidence = np.exp(log_evidence(total - heads, heads, prior=prior))
    assert evidence @ reference.binom.pmf(heads, total, 0.5) == pytest.approx(1.0, rel=1e-9)


def ever_stopped(prior, tosses, chance=0.5):
    """Probability that the evidence reaches 1/alpha within so many discordant samples: all paths, by their ends."""
    alive, stopped = np.array([1.0]), 0.0  # chance of each number of heads, not stopped so far
    for toss in range(1, tosses + 1):
        heads = np.arange(toss + 1)
        alive = np.append(alive * (1 - chance), 0.0) + np.append(0.0, alive * chance)
        crossed = log_evidence(toss - heads, heads, prior=prior) >= np.log(1 / ALPHA)
        stopped += alive[crossed].sum()
        alive[crossed] = 0.0
    assert stopped + alive.sum() == pytest.approx(1.0)
    return stopped


@pytest.mark.parametrize("prior", [1.0, 10.0, 30.0])
def test_watched_checkpoints_keep_their_level_exactly_at_all_times(prior):
    by_time = [ever_stopped(prior, tosses) for tosses in (50, 200, 600)]
    assert by_time == sorted(by_time)
    assert 0.005 < by_time[-1] <= ALPHA
    assert ever_stopped(prior, 200, chance=0.7) > 0.9  # and does find what is there


def test_stopping_counts_ties_as_no_evidence_over_all_paths_of_eight_samples():
    paths = np.array(list(itertools.product((-1, 0, 1), repeat=8)))  # A alone right, both or none, B alone right
    a, b = (paths < 0).astype(float), (paths > 0).astype(float)
    found = watch(a, b, prior=10.0, alpha=0.5)
    for discordant in (0.1, 0.5, 1.0):
        chance = np.where(paths == 0, 1 - discordant, discordant / 2).prod(1)
        assert chance.sum() == pytest.approx(1.0)
        assert chance[found.stops_after > 0].sum() <= 0.5
    plain = [watch(x, y, prior=10.0, alpha=0.5) for x, y in zip(a[:50], b[:50], strict=True)]
    assert [int(one.stops_after) for one in plain] == found.stops_after[:50].tolist()


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80), st.sampled_from([0.05, 0.3, 0.9]))
def test_p_value_never_rises_and_is_small_exactly_where_it_stopped(scores, alpha):
    a, b = np.array(scores, dtype=float).T
    found, other = watch(a, b, alpha=alpha), watch(b, a, alpha=alpha)
    assert (np.diff(found.p_value) <= 0).all()
    assert ((found.p_value > 0) & (found.p_value <= 1)).all()
    stopped = int(found.stops_after)
    assert (found.p_value[-1] <= alpha * (1 + 1e-12)) == (stopped > 0)
    assert stopped == -1 or found.log_e[: stopped - 1].max(initial=-1) < -np.log(alpha) <= found.log_e[stopped - 1]
    assert np.allclose(found.log_e, other.log_e, atol=1e-9)


def test_evidence_of_ten_thousand_samples_does_not_overflow():
    found = watch(np.ones(10_000), np.zeros(10_000))
    assert found.log_e[-1] > 709  # e itself would be infinite
    assert (np.isfinite(found.log_e).all(), found.p_value[-1]) == (True, 0.0)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ([0.5, 1.0], [1.0, 1.0], "0 and 1 alone"),
        ([float("nan"), 1.0], [1.0, 1.0], "0 and 1 alone"),
        ([1.0], [1.0, 0.0], "the same shape"),
        ([], [], "the same shape"),
        (1.0, 1.0, "the same shape"),
    ],
)
def test_watch_refuses_what_it_cannot_watch(a, b, said):
    with pytest.raises(InputError, match=said):
        watch(a, b)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [((-1, 2), {}), ((1, float("nan")), {}), ((1, 2), {"prior": 0.0}), ((1, 2), {"prior": float("inf")})],
)
def test_evidence_refuses_counts_and_priors_that_are_none(arguments, options):
    with pytest.raises(InputError):
        log_evidence(*arguments, **options)


def test_watch_refuses_a_level_that_is_none():
    with pytest.raises(InputError, match="alpha"):
        watch([1.0], [1.0], alpha=0.0)
