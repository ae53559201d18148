"""Rungs: who goes on, and how often one that is as good as the best does not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from deepenough.search.rungs import ERROR, judge


def scores(right, of=400):
    return np.arange(of) < right


def as_floats(*counts):
    return [scores(count).astype(float) for count in counts]


def test_the_first_at_a_rung_goes_on():
    judged = judge(as_floats(1)[0], {}, rungs=2)
    assert judged.kept
    assert judged.level is None


def test_one_that_is_shown_to_be_worse_ends_and_says_against_whom():
    own, *others = as_floats(100, 200, 300, 250)
    judged = judge(own, dict(enumerate(others)), rungs=2)
    assert not judged.kept
    assert (judged.best, judged.rank, judged.among) == (1, 4, 4)
    assert judged.difference == pytest.approx(-0.5)
    assert judged.level == pytest.approx(1 - 2 * ERROR / (2 * 3))


def test_a_lower_number_alone_ends_nothing():
    own, *others = as_floats(296, 298, 299, 300)
    judged = judge(own, dict(enumerate(others)), rungs=2)
    assert judged.rank == 4
    assert judged.kept


def test_the_best_third_goes_on_whatever_the_test_says():
    own, *others = as_floats(200, 100, 300, 120)
    assert judge(own, dict(enumerate(others)), rungs=1).kept  # second of four
    assert not judge(as_floats(150)[0], dict(enumerate([*others, own])), rungs=1).kept  # third of five


def test_one_as_good_as_the_others_is_ended_no_more_often_than_declared():
    rng, ended, times, rungs = np.random.default_rng(0), 0, 1500, 2
    for _ in range(times):
        hard = rng.random(300) < 0.3
        runs = [np.where(hard, rng.random(300) < 0.4, rng.random(300) < 0.9).astype(float) for _ in range(9)]
        ended += not judge(runs[0], dict(enumerate(runs[1:], start=1)), rungs=rungs).kept
    assert binomtest(ended, times, ERROR / rungs, alternative="greater").pvalue > 0.01
    assert ended > 0  # the test does end trials by chance, so that this is no empty bound
