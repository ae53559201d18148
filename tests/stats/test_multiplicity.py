from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from deepenough.stats import holm


@settings(max_examples=15)  # the reference takes 0.1 s a call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_that_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-15)


def test_holm_of_nothing_is_nothing():
    assert holm([]) == []
    assert holm(np.array([0.2])) == [0.2]
