"""Maps of pictures: two dimensions of many, turned onto each other, and how far they may be trusted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from deepenough.comparison.embedding import mapping


@pytest.fixture
def groups():
    """Vectors of five groups in twelve dimensions."""
    rng = np.random.default_rng(0)
    return (3 * rng.normal(size=(5, 12)))[np.arange(120) % 5] + rng.normal(size=(120, 12))


def test_map_without_umap_is_of_the_two_first_principal_components(groups):
    expected = PCA(2, svd_solver="full").fit_transform(groups)
    found = mapping.layout(groups, "pca")
    assert np.abs(found) == pytest.approx(np.abs(expected))
    assert mapping.trust(groups, found) == pytest.approx(trustworthiness(groups, expected, n_neighbors=10))


def test_map_is_turned_as_scipys_orthogonal_procrustes_does_and_keeps_its_sizes(groups):
    one, other = groups[:, :2], groups[:, 3:5]
    found = mapping.turned_onto(one, other)
    centred = [each - each.mean(0) for each in (one, other)]
    assert found == pytest.approx(centred[0] @ orthogonal_procrustes(*centred)[0])
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.linalg.norm(centred[0], axis=1))
    mirrored = one @ np.array([[0.0, -1.0], [-1.0, 0.0]])
    assert mapping.turned_onto(mirrored, one) == pytest.approx(centred[0])


def test_places_fill_the_square_without_being_stretched():
    found = mapping.on_the_square(np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0]]))
    assert found == [0, 750, 1000, 750, 1000, 250]  # y grows downwards; the short side stands in the middle
    assert mapping.on_the_square(np.zeros((3, 2))) == mapping.on_the_square(np.ones((3, 2)))


@pytest.mark.parametrize("shape", [(4, 1), (3, 5), (6, 2)])
def test_few_vectors_of_few_features_have_a_map_too(shape):
    vectors = np.random.default_rng(1).normal(size=shape)
    assert mapping.layout(vectors, "pca").shape == (shape[0], 2)


def test_method_is_umap_only_where_it_is_installed(monkeypatch):
    for there, method in ((object(), "umap"), (None, "pca")):
        monkeypatch.setattr(mapping, "find_spec", lambda name, there=there: there if name == "umap" else None)
        assert mapping.method_here() == method


@pytest.mark.slow
def test_umap_gives_the_same_map_again_and_keeps_more_neighbours_than_two_components(groups):
    pytest.importorskip(
        "umap", reason="umap-learn is not installed: pip install 'deepenough[embed]'", exc_type=ImportError
    )
    first, again = (mapping.layout(groups, "umap") for _ in range(2))
    assert first.shape == (120, 2)
    assert np.array_equal(first, again)
    assert mapping.trust(groups, first) > mapping.trust(groups, mapping.layout(groups, "pca"))
