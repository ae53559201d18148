from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import ttost_paired

from deepenough.errors import InputError
from deepenough.stats import compare_checkpoints, decide


@pytest.mark.parametrize(
    ("interval", "answer", "beyond", "gain"),
    [
        ((-0.3, 0.4), "small_is_enough", None, False),
        ((0.0, 0.4), "small_is_enough", None, False),
        ((0.1, 0.4), "small_is_enough", None, True),
        ((-0.8, -0.1), "small_is_better", None, False),
        ((-0.8, 0.0), "small_is_enough", None, False),
        ((0.6, 1.2), "big_is_better", True, True),
        ((0.5, 1.2), "big_is_better", False, True),
        ((0.1, 0.5), "big_is_better", False, True),
        ((0.1, 1.2), "big_is_better", False, True),
        ((-0.1, 0.5), "undecided", None, False),
        ((0.0, 0.9), "undecided", None, False),
        ((-2.0, 2.0), "undecided", None, False),
    ],
)
def test_every_row_of_the_rule(interval, answer, beyond, gain):
    decision = decide(interval, 0.5)
    assert (decision.answer, decision.beyond_margin, decision.gain_shown) == (answer, beyond, gain)


@given(st.floats(-10, 10), st.floats(0, 10), st.floats(0.001, 10))
def test_undecided_needs_an_interval_at_least_as_wide_as_the_margin(low, width, margin):
    if decide((low, low + width), margin).answer == "undecided":
        assert low <= 0
        assert low + width >= margin


@given(st.floats(-10, 10), st.floats(0, 10), st.floats(0.001, 10), st.floats(0.001, 10))
def test_a_larger_margin_never_takes_back_that_small_is_enough(low, width, margin, more):
    if decide((low, low + width), margin).answer == "small_is_enough":
        assert decide((low, low + width), margin + more).answer == "small_is_enough"


def test_enough_is_the_upper_half_of_two_one_sided_tests():
    rng = np.random.default_rng(3)
    for _ in range(20):
        a, b = rng.normal(size=40), rng.normal(size=40)
        margin = 0.3
        _, _, (_, p_upper, _) = ttost_paired(a, b, -margin, margin)
        enough = decide(compare_checkpoints(a, b).interval, margin).answer in ("small_is_enough", "small_is_better")
        assert enough == (p_upper < 0.025)


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), float("inf")])
def test_a_margin_that_is_not_above_zero_is_refused(margin):
    with pytest.raises(InputError, match="margin: expected a number above 0"):
        decide((0.0, 1.0), margin)


def test_an_interval_that_is_none_is_refused():
    for interval in ((1.0, 0.0), (float("nan"), 1.0)):
        with pytest.raises(InputError, match="interval"):
            decide(interval, 0.5)
