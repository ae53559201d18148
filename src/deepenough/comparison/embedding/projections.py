"""Fewer dimensions: principal components, a random projection, and one learned from the labels."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from deepenough.stats.distributions import FloatArray

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of the probe, in units of the features' mean square
_WHITENED = 256  # components in which the learned projection looks
_LAID_OUT = 50  # components that UMAP is given
MOST_LAID_OUT = 5000  # training samples that UMAP lays out
UMAP_DIMENSIONS = (2, 8, 32)
NEIGHBOURS = 15  # of a point, that UMAP keeps near; its authors' default

Labelled = tuple[FloatArray, np.ndarray]  # vectors and labels


def principal(train: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mean, and the directions of greatest variance as columns, (features, components), the greatest first."""
    mean = train.mean(0)
    _, values, rows = np.linalg.svd(train - mean, full_matrices=False)
    return mean, rows[values > 1e-10 * max(float(values[0]), 1e-300)].T


def random(features: int, dimensions: int, rng: np.random.Generator) -> FloatArray:
    """Normal directions, (features, dimensions), that keep squared lengths on average (Johnson and Lindenstrauss)."""
    return rng.standard_normal((features, dimensions)) / np.sqrt(dimensions)


def learned(train: FloatArray, labels: np.ndarray, *, shrinkage: float = 0.1) -> tuple[FloatArray, FloatArray]:
    """Fisher's directions: those that part the classes most, against the spread within them.

    Looked for among the first principal components, with the spread within classes shrunk towards its mean, since there
    may be fewer samples than features. At most as many as classes less one.

    Returns:
        The mean, and the directions as columns.
    """
    mean, axes = principal(train)
    axes = axes[:, :_WHITENED]
    scores = (train - mean) @ axes
    known = np.unique(labels)
    centres = np.stack([scores[labels == name].mean(0) for name in known])
    apart = scores - centres[np.searchsorted(known, labels)]
    within = apart.T @ apart / len(scores)
    within = (1.0 - shrinkage) * within + shrinkage * np.trace(within) / len(within) * np.eye(len(within))
    values, vectors = np.linalg.eigh(within)
    white = vectors / np.sqrt(np.maximum(values, 1e-12))
    sizes = np.array([(labels == name).sum() for name in known])
    spread = (centres - (sizes / sizes.sum()) @ centres) @ white * np.sqrt(sizes / sizes.sum())[:, None]
    _, strength, rows = np.linalg.svd(spread, full_matrices=False)
    count = min(len(known) - 1, int((strength > 1e-9).sum()))
    return mean, axes @ white @ rows[: max(count, 1)].T


@contextmanager
def umap_here() -> Iterator[Callable[..., Any]]:
    """Makes UMAP's estimators, the same each time; it warns of what it could do with more, which is left unsaid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it could do with tensorflow, and of sparse neighbourhoods
        from umap import UMAP

        yield partial(UMAP, random_state=0, n_jobs=1)


def before_umap(parts: Mapping[str, FloatArray]) -> dict[str, np.ndarray]:
    """Every split along the first principal components of `train`, float32, as `neighbourhoods` takes them."""
    mean, axes = principal(parts["train"][:MOST_LAID_OUT])
    return {split: ((part - mean) @ axes[:, :_LAID_OUT]).astype(np.float32) for split, part in parts.items()}


def neighbourhoods(flat: Mapping[str, np.ndarray], dimensions: int) -> dict[str, FloatArray]:
    """Every split by UMAP, laid out on `train` alone: the others are placed among its samples.

    McInnes, Healy and Melville 2018, arXiv 1802.03426, at its authors' defaults, from the first principal components;
    the same vectors give the same places on one machine.

    Args:
        flat: of `before_umap`.
        dimensions: of the places.
    """
    first = flat["train"][:MOST_LAID_OUT]
    with umap_here() as umap:
        made = umap(n_components=dimensions, n_neighbors=min(NEIGHBOURS, len(first) - 1)).fit(first)
        return {split: np.asarray(made.transform(part), dtype=np.float64) for split, part in flat.items()}


class Probe:
    """A linear probe by least squares on class indicators with a ridge penalty; the penalty is chosen on validation."""

    def __init__(self, classes: int) -> None:
        self._classes = classes

    def hits(self, train: Labelled, validation: Labelled, test: Labelled) -> FloatArray:
        """Whether each test sample's class is the probe's answer; 0 or 1, (test,)."""
        mean = train[0].mean(0)
        centred, wanted = train[0] - mean, np.eye(self._classes)[train[1]]
        offset = wanted.mean(0)
        values, vectors = np.linalg.eigh(centred.T @ centred)
        turned = vectors.T @ (centred.T @ (wanted - offset))
        unit = max(float(values.clip(0).sum()), 1e-12) / len(values)
        best: tuple[float, FloatArray] | None = None
        for penalty in reversed(PENALTIES):  # of equals the strongest
            weights = vectors @ (turned / (values.clip(0) + penalty * unit)[:, None])
            seen = _right(validation, mean, weights, offset).mean()
            if best is None or seen > best[0]:
                best = float(seen), weights
        assert best is not None
        return _right(test, mean, best[1], offset)


def _right(
    given: tuple[FloatArray, np.ndarray], mean: FloatArray, weights: FloatArray, offset: FloatArray
) -> FloatArray:
    return (((given[0] - mean) @ weights + offset).argmax(1) == given[1]).astype(np.float64)


def dimensions_to_try(full: int) -> list[int]:
    """Powers of two below the full number, and that number.

    >>> dimensions_to_try(12)
    [1, 2, 4, 8, 12]
    """
    return [*(2**power for power in range(full.bit_length()) if 2**power < full), full]


def enough(dimensions: Sequence[int], accuracy: Sequence[float], full: float, share: float) -> int | None:
    """The fewest dimensions from which on accuracy stays at least at a share of the full one; None where none do.

    >>> enough([1, 2, 4, 8], [0.2, 0.9, 0.7, 0.8], 0.8, 0.95)
    8
    """
    found = None
    for dimension, reached in zip(reversed(dimensions), reversed(accuracy), strict=True):
        if reached < share * full - 1e-12:
            break
        found = dimension
    return found
