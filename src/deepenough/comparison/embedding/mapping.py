"""A map of pictures: their vectors in two dimensions, for people to look at, and how far it may be trusted."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

import numpy as np

from deepenough.comparison.embedding import measures, projections
from deepenough.stats.distributions import FloatArray

Method = Literal["umap", "pca"]
SIDE = 1000  # of the square in which places are given, whole numbers from 0
_NEAREST = 0.1  # distance of points, the default of UMAP's authors
MOST_TRUSTED = 2000  # points of which trustworthiness is taken


def method_here() -> Method:
    """UMAP where umap-learn is installed, else the first two principal components."""
    return "pca" if find_spec("umap") is None else "umap"


def layout(vectors: FloatArray, method: Method) -> FloatArray:
    """The vectors in two dimensions, (samples, 2); the same vectors give the same places on one machine.

    UMAP: McInnes, Healy and Melville 2018, arXiv 1802.03426; it begins from the principal components.

    Args:
        vectors: (samples, features).
        method: see `Method`.
    """
    flat = _two_components(vectors)
    if method == "pca" or len(vectors) <= 4:
        return flat
    near = min(projections.NEIGHBOURS, len(vectors) - 1)
    start = 10.0 * (flat - flat.min(0)) / max(float(np.ptp(flat, axis=0).max()), 1e-12)
    with projections.umap_here() as umap:
        made = umap(n_neighbors=near, min_dist=_NEAREST, init=start.astype(np.float32))
        return np.asarray(made.fit_transform(vectors.astype(np.float32)), dtype=np.float64)


def turned_onto(places: FloatArray, other: FloatArray) -> FloatArray:
    """Places turned, and mirrored where that helps, to lie on others of the same samples as nearly as they can.

    A map has no direction of its own. Orthogonal Procrustes (Schönemann 1966); sizes stay.
    """
    one, two = places - places.mean(0), other - other.mean(0)
    left, _, right = np.linalg.svd(one.T @ two)
    return one @ left @ right


def on_the_square(places: FloatArray) -> list[int]:
    """Places as whole numbers from 0 to `SIDE`, x and y by turns, one factor for both; y grows downwards."""
    low, span = places.min(0), max(float(np.ptp(places, axis=0).max()), 1e-12)
    shift = (1.0 - np.ptp(places, axis=0) / span) / 2
    unit = (places - low) / span + shift
    unit[:, 1] = 1.0 - unit[:, 1]
    return np.rint(SIDE * unit).astype(int).reshape(-1).tolist()


def trust(vectors: FloatArray, places: FloatArray) -> float:
    """Trustworthiness of places, at 10 neighbours or as many as there can be, of the first samples."""
    few = vectors[:MOST_TRUSTED]
    near = min(10, (len(few) - 1) // 2)
    return measures.trustworthiness(few, places[:MOST_TRUSTED], neighbours=near)


def _two_components(vectors: FloatArray) -> FloatArray:
    mean, axes = projections.principal(vectors)
    found = (vectors - mean) @ axes[:, :2]
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))
