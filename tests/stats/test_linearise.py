from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, roc_auc_score

from deepenough.errors import InputError
from deepenough.stats import cluster_scores, compare_checkpoints, nested
from deepenough.stats.linearise import (
    auroc_covariance,
    auroc_scores,
    average_precision_scores,
    balanced_accuracy_scores,
    macro_f1_scores,
)

seeds = st.integers(0, 10_000)


def ranked(seed: int, runs: int = 3, samples: int = 60, digits: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, and which samples are positive: at least two of either kind."""
    rng = np.random.default_rng(seed)
    positive = rng.random(samples) < 0.4
    positive[:4] = [True, True, False, False]
    easy = rng.normal(size=samples)
    return (positive + easy + rng.normal(size=(runs, samples))).round(digits), positive


def labelled(seed: int, runs: int = 3, samples: int = 60, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(classes).repeat(2), rng.integers(0, classes, samples - 2 * classes)])
    rng.shuffle(targets)
    wrong = rng.integers(0, classes, (runs, samples))
    return np.where(rng.random((runs, samples)) < 0.7, targets, wrong), targets


def brute_delong(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    beats = scores[:, positive][:, :, None] - scores[:, ~positive][:, None, :]
    wins = (beats > 0) + 0.5 * (beats == 0)
    above, below = wins.mean(2), wins.mean(1)
    return np.cov(above) / above.shape[1] + np.cov(below) / below.shape[1]


def by_derivative(metric, samples: int, *, step: float = 1e-6) -> np.ndarray:
    """Influence values by central differences in each sample's weight."""
    values = np.empty(samples)
    for i in range(samples):
        weights = np.ones((2, samples))
        weights[:, i] += (step, -step)
        values[i] = samples * (metric(weights[0]) - metric(weights[1])) / (2 * step)
    return metric(np.ones(samples)) + values


@given(seeds)
def test_rows_average_to_the_metric_of_sklearn(seed):
    scores, positive = ranked(seed)
    predictions, targets = labelled(seed)
    for values, metric in (
        (auroc_scores(scores, positive), roc_auc_score),
        (average_precision_scores(scores, positive), average_precision_score),
    ):
        assert values.mean(1) == pytest.approx([metric(positive, row) for row in scores], abs=1e-12)
    f1 = [f1_score(targets, row, average="macro") for row in predictions]
    assert macro_f1_scores(predictions, targets).mean(1) == pytest.approx(f1, abs=1e-12)
    recalls = [balanced_accuracy_score(targets, row) for row in predictions]
    assert balanced_accuracy_scores(predictions, targets).mean(1) == pytest.approx(recalls, abs=1e-12)


@pytest.mark.parametrize(
    ("linearise", "metric"),
    [(auroc_scores, roc_auc_score), (average_precision_scores, average_precision_score)],
)
def test_values_of_ranking_metrics_are_the_derivative_by_each_samples_weight(linearise, metric):
    scores, positive = ranked(5, runs=1)
    ours = linearise(scores, positive)[0]
    if linearise is auroc_scores:  # undo the stretch within classes
        n, m = len(positive), np.where(positive, positive.sum(), (~positive).sum())
        ours = ours.mean() + (ours - ours.mean()) / np.sqrt(m / (m - 1) * (n - 1) / n)
    theirs = by_derivative(lambda w: metric(positive, scores[0], sample_weight=w), len(positive))
    assert ours == pytest.approx(theirs, abs=2e-6)


def test_values_of_macro_f1_are_the_derivative_by_each_samples_weight():
    predictions, targets = labelled(5, runs=1)
    theirs = by_derivative(lambda w: f1_score(targets, predictions[0], average="macro", sample_weight=w), len(targets))
    assert macro_f1_scores(predictions, targets)[0] == pytest.approx(theirs, abs=2e-6)


@given(seeds)
def test_delong_covariance_equals_that_of_all_pairs_to_twelve_digits(seed):
    scores, positive = ranked(seed)
    brute, values = brute_delong(scores, positive), auroc_scores(scores, positive)
    assert auroc_covariance(scores, positive) == pytest.approx(brute, rel=1e-12, abs=1e-15)
    assert np.cov(values) / values.shape[1] == pytest.approx(brute, rel=1e-12, abs=1e-15)


@given(seeds)
def test_variance_of_balanced_accuracy_is_that_of_independent_recalls(seed):
    predictions, targets = labelled(seed, runs=1)
    right, classes = predictions[0] == targets, np.unique(targets)
    by_class = sum(right[targets == c].var(ddof=1) / (targets == c).sum() for c in classes) / len(classes) ** 2
    values = balanced_accuracy_scores(predictions, targets)[0]
    assert values.var(ddof=1) / len(values) == pytest.approx(by_class, rel=1e-12)


def test_error_of_macro_f1_is_that_of_the_bootstrap():
    predictions, targets = labelled(8, runs=1, samples=800)
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 800, 800) for _ in range(1000)]
    sd = np.std([macro_f1_scores(predictions[:, i], targets[i]).mean() for i in drawn])
    assert macro_f1_scores(predictions, targets).std(ddof=1) / np.sqrt(800) == pytest.approx(sd, rel=0.08)


