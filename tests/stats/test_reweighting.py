from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from deepenough.errors import InputError
from deepenough.stats import cluster_scores, compare_checkpoints, nested
from deepenough.stats.linearise import auroc_covariance, auroc_scores, macro_f1_scores
from deepenough.stats.reweighting import bootstrap_covariance, from_covariance, resampling_weights, reweighted
from deepenough.stats.weighted import average_precision, pair_weights, tar_at_far, weighted_mean


def binary(seed: int, seeds: tuple[int, int] = (3, 3), samples: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    easy = rng.normal(size=samples)
    effects = 0.1 * rng.normal(size=(sum(seeds), 1))
    return (easy + effects + 0.7 * rng.normal(size=(sum(seeds), samples)) > -1.5).astype(float)


@pytest.mark.parametrize("seeds", [(2, 2), (3, 3), (4, 2), (5, 7)])
def test_covariance_of_means_gives_the_closed_form(seeds):
    scores = np.random.default_rng(1).normal(size=(sum(seeds), 50)) + np.random.default_rng(2).normal(size=50)
    ours = from_covariance(scores.mean(1), np.cov(scores) / 50, seeds, 50)
    theirs = nested(scores[: seeds[0]], scores[seeds[0] :])
    assert ours.interval == pytest.approx(theirs.interval, rel=1e-9)
    assert ours.degrees_of_freedom == pytest.approx(theirs.degrees_of_freedom, rel=1e-9)
    assert ours.seed_sd == pytest.approx(theirs.seed_sd, rel=1e-9)
    for name in ("seed_variances", "residual_variances", "sample_variance"):
        assert getattr(ours.components, name) == pytest.approx(getattr(theirs.components, name), rel=1e-9, abs=1e-12)
    assert ours.warnings == theirs.warnings


def test_delongs_covariance_gives_nested_on_the_linearised_scores():
    rng = np.random.default_rng(3)
    positive = np.arange(120) < 40
    scores = positive + rng.normal(size=120) + rng.normal(size=(6, 120))
    areas = [roc_auc_score(positive, row) for row in scores]
    ours = from_covariance(areas, auroc_covariance(scores, positive), (3, 3), 120)
    values = auroc_scores(scores, positive)
    theirs = nested(values[:3], values[3:])
    assert ours.interval == pytest.approx(theirs.interval, rel=1e-9)
    assert ours.p_value == pytest.approx(theirs.p_value, rel=1e-8)


def test_accuracy_by_resampling_has_the_error_of_the_closed_form():
    scores = binary(4)
    ours = reweighted(weighted_mean(scores), (3, 3), 2000, rng=np.random.default_rng(0), repetitions=1000)
    theirs = nested(scores[:3], scores[3:])
    assert ours.difference == pytest.approx(theirs.difference, abs=1e-12)
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.03)
    parts, exact = ours.components, theirs.components
    assert parts.residual_variances == pytest.approx(exact.residual_variances, rel=0.1)
    assert parts.sample_variance > 0
    of_samples = [c.sample_variance + sum(c.residual_variances) / 3 for c in (parts, exact)]
    assert of_samples[0] == pytest.approx(of_samples[1], rel=0.1)


def test_two_checkpoints_have_the_error_of_the_paired_t():
    scores = binary(5, (1, 1))
    ours = reweighted(weighted_mean(scores), (1, 1), 2000, rng=np.random.default_rng(0), repetitions=2000)
    differences = scores[0] - scores[1]
    assert ours.design == "paired_t"
    assert ours.standard_error == pytest.approx(differences.std(ddof=1) / np.sqrt(2000), rel=0.06)
    real = scores + 0.01 * np.arange(2000) / 2000
    exact = from_covariance(real.mean(1), np.cov(real) / 2000, (1, 1), 2000)
    theirs = compare_checkpoints(real[0] + 0.5, real[1] + 0.5)
    assert exact.interval == pytest.approx(theirs.interval, rel=1e-9)
    assert exact.p_value == pytest.approx(theirs.p_value, rel=1e-9)


def test_one_run_against_several_is_about_these_checkpoints():
    scores = binary(6, (1, 3))
    ours = from_covariance(scores.mean(1), np.cov(scores) / 2000, (1, 3), 2000)
    theirs = compare_checkpoints(scores[:1], scores[1:])
    assert ours.interval == pytest.approx(theirs.interval, rel=1e-9)
    assert ours.design == theirs.design


def test_linearised_macro_f1_and_its_resamples_agree():
    rng = np.random.default_rng(7)
    targets = rng.choice(3, 600, p=[0.6, 0.3, 0.1])
    predictions = np.where(rng.random((6, 600)) < 0.8, targets, rng.integers(0, 3, (6, 600)))
    classes = np.arange(3)[:, None]

    def metric(run, weights):
        said, true = predictions[run] == classes, targets == classes
        right = weights @ (said & true).T
        return (2 * right / (weights @ said.T + weights @ true.T)).mean(1)

    ours = reweighted(metric, (3, 3), 600, rng=np.random.default_rng(8), repetitions=1000)
    values = macro_f1_scores(predictions, targets)
    theirs = nested(values[:3], values[3:])
    assert ours.difference == pytest.approx(theirs.difference, abs=1e-12)
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.1)


