from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from deepenough.errors import InputError
from deepenough.stats import cluster_scores, compare_checkpoints, nested


def grouped(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(40), rng.integers(1, 9, 40))
    rng.shuffle(labels)
    return rng.normal(size=(3, len(labels))) + rng.normal(size=40)[labels], labels


def test_error_of_a_mean_equals_the_cluster_robust_error_of_least_squares():
    scores, labels = grouped()
    fit = sm.OLS(scores[0], np.ones(len(labels))).fit(cov_type="cluster", cov_kwds={"groups": labels})
    ours = cluster_scores(scores[:1], labels)[0]
    assert ours.std(ddof=1) / np.sqrt(40) == pytest.approx(fit.bse[0], rel=1e-12)


def test_means_of_runs_are_kept():
    scores, labels = grouped()
    assert cluster_scores(scores, labels).mean(1) == pytest.approx(scores.mean(1), rel=1e-12)


def test_clusters_of_one_sample_change_nothing():
    scores, _ = grouped()
    labels = np.arange(scores.shape[1])
    assert cluster_scores(scores, labels) == pytest.approx(scores)
    a, b = scores, scores[:, ::-1]
    assert nested(cluster_scores(a, labels), cluster_scores(b, labels)).interval == pytest.approx(nested(a, b).interval)


def test_copies_of_every_sample_in_its_cluster_do_not_narrow_the_interval():
    scores, _ = grouped()
    copied, labels = np.repeat(scores, 4, axis=1), np.repeat(np.arange(scores.shape[1]), 4)
    plain = compare_checkpoints(scores[0], scores[1])
    assert compare_checkpoints(
        cluster_scores(copied[:1], labels), cluster_scores(copied[1:2], labels)
    ).interval == pytest.approx(plain.interval, rel=1e-10)


def test_labels_that_do_not_fit_and_a_single_cluster_are_refused():
    with pytest.raises(InputError, match="one label for each of 3"):
        cluster_scores([[1, 0, 1]], ["a", "b"])
    with pytest.raises(InputError, match="at least 2 clusters"):
        cluster_scores([[1, 0, 1]], ["a", "a", "a"])
