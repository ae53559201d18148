from __future__ import annotations

import numpy as np
import pytest

from deepenough.errors import InputError
from deepenough.stats.clusters import cluster_scores
from deepenough.stats.reweighting import bootstrap_covariance
from deepenough.stats.verifying import best_threshold, tar_at_far_scores
from deepenough.stats.weighted import pair_weights, tar_at_far


def drawn(pairs=4000, seed=0, gap=1.5):
    rng = np.random.default_rng(seed)
    genuine = np.arange(pairs) % 2 == 0
    return rng.normal(size=(1, pairs)) + gap * genuine, genuine


@pytest.mark.parametrize("far", [0.3, 0.1, 0.01])
def test_values_average_to_the_rate_at_the_threshold(far):
    scores, genuine = drawn()
    threshold = np.sort(scores[0, ~genuine])[::-1][int(far * (~genuine).sum())]
    assert tar_at_far_scores(scores, genuine, far).mean() == pytest.approx((scores[0, genuine] > threshold).mean())


@pytest.mark.parametrize("far", [0.3, 0.1, 0.02])
def test_values_have_the_standard_error_of_fresh_samples(far):
    fresh = np.concatenate([tar_at_far_scores(*drawn(1000, seed), far).mean(1) for seed in range(400)])
    claimed = [tar_at_far_scores(*drawn(1000, seed), far)[0].std(ddof=1) / np.sqrt(1000) for seed in range(20)]
    assert np.mean(claimed) == pytest.approx(fresh.std(), rel=0.15)


def test_values_by_identity_have_the_error_of_resampled_identities():
    rng, people, each = np.random.default_rng(1), 40, 5
    vectors = np.repeat(rng.normal(size=(people, 4)), each, axis=0) + 0.6 * rng.normal(size=(people * each, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = np.triu_indices(len(vectors), 1)
    who = np.arange(len(vectors)) // each
    scores, genuine = (vectors[first] * vectors[second]).sum(1)[None], who[first] == who[second]
    groups = np.stack([who[first], who[second]], axis=1)
    by_identity = cluster_scores(tar_at_far_scores(scores, genuine, 0.1), groups)[0]
    metric = tar_at_far(scores, genuine, 0.1)
    _, covariance = bootstrap_covariance(
        lambda run, weights: metric(run, pair_weights(weights, who[first], who[second])), 1, people, 200, rng
    )
    assert by_identity.std(ddof=1) / np.sqrt(people) == pytest.approx(np.sqrt(covariance[0, 0]), rel=0.3)


def test_rate_is_refused_when_too_few_impostors_would_be_accepted():
    scores, genuine = drawn(400)
    with pytest.raises(InputError, match="at least 10 accepted impostors"):
        tar_at_far_scores(scores, genuine, 0.01)


def test_threshold_is_the_best_of_all():
    scores, genuine = drawn(301, gap=1.0)
    row = scores[0].round(1)

    def right(threshold):
        return (row[genuine] > threshold).mean() + (row[~genuine] <= threshold).mean()

    tried = max(right(threshold) for threshold in np.arange(-6, 8, 0.05))
    assert right(best_threshold(row, genuine)) == pytest.approx(tried)


def test_threshold_accepts_none_where_all_scores_are_equal_and_needs_both_kinds():
    assert best_threshold([0.0, 0.0], [True, False]) < 0.0
    with pytest.raises(InputError, match="pairs of one identity and of two"):
        best_threshold([0.1, 0.2], [True, True])