def test_two_checkpoints_get_delongs_test():
    scores, positive = ranked(3, runs=2, samples=200)
    estimate = compare_checkpoints(*auroc_scores(scores, positive)[:, None])
    covariance = brute_delong(scores, positive)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert estimate.design == "paired_t"
    assert estimate.standard_error == pytest.approx(error, rel=1e-12)
    assert estimate.difference == pytest.approx(
        roc_auc_score(positive, scores[0]) - roc_auc_score(positive, scores[1]), abs=1e-12
    )


def test_any_increasing_scale_of_the_scores_gives_the_same_values():
    scores, positive = ranked(4)
    assert auroc_scores(np.exp(scores), positive) == pytest.approx(auroc_scores(scores, positive), abs=1e-14)
    flipped = auroc_scores(-scores, ~positive)
    assert flipped == pytest.approx(auroc_scores(scores, positive), abs=1e-12)


def test_text_labels_give_what_their_numbers_give():
    predictions, targets = labelled(6)
    names = np.array(["car", "bus", "dog", "a much longer name"])
    assert macro_f1_scores(names[predictions], names[targets]) == pytest.approx(macro_f1_scores(predictions, targets))
    as_objects = macro_f1_scores(names[predictions].astype(object), names[targets].astype(object))
    assert as_objects == pytest.approx(macro_f1_scores(predictions, targets))


def test_a_prediction_of_a_class_without_samples_is_wrong_and_makes_no_class():
    targets, prediction = np.array([0, 0, 1, 1, 1]), np.array([0, 7, 1, -3, 0])
    f1 = f1_score(targets, prediction, labels=[0, 1], average="macro")
    assert macro_f1_scores(prediction, targets).mean() == pytest.approx(f1, abs=1e-14)
    assert balanced_accuracy_scores(prediction, targets).mean() == pytest.approx((1 / 2 + 1 / 3) / 2, abs=1e-14)


def test_a_class_that_nothing_is_taken_for_counts_as_zero():
    targets, prediction = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 1, 0, 1])
    f1 = f1_score(targets, prediction, average="macro")
    assert macro_f1_scores(prediction, targets).mean() == pytest.approx(f1, abs=1e-14)


def test_perfect_runs_have_values_of_exactly_one():
    scores, positive = np.array([[0.1, 0.2, 0.7, 0.9]]), np.array([False, False, True, True])
    assert (auroc_scores(scores, positive) == 1).all()
    assert (average_precision_scores(scores, positive) == 1).all()
    assert (macro_f1_scores(positive, positive) == 1).all()
    assert (balanced_accuracy_scores(positive, positive) == 1).all()


def test_constant_scores_are_worth_one_half():
    positive = np.arange(20) < 5
    assert (auroc_scores(np.zeros(20), positive) == 0.5).all()


def test_values_go_through_nested_and_clusters_with_their_means():
    scores, positive = ranked(7, runs=6, samples=100)
    values = auroc_scores(scores, positive)
    estimate = nested(values[:3], values[3:])
    areas = [roc_auc_score(positive, row) for row in scores]
    assert estimate.difference == pytest.approx(np.mean(areas[:3]) - np.mean(areas[3:]), abs=1e-12)
    assert cluster_scores(values, np.arange(100) // 4).mean(1) == pytest.approx(areas, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "positive", "text"),
    [
        ([0.1, 0.2, 0.3, 0.4], [True, False, False, False], "got 1 positive and 3 negative"),
        ([0.1, 0.2, 0.3, 0.4], [True, True, False], "True or False for each of 4 samples"),
        ([0.1, 0.2, 0.3, 0.4], [1, 1, 0, 0], "True or False for each of 4 samples; got shape .* of int64"),
        ([0.1, np.nan, 0.3, 0.4], [True, True, False, False], "nan at seed 0, sample 1"),
        ([], [], "shape"),
    ],
)
def test_unusable_scores_are_refused(scores, positive, text):
    with pytest.raises(InputError, match=text):
        auroc_scores(scores, positive)
    with pytest.raises(InputError, match=text):
        average_precision_scores(scores, positive)


@pytest.mark.parametrize(
    ("predictions", "targets", "text"),
    [
        ([0, 0, 1], [0, 0, 1], r"at least 2 samples of every class; got 1 of 1 \(1 such classes\)"),
        ([0, 0, 1], [0, 0], r"shapes \(1, 3\) and \(2,\)"),
        (["a", "a"], [0, 0], "same type of labels"),
        ([0.5, 0.5], [0, 0], "integers or text; got float64"),
        (["a", None], ["a", "a"], "integers or text; got object"),
        (np.empty((0, 0), int), np.empty(0, int), "shapes"),
    ],
)
def test_unusable_labels_are_refused(predictions, targets, text):
    with pytest.raises(InputError, match=text):
        macro_f1_scores(predictions, targets)
    with pytest.raises(InputError, match=text):
        balanced_accuracy_scores(predictions, targets)
