"""Measures of embeddings, each a function of vectors; exact, and in blocks, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepenough.comparison.embedding.nearest import BLOCK, nearest, squared_distances
from deepenough.stats.distributions import FloatArray


def normalised(vectors: FloatArray) -> FloatArray:
    """Each row at length 1; rows of zeros stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


def knn_hits(
    train: FloatArray, train_labels: np.ndarray, test: FloatArray, test_labels: np.ndarray, *, neighbours: int = 5
) -> FloatArray:
    """Whether the majority of the nearest training samples is right; of a tie, the class of the nearer ones.

    Returns:
        0 or 1 for each test sample.
    """
    near = train_labels[nearest(test, train, neighbours)]
    votes = np.zeros((len(test), int(max(train_labels.max(), test_labels.max())) + 1))
    for rank, voted in enumerate(near.T):  # a vote of the nearer is worth a trifle more, which only decides ties
        votes[np.arange(len(test)), voted] += 1.0 + 1e-3 * (1.0 - rank / near.shape[1])
    return (votes.argmax(1) == test_labels).astype(np.float64)


def retrieval(
    vectors: FloatArray, labels: np.ndarray, ks: tuple[int, ...], groups: np.ndarray | None = None
) -> tuple[dict[int, FloatArray], FloatArray]:
    """Each sample asks all others, by cosine; those of its class are right.

    Args:
        vectors: (samples, features).
        labels: class index of each.
        ks: how many are looked at.
        groups: of each sample; those of its own group (the same thing, the same person) are not asked.

    Returns:
        By k, whether a right one is among the k nearest, and each sample's average precision (scikit-learn's); NaN for
        a sample that has no other of its class to find. Of equally near ones those of other classes come first.
    """
    own = normalised(vectors)
    found = {k: np.full(len(own), np.nan) for k in ks}
    precision = np.full(len(own), np.nan)
    for rows, alike, own_kind in _asked(own, groups):
        alike[own_kind] = np.inf  # sorts behind all that are asked
        ordered, asked = np.sort(alike, axis=1), (~own_kind).sum(1)
        for place, row in enumerate(rows):
            right = np.sort(alike[place, (labels == labels[row]) & ~own_kind[place]])
            if not len(right):
                continue
            among = asked[place] - np.searchsorted(ordered[place, : asked[place]], right)  # at least as near as each
            of_them = len(right) - np.searchsorted(right, right)
            precision[row] = (of_them / among).mean()
            strangers = among[-1] - of_them[-1]
            for k in ks:
                found[k][row] = strangers < k
    return found, precision


def first_hits(vectors: FloatArray, labels: np.ndarray, groups: np.ndarray | None = None) -> FloatArray:
    """`retrieval`'s answer at k = 1, without putting all in order.

    Returns:
        0 or 1 for each sample; NaN for one that has no other of its class to find.
    """
    own, hits = normalised(vectors), np.full(len(vectors), np.nan)
    for rows, alike, own_kind in _asked(own, groups):
        same = labels[rows][:, None] == labels
        right = np.where(same & ~own_kind, alike, -np.inf).max(1)
        wrong = np.where(same | own_kind, -np.inf, alike).max(1)
        hits[rows] = np.where(np.isneginf(right), np.nan, right > wrong)
    return hits


def _asked(own: FloatArray, groups: np.ndarray | None) -> Iterator[tuple[np.ndarray, FloatArray, np.ndarray]]:
    """By block: which samples ask, their cosines to all, (block, samples), and whom they do not ask."""
    for first in range(0, len(own), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(own)))
        own_kind = rows[:, None] == np.arange(len(own)) if groups is None else groups[rows][:, None] == groups
        yield rows, own[rows] @ own.T, own_kind


def trustworthiness(high: FloatArray, low: FloatArray, *, neighbours: int = 10) -> float:
    """How far the neighbours in few dimensions were neighbours in many, in [0, 1].

    J. Venna and S. Kaski, "Neighborhood preservation in nonlinear projection methods", ICANN 2001.
    """
    size = len(high)
    if 2 * neighbours >= size:
        raise ValueError(f"neighbours must be fewer than half of the {size} samples, but got {neighbours}")
    total = 0.0
    for first in range(0, size, BLOCK):
        rows = np.arange(first, min(first + BLOCK, size))
        ranks, near = [], []
        for vectors in (high, low):
            distances = squared_distances(vectors[rows], vectors)
            distances[np.arange(len(rows)), rows] = np.inf
            order = np.argsort(distances, axis=1, kind="stable")
            near.append(order[:, :neighbours])
            rank = np.empty_like(order)
            np.put_along_axis(rank, order, np.arange(1, size + 1)[None].repeat(len(rows), 0), axis=1)
            ranks.append(rank)
        strangers = np.take_along_axis(ranks[0], near[1], axis=1) - neighbours
        total += float(strangers[strangers > 0].sum())
    return 1.0 - 2.0 * total / (size * neighbours * (2.0 * size - 3.0 * neighbours - 1.0))


def two_nn(vectors: FloatArray, *, discard: float = 0.1) -> float:
    """Intrinsic dimension from the ratio of the second nearest neighbour's distance to the nearest's.

    E. Facco et al., "Estimating the intrinsic dimension of datasets by a minimal neighborhood information", Scientific
    Reports 7, 2017: the slope through the origin of -log(1 - F) over log(ratio), the largest ratios left out. Equal
    vectors count once.

    Returns:
        NaN with fewer than four different vectors.
    """
    unique = np.unique(vectors, axis=0)
    if len(unique) < 4:
        return float("nan")
    ratios = []
    for first in range(0, len(unique), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(unique)))
        distances = squared_distances(unique[rows], unique)
        distances[np.arange(len(rows)), rows] = np.inf
        nearest = np.partition(distances, 1, axis=1)[:, :2]
        usable = nearest[:, 0] > 0
        ratios.append(0.5 * np.log(nearest[usable, 1] / nearest[usable, 0]))
    logs = np.sort(np.concatenate(ratios))
    kept = max(2, int(len(logs) * (1.0 - discard)))
    share = -np.log1p(-np.arange(1, kept + 1) / (len(logs) + 1))
    return float((logs[:kept] @ share) / (logs[:kept] @ logs[:kept]))


def linear_cka(one: FloatArray, other: FloatArray) -> float:
    """How alike two representations of the same samples are, in [0, 1], whatever their rotation and scale.

    S. Kornblith et al., "Similarity of neural network representations revisited", ICML 2019, arXiv 1905.00414.
    """
    first, second = one - one.mean(0), other - other.mean(0)
    if min(first.shape[1], second.shape[1]) > len(first):  # the same through the samples' products
        left, right = first @ first.T, second @ second.T
        cross, own, theirs = (left * right).sum(), np.linalg.norm(left), np.linalg.norm(right)
    else:
        cross = np.linalg.norm(first.T @ second) ** 2
        own, theirs = np.linalg.norm(first.T @ first), np.linalg.norm(second.T @ second)
    return float(cross / (own * theirs)) if own * theirs > 0 else float("nan")
