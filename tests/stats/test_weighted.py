from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_curve

from deepenough.errors import InputError
from deepenough.stats.reweighting import resampling_weights
from deepenough.stats.weighted import (
    Detections,
    average_precision,
    mean_average_precision,
    pair_weights,
    tar_at_far,
    weighted_mean,
)

seeds = st.integers(0, 10_000)


def trials(seed: int, runs: int = 2, samples: int = 300, digits: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    genuine = rng.random(samples) < 0.3
    genuine[0] = True
    return (2 * genuine + rng.normal(size=(runs, samples))).round(digits), genuine


def resampled(seed: int, units: int, resamples: int = 4) -> np.ndarray:
    return resampling_weights(units, resamples, np.random.default_rng(seed))


def largest_tpr(scores: np.ndarray, genuine: np.ndarray, far: float) -> float:
    fpr, tpr, _ = roc_curve(genuine, scores, drop_intermediate=False)
    return float(tpr[fpr <= far + 1e-12].max())


@given(seeds, st.sampled_from([0.07, 0.1, 0.29, 0.5, 0.9]), st.sampled_from([1, 6]))
def test_tar_at_far_equals_the_roc_curve_of_the_copied_trials(seed, far, digits):
    scores, genuine = trials(seed, digits=digits)
    weights = resampled(seed, 300)
    metric = tar_at_far(scores, genuine, far)
    for run, row in enumerate(scores):
        copies = [np.repeat(np.arange(300), w.astype(int)) for w in weights]
        expected = [largest_tpr(row[c], genuine[c], far) for c in copies]
        assert metric(run, weights) == pytest.approx(expected, abs=1e-12)


def test_tar_at_far_looks_at_all_impostors_when_the_first_do_not_suffice():
    scores, genuine = trials(3, samples=4000, digits=6)
    weights = np.ones((2, 4000))
    impostors = np.flatnonzero(~genuine)
    best = impostors[np.argsort(-scores[0, impostors])]
    weights[1, best[:500]] = 0.0  # the next ones now set the threshold
    kept = genuine | (weights[1] > 0)
    expected = largest_tpr(scores[0, kept], genuine[kept], 0.02)
    assert tar_at_far(scores, genuine, 0.02)(0, weights)[1] == pytest.approx(expected, abs=1e-12)


def test_tar_at_far_is_undefined_without_trials_of_a_kind():
    scores, genuine = trials(1)
    metric = tar_at_far(scores, genuine, 0.2)
    assert np.isnan(metric(0, np.stack([genuine, ~genuine]).astype(float))).all()


@pytest.mark.parametrize(
    ("far", "text"),
    [
        (0.01, "at least 10 accepted impostors"),
        (0.0, "between 0 and 1"),
        (1.0, "between 0 and 1"),
        (float("nan"), "between 0"),
    ],
)
def test_tar_at_far_refuses_rates_that_the_trials_cannot_measure(far, text):
    scores, genuine = trials(1)
    with pytest.raises(InputError, match=text):
        tar_at_far(scores, genuine, far)


@pytest.mark.parametrize("genuine", [np.zeros(300, bool), np.ones(299, bool), np.zeros(300), np.ones(300, bool)])
def test_tar_at_far_refuses_trials_of_one_kind_and_other_shapes(genuine):
    with pytest.raises(InputError, match="expected"):
        tar_at_far(trials(1)[0], genuine, 0.2)


@given(seeds)
def test_average_precision_equals_that_of_sklearn_under_the_same_weights(seed):
    scores, positive = trials(seed, samples=60)
    weights = resampled(seed, 60)
    metric = average_precision(scores, positive)
    for run, row in enumerate(scores):
        expected = [average_precision_score(positive, row, sample_weight=w) for w in weights]
        assert metric(run, weights) == pytest.approx(expected, abs=1e-12)


def brute_map(run: Detections, truths: np.ndarray, weights: np.ndarray) -> float:
    """VOC's area, image copies and all, threshold by threshold."""
    areas = []
    for category in range(truths.shape[1]):
        total = (weights * truths[:, category]).sum()
        if total == 0:
            continue
        mine = run.category == category
        copies = weights[run.image]
        points = []
        for threshold in np.unique(run.confidence[mine]):
            chosen = mine & (run.confidence >= threshold)
            if copies[chosen].sum() > 0:
                found = (copies * run.matched)[chosen].sum()
                points.append((found / total, found / copies[chosen].sum()))
        points.sort()
        area, before = 0.0, 0.0
        for recall, _ in points:
            area += (recall - before) * max(p for r, p in points if r >= recall)
            before = recall
        areas.append(area)
    return float(np.mean(areas))


@given(seeds)
def test_mean_average_precision_equals_its_definition_threshold_by_threshold(seed):
    rng = np.random.default_rng(seed)
    images, categories = 12, 3
    truths = rng.integers(0, 3, (images, categories))
    truths[0] = 1
    found = [
        (i, c) for i in range(images) for c in range(categories) for _ in range(truths[i, c]) if rng.random() < 0.7
    ]
    false = [tuple(rng.integers(0, (images, categories))) for _ in range(20)]
    image, category = np.array(found + false).T
    matched = np.arange(len(image)) < len(found)
    confidence = (rng.random(len(image)) + 0.3 * matched).round(1)
    run = Detections(image=image, category=category, confidence=confidence, matched=matched)
    weights = resampled(seed, images, 3)
    ours = mean_average_precision([run], truths)(0, weights)
    assert ours == pytest.approx([brute_map(run, truths, w) for w in weights], abs=1e-12)


def test_a_run_that_detects_nothing_has_a_mean_average_precision_of_zero():
    nothing = Detections(
        image=np.empty(0, int), category=np.empty(0, int), confidence=np.empty(0), matched=np.empty(0, bool)
    )
    assert mean_average_precision([nothing], [[1], [2]])(0, np.ones((1, 2))).tolist() == [0.0]


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("image", [0, 5], "image numbers from 0 to 1"),
        ("category", [0, -1], "category numbers from 0 to 0"),
        ("confidence", [0.5, np.nan], "finite confidences"),
        ("matched", [True], "fields of one length"),
    ],
)
def test_detections_that_do_not_fit_are_refused(field, value, text):
    fields = {"image": [0, 1], "category": [0, 0], "confidence": [0.5, 0.4], "matched": [True, False]} | {field: value}
    run = Detections(**{name: np.array(entry) for name, entry in fields.items()})
    with pytest.raises(InputError, match=text):
        mean_average_precision([run], [[1], [1]])


def test_truths_without_a_box_are_refused():
    with pytest.raises(InputError, match="some above 0"):
        mean_average_precision([], np.zeros((3, 2)))


def test_pairs_weigh_as_their_copies_do():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 6, (2, 40))
    weights = resampled(1, 6)
    for w, pairs in zip(weights.astype(int), pair_weights(weights, first, second), strict=True):
        drawn = np.repeat(np.arange(6), w)
        copies = [
            sum((a == i) and (b == j) for x, a in enumerate(drawn) for y, b in enumerate(drawn) if (x == y) == (i == j))
            for i, j in zip(first, second, strict=True)
        ]
        assert pairs.tolist() == copies


def test_pairs_of_names_are_refused():
    with pytest.raises(InputError, match="identity numbers"):
        pair_weights(np.ones((1, 2)), ["a"], ["b"])


def test_weighted_mean_is_that_of_numpy():
    rng = np.random.default_rng(2)
    scores, weights = rng.random((2, 30)), resampled(2, 30)
    assert weighted_mean(scores)(1, weights) == pytest.approx([np.average(scores[1], weights=w) for w in weights])
