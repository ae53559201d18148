"""The nearest of many vectors, exactly: by numpy, or by FAISS where it is installed and there are many."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from deepenough.stats.distributions import FloatArray

BLOCK = 1024  # rows of a matrix of distances at once
MANY = 10_000  # vectors from which on FAISS proposes
_SPARE = 16  # further ones that FAISS proposes, as it counts in float32


def squared_distances(one: FloatArray, other: FloatArray) -> FloatArray:
    """Of every row of one to every row of the other, (rows, rows), not negative."""
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2.0 * one @ other.T
    return np.maximum(squares, 0.0)


def nearest(queries: FloatArray, base: FloatArray, count: int) -> np.ndarray:
    """The nearest rows of a base by Euclidean distance, the nearest first; of equals the first in the base.

    Args:
        queries: (queries, features).
        base: (vectors, features).
        count: how many are wanted; at most all of the base come.

    Returns:
        int64 (queries, min(count, vectors)), places in the base. Where FAISS (M. Douze et al., "The Faiss library",
        arXiv 2401.08281, 2024) takes part, its flat index proposes in float32 and distances in float64 decide.
    """
    count = min(count, len(base))
    search = _by_faiss if len(base) >= MANY and find_spec("faiss") is not None else _by_numpy
    return search(queries, base, count)


def _by_numpy(queries: FloatArray, base: FloatArray, count: int) -> np.ndarray:
    found = []
    for first in range(0, len(queries), BLOCK):
        distances = squared_distances(queries[first : first + BLOCK], base)
        within = np.partition(distances, count - 1, axis=1)[:, count - 1 : count]
        rows, places = np.nonzero(distances <= within)  # at least `count` in each row, more where some are equal
        order = np.lexsort((places, distances[rows, places], rows))
        starts = np.searchsorted(rows, np.arange(len(distances)))
        found.append(places[order][starts[:, None] + np.arange(count)])
    return np.concatenate(found) if found else np.empty((0, count), np.int64)


def _by_faiss(queries: FloatArray, base: FloatArray, count: int) -> np.ndarray:
    import faiss

    centre = base.mean(0)  # so that float32 has digits left for what differs
    index = faiss.IndexFlatL2(base.shape[1])
    index.add(np.ascontiguousarray(base - centre, np.float32))
    _, proposed = index.search(np.ascontiguousarray(queries - centre, np.float32), min(count + _SPARE, len(base)))
    proposed = np.sort(proposed, axis=1)
    found = []
    for query, places in zip(queries, proposed, strict=True):
        distances = ((base[places] - query) ** 2).sum(1)
        found.append(places[np.argsort(distances, kind="stable")[:count]])
    return np.stack(found) if found else np.empty((0, count), np.int64)
