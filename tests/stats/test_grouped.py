from __future__ import annotations

import numpy as np
import pytest

from deepenough.stats.clusters import cluster_scores
from deepenough.stats.grouped import cluster_scores_by_group, nested_spread_by_group
from deepenough.stats.mrmc import nested_spread

FIELDS = ("difference", "seeds", "samples", "residuals", "seed_mean_variances", "degrees_of_freedom", "variance")


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("guard", [1, 2])
def test_every_group_gets_what_the_estimator_gives_it_alone(binary, guard):
    rng = np.random.default_rng(3)
    codes = rng.permutation(np.repeat(np.arange(5), [2, 3, 10, 50, 400]))
    a, b = rng.normal(31, 2, (3, len(codes))), rng.normal(30, 2, (4, len(codes)))
    if binary:
        a, b = (a > 30).astype(float), (b > 30).astype(float)
    got = nested_spread_by_group(a, b, codes, 5, guard)
    for group in range(5):
        alone = nested_spread(a[:, codes == group], b[:, codes == group], guard)
        for field in FIELDS:
            assert getattr(got, field)[group] == pytest.approx(getattr(alone, field), rel=1e-10, abs=1e-14), field


def test_groups_of_tied_seeds_take_the_variance_from_the_residual_as_alone():
    a = np.array([[1.0, 0, 1, 1, 0, 1], [0, 1, 1, 1, 1, 0]])
    b = np.array([[1.0, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]])
    codes = np.array([0, 0, 0, 0, 1, 1])
    got = nested_spread_by_group(a, b, codes, 2)
    for group in (0, 1):
        alone = nested_spread(a[:, codes == group], b[:, codes == group])
        assert got.variance[group] == pytest.approx(float(alone.variance), abs=1e-15)
    assert not got.seed_mean_variances.any()


def test_clusters_are_linearised_within_each_group_as_alone():
    rng = np.random.default_rng(4)
    codes, clusters = rng.integers(0, 3, 90), rng.integers(0, 12, 90)
    scores = rng.normal(size=(3, 90))
    units, of_unit = cluster_scores_by_group(scores, codes, clusters)
    for group in range(3):
        alone = cluster_scores(scores[:, codes == group], clusters[codes == group])
        np.testing.assert_allclose(units[:, of_unit == group], alone, atol=1e-13)


def test_a_group_of_one_sample_has_no_variance_to_speak_of():
    scores = np.array([[1.0, 0, 1], [1, 1, 0]])
    got = nested_spread_by_group(scores, 1 - scores, np.array([0, 1, 1]), 2)
    assert np.isnan(got.variance[0])
    assert np.isfinite(got.variance[1])
