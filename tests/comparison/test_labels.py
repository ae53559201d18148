from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepenough import records
from deepenough.comparison.labels import labels_share
from deepenough.comparison.verdict import decide_study
from deepenough.stats import cluster_scores, nested

PAIR = ("resnet50", "resnet101")


@given(seed=st.integers(0, 2**32 - 1), runs=st.integers(2, 4), samples=st.integers(5, 60), classes=st.integers(2, 4))
def test_labels_where_all_runs_agree_change_nothing(seed, runs, samples, classes):
    """Samples on which all runs predict one class may bear any label: gain, interval and degrees of freedom stay."""
    rng = np.random.default_rng(seed)
    common = rng.integers(0, classes, samples)
    predictions = np.where(rng.random((2, runs, samples)) < 0.6, common, rng.integers(0, classes, (2, runs, samples)))
    agreed = (predictions == predictions[0, 0]).all((0, 1))
    truth, other = rng.integers(0, classes, samples), rng.integers(0, classes, samples)
    relabelled = np.where(agreed, other, truth)
    groups = rng.permutation(samples) % max(samples // 3, 2)
    for units in (lambda x: x, lambda x: cluster_scores(x, groups)):
        first, second = (
            nested(*(units((predictions[side] == labels).astype(float)) for side in (0, 1)))
            for labels in (truth, relabelled)
        )
        assert first.difference == pytest.approx(second.difference, abs=1e-10)
        assert first.interval == pytest.approx(second.interval, abs=1e-10)
        assert first.degrees_of_freedom == pytest.approx(second.degrees_of_freedom, rel=1e-8)


def test_share_counts_samples_on_which_any_two_runs_differ(make_scores):
    scores = make_scores({("resnet50", 64): 0.7, ("resnet101", 64): 0.75, ("resnet101", 96): 0.2})
    chosen = scores.filter(pl.col("scale") == 64)
    expected = np.mean([len(set(own["prediction"])) > 1 for _, own in chosen.group_by("sample_id")])
    assert labels_share(scores, PAIR, 64) == pytest.approx(expected)


def test_share_is_unknown_without_predictions_or_where_they_do_not_decide_the_score(make_scores):
    scores = make_scores({("resnet50", 64): 0.7, ("resnet101", 64): 0.75})
    assert labels_share(scores.drop("prediction"), PAIR, 64) is None
    assert labels_share(scores.with_columns(prediction=pl.lit(None, pl.String)), PAIR, 64) is None
    graded = scores.with_columns(prediction=pl.lit("cat"))
    assert labels_share(graded, PAIR, 64) is None


def test_an_undecided_verdict_says_the_share_and_keeps_it_through_json(make_scores):
    scores = make_scores({("resnet50", 64): 0.7, ("resnet101", 64): 0.72})
    verdict = decide_study(scores, margin=3.0)
    assert verdict.answer == "undecided"
    assert verdict.needed is not None
    assert verdict.needed.labels_share == labels_share(scores, PAIR, 64)
    assert verdict.needed.guaranteed_at_upper_sd is not None
    assert records.verdict_from_json(json.loads(records.to_json(verdict))) == verdict
