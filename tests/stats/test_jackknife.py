"""One value a sample of any metric, against the values that are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from deepenough.errors import InputError
from deepenough.stats import auroc_scores, cluster_scores, jackknife_scores, nested
from deepenough.stats.weighted import weighted_mean


def auroc(scores, positive):
    """By weights, from the definition: the share of pairs that stand in the right order."""
    above = (scores[positive][:, None] > scores[~positive]) + 0.5 * (scores[positive][:, None] == scores[~positive])

    def metric(_run, weights):
        up, down = weights[:, positive], weights[:, ~positive]
        return np.einsum("rp,rn,pn->r", up, down, above) / (up.sum(1) * down.sum(1))

    return metric


def test_values_of_a_mean_are_the_scores_themselves():
    scores = np.random.default_rng(0).random((3, 40))
    np.testing.assert_allclose(jackknife_scores(weighted_mean(scores), 3, 40), scores, atol=1e-12)


def test_values_of_the_auroc_average_to_it_and_vary_as_delongs_do():
    rng = np.random.default_rng(1)
    positive = rng.random(400) < 0.3
    scores = rng.normal(size=400) + positive
    rows, delong = jackknife_scores(auroc(scores, positive), 1, 400), auroc_scores(scores, positive)
    assert rows.mean() == pytest.approx(delong.mean(), abs=1e-12)
    assert rows.std() == pytest.approx(delong.std(), rel=0.01)
    assert np.corrcoef(rows, delong)[0, 1] > 0.999
    assert nested(np.vstack([rows, rows + 0.01]), np.vstack([rows, rows])).difference == pytest.approx(0.005)


def test_a_metric_that_hangs_on_one_sample_is_refused():
    positive = np.arange(10) == 0
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(InputError, match="none without 1 of the 10 samples"),
    ):
        jackknife_scores(auroc(np.arange(10.0), positive), 1, 10)
    with pytest.raises(InputError, match="at least 2"):
        jackknife_scores(weighted_mean(np.ones((1, 1))), 1, 1)


def test_pairs_of_two_clusters_vary_as_the_mean_over_pairs_of_drawn_people_does():
    """Against simulation: people drawn anew, every pair of them scored by what both bring."""
    rng, people = np.random.default_rng(2), 30
    first, second = np.triu_indices(people, 1)

    def scored():
        brought = rng.normal(size=people)
        return (brought[first] + brought[second] + 0.5 * rng.normal(size=len(first)))[None]

    clusters = np.stack([first, second], axis=1)
    means, errors = [], []
    for _ in range(400):
        scores = scored()
        units = cluster_scores(scores, clusters)
        assert units.shape == (1, people)
        assert units.mean() == pytest.approx(scores.mean(), abs=1e-12)
        means.append(scores.mean())
        errors.append(units.var(ddof=1) / people)
    assert np.mean(errors) == pytest.approx(np.var(means), rel=0.15)
    assert np.mean(errors) > 5 * np.mean([scored().var() / len(first) for _ in range(20)])  # what pairs alone would say


def test_two_equal_clusters_of_every_sample_are_one():
    scores, clusters = np.random.default_rng(3).random((2, 12)), np.repeat(np.arange(4), 3)
    both = np.stack([clusters, clusters], axis=1)
    np.testing.assert_allclose(cluster_scores(scores, both), cluster_scores(scores, clusters), atol=1e-12)
