"""Nearest vectors against scikit-learn, ties by place, and FAISS against numpy."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from deepenough.comparison.embedding import nearest as searching


@pytest.fixture
def faiss(monkeypatch):
    """FAISS from the first vector on."""
    pytest.importorskip("faiss", reason="faiss is not installed: pip install 'deepenough[embed]'")
    monkeypatch.setattr(searching, "MANY", 1)


@pytest.fixture
def vectors():
    rng = np.random.default_rng(3)
    return rng.standard_normal((70, 9)), rng.standard_normal((1500, 9))


def test_nearest_are_those_of_scikit_learn_in_their_order(vectors):
    queries, base = vectors
    truth = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(base).kneighbors(queries, return_distance=False)
    assert (searching.nearest(queries, base, 7) == truth).all()


def test_of_equal_vectors_the_first_of_the_base_comes_first(vectors):
    queries, base = vectors
    twice = np.concatenate([base, base])
    found = searching.nearest(queries, twice, 5)
    alone = searching.nearest(queries, base, 3)
    assert (found[:, ::2] == alone).all()
    assert (found[:, 1::2] == alone[:, :2] + len(base)).all()


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_faiss_changes_no_answer_however_far_the_vectors_lie_from_zero(vectors, request, offset):
    queries, base = (part + offset for part in vectors)
    truth = searching.nearest(queries, base, 6)
    request.getfixturevalue("faiss")
    assert (searching.nearest(queries, base, 6) == truth).all()


@pytest.mark.usefixtures("faiss")
def test_faiss_gives_all_of_a_base_that_has_fewer_than_are_wanted():
    base = np.array([[0.0], [4.0], [1.0]])
    assert searching.nearest(np.array([[0.9]]), base, 5).tolist() == [[2, 0, 1]]


def test_faiss_is_asked_only_where_it_is_installed_and_there_are_many(monkeypatch, vectors):
    asked = []
    monkeypatch.setattr(searching, "_by_faiss", lambda *_: asked.append("faiss"))
    monkeypatch.setattr(searching, "_by_numpy", lambda *_: asked.append("numpy"))
    for there, many in ((object(), 1), (None, 1), (object(), 1501)):
        monkeypatch.setattr(searching, "find_spec", lambda _name, there=there: there)
        monkeypatch.setattr(searching, "MANY", many)
        searching.nearest(*vectors, 5)
    assert asked == ["faiss", "numpy", "numpy"]
