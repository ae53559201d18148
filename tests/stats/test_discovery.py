from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from deepenough.errors import InputError
from deepenough.stats import benjamini_hochberg, benjamini_yekutieli

families = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@settings(max_examples=15)  # the reference takes 0.1 s a call
@given(families)
def test_adjusted_values_equal_those_of_statsmodels(p_values):
    for ours, theirs in ((benjamini_hochberg, "fdr_bh"), (benjamini_yekutieli, "fdr_by")):
        assert ours(p_values) == pytest.approx(multipletests(p_values, method=theirs)[1], abs=1e-14)


@given(families)
def test_adjusted_values_keep_the_order_and_never_fall_below(p_values):
    for adjust in (benjamini_hochberg, benjamini_yekutieli):
        q_values = np.array(adjust(p_values))
        order = np.argsort(p_values)
        assert (np.diff(q_values[order]) >= 0).all()
        assert (q_values >= np.array(p_values) - 1e-15).all()
        assert (q_values <= 1).all()


def test_nothing_is_adjusted_to_nothing_and_one_stays_itself():
    assert benjamini_hochberg([]) == benjamini_yekutieli([]) == []
    assert benjamini_hochberg([0.2]) == benjamini_yekutieli(np.array([0.2])) == [0.2]


@pytest.mark.parametrize("bad", [float("nan"), -0.1, 1.1])
def test_what_is_no_probability_is_refused(bad):
    with pytest.raises(InputError, match="numbers from 0 to 1"):
        benjamini_hochberg([0.5, bad])