def test_weights_of_clusters_give_the_cluster_robust_error():
    rng = np.random.default_rng(9)
    labels = np.repeat(np.arange(150), rng.integers(1, 8, 150))
    scores = rng.normal(size=(1, 150))[:, labels] + rng.normal(size=(2, len(labels)))
    plain = weighted_mean(scores)
    ours = reweighted(lambda run, w: plain(run, w[:, labels]), (1, 1), 150, rng=rng, repetitions=2000)
    by_cluster = cluster_scores(scores, labels)
    theirs = compare_checkpoints(by_cluster[:1], by_cluster[1:])
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.06)
    assert ours.samples == 150


def test_identities_drawn_together_widen_the_error_of_verification():
    rng = np.random.default_rng(10)
    people, shots = 60, 6
    face = rng.normal(size=(people, 1, 8)) * rng.uniform(0.5, 2.0, (people, 1, 1))
    photos = (face + 0.8 * rng.normal(size=(people, shots, 8))).reshape(-1, 8)
    left, right = np.triu_indices(people * shots, 1)
    chosen = (left // shots == right // shots) | (rng.random(len(left)) < 0.1)
    left, right = left[chosen], right[chosen]
    scores = -np.linalg.norm(photos[left] - photos[right], axis=1)[None] + 0.01 * rng.normal(size=(1, len(left)))
    first, second = left // shots, right // shots
    metric = tar_at_far(scores, first == second, 0.01)

    def by_identity(run, weights):
        return metric(run, pair_weights(weights, first, second))

    _, identities = bootstrap_covariance(by_identity, 1, people, 200, rng)
    _, pairs = bootstrap_covariance(metric, 1, len(left), 200, rng)
    assert identities[0, 0] > 4 * pairs[0, 0]


def test_tied_seeds_fall_back_on_the_residual():
    scores = np.stack([np.roll(binary(11)[0], shift) for shift in range(6)])
    ours = from_covariance(scores.mean(1), np.cov(scores) / 2000, (3, 3), 2000)
    theirs = nested(scores[:3], scores[3:])
    assert ours.warnings == theirs.warnings == ("tied_seeds",)
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=1e-9)


def test_perfect_runs_leave_no_variance_and_say_so():
    ours = reweighted(weighted_mean(np.ones((6, 50))), (3, 3), 50, rng=np.random.default_rng(0))
    assert "no_variance" in ours.warnings
    assert ours.interval == (0.0, 0.0)
    alone = reweighted(weighted_mean(np.ones((2, 50))), (1, 1), 50, rng=np.random.default_rng(0))
    assert alone.warnings == ("no_variance",)


def test_every_run_sees_the_same_resamples_in_blocks_of_bounded_memory():
    seen = {0: [], 1: []}

    def metric(run, weights):
        seen[run].append(weights.copy())
        return weights.mean(1)

    bootstrap_covariance(metric, 2, 30_000, 100, np.random.default_rng(0))
    assert len(seen[0]) > 2
    for first, second in zip(seen[0], seen[1], strict=True):
        assert np.array_equal(first, second)


def test_same_draws_give_the_same_estimate():
    metric = weighted_mean(binary(12))
    first, second = (reweighted(metric, (3, 3), 2000, rng=np.random.default_rng(1)) for _ in "ab")
    assert first == second


def test_weights_are_those_of_drawing_with_replacement():
    weights = resampling_weights(4, 20_000, np.random.default_rng(0))
    assert (weights.sum(1) == 4).all()
    assert np.cov(weights.T) == pytest.approx(np.eye(4) - 1 / 4, abs=0.03)


def test_a_metric_without_a_value_on_some_resample_is_refused():
    positive = np.arange(12) < 1
    metric = average_precision(np.arange(12.0)[None].repeat(2, 0), positive)
    with pytest.raises(InputError, match="a value on every resample"):
        reweighted(metric, (1, 1), 12, rng=np.random.default_rng(0))


@pytest.mark.parametrize(("units", "repetitions", "text"), [(1, 200, "units"), (10, 20, "repetitions")])
def test_too_few_units_and_resamples_are_refused(units, repetitions, text):
    with pytest.raises(InputError, match=text):
        bootstrap_covariance(weighted_mean(np.ones((1, units))), 1, units, repetitions, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("values", "covariance", "seeds"),
    [
        ([0.1], [[1.0]], (1, 1)),
        ([0.1, 0.2], [[1.0]], (1, 1)),
        ([0.1, np.nan], np.eye(2), (1, 1)),
        ([0.1, 0.2], np.eye(2), (2, 0)),
    ],
)
def test_values_that_do_not_fit_the_seeds_are_refused(values, covariance, seeds):
    with pytest.raises(InputError, match="values"):
        from_covariance(values, covariance, seeds, 10)


@pytest.mark.parametrize("seeds", [(1, 1), (2, 2)])
def test_level_outside_zero_and_one_is_refused(seeds):
    runs = sum(seeds)
    with pytest.raises(InputError, match="between 0 and 1; got 95"):
        from_covariance(np.arange(runs), np.eye(runs), seeds, 10, level=95)
