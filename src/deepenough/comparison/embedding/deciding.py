"""Two networks' embeddings measured run by run, and held against each other by the estimators of every verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepenough.comparison.embedding import measures, projections
from deepenough.comparison.estimating import estimate_gain
from deepenough.records.embedding import EmbeddedRun, EmbeddingReport
from deepenough.records.results import PairResult
from deepenough.stats import decide
from deepenough.stats.distributions import FloatArray

KS = (1, 5, 10)
NEIGHBOURS = 10  # of trustworthiness
MOST_COMPARED = 2000  # test samples of which trustworthiness and the intrinsic dimension are taken
SHARES = ("95", "99")  # per cent of the full accuracy
_SMALL_PICTURE = 16  # px

Split = tuple[FloatArray, np.ndarray]  # vectors and labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """One run's vectors: of the head's input by split (`train`, `val`, `test`), and of every stage on test."""

    contender: str
    seed: int
    heads: Mapping[str, FloatArray]
    stages: Mapping[str, FloatArray]


def decide_embedding(  # noqa: PLR0913  all that the answers depend on
    runs: Sequence[Embedded],
    labels: Mapping[str, np.ndarray],
    squares: Mapping[str, np.ndarray],
    *,
    pair: tuple[str, str],
    scale: int,
    margin: float,
    source: str,
    weights: str,
    clusters: np.ndarray | None = None,
    level: float = 0.95,
    tell: Callable[[str], None] = lambda _text: None,
) -> EmbeddingReport:
    """Measure every run and compare the two networks.

    Args:
        runs: of both networks, the same samples in the same order.
        labels: class index of each sample, by split.
        squares: uint8 (samples, side, side, 3) of `train` and `test`, for the bare pixels' own figures.
        pair: the small network and the big one.
        scale: image side, pixels.
        margin: in points.
        source: of the images.
        weights: of the networks, in words.
        clusters: of the test samples, where they are not independent.
        level: of the intervals.
        tell: told what is being done.
    """
    measured: dict[str, list[tuple[EmbeddedRun, dict[str, FloatArray]]]] = {name: [] for name in pair}
    classes = int(max(part.max() for part in labels.values())) + 1
    for run in runs:
        tell(f"measuring {run.contender}, seed {run.seed}")
        measured[run.contender].append(_measured(run, labels, classes, clusters))
    kinds = ("knn", "probe", "recall_at_1", "average_precision")
    gains = {
        kind: _gain(
            [[scores[kind] for _, scores in measured[name]] for name in pair], pair, scale, margin, clusters, level
        )
        for kind in kinds
    }
    names = list(runs[0].stages)
    shared = sorted(
        {run.seed for run in runs if run.contender == pair[0]} & {run.seed for run in runs if run.contender == pair[1]}
    )
    by_run = {(run.contender, run.seed): run for run in runs}
    return EmbeddingReport(
        source=source,
        weights=weights,
        small=pair[0],
        big=pair[1],
        scale=scale,
        level=level,
        samples={split: len(part) for split, part in labels.items()},
        classes=classes,
        runs=[run for name in pair for run, _ in measured[name]],
        gains=gains,
        stages=names,
        similarity={
            str(seed): [
                [
                    measures.linear_cka(by_run[pair[0], seed].stages[one], by_run[pair[1], seed].stages[other])
                    for other in names
                ]
                for one in names
            ]
            for seed in shared
        },
        pixels=_of_pixels(squares, labels, clusters),
        margin=margin,
    )


def _measured(
    run: Embedded, labels: Mapping[str, np.ndarray], classes: int, clusters: np.ndarray | None
) -> tuple[EmbeddedRun, dict[str, FloatArray]]:
    parts: dict[str, Split] = {split: (run.heads[split], labels[split]) for split in ("train", "val", "test")}
    probe = projections.Probe(classes)
    full = {"knn": _knn(parts), "probe": probe.hits(parts["train"], parts["val"], parts["test"])}
    found, precision = measures.retrieval(*parts["test"], KS, clusters)
    curves, tried, trust = _curves(run, parts, probe)
    few = parts["test"][0][:MOST_COMPARED]
    accuracy = {judge: float(hits.mean()) for judge, hits in full.items()}
    record = EmbeddedRun(
        contender=run.contender,
        seed=run.seed,
        features=parts["train"][0].shape[1],
        knn=accuracy["knn"],
        probe=accuracy["probe"],
        recall={str(k): float(np.nanmean(hits)) for k, hits in found.items()},
        mean_average_precision=float(np.nanmean(precision)),
        intrinsic_dimension=measures.two_nn(few),
        dimensions=tried,
        curves=curves,
        enough={
            judge: {
                share: projections.enough(tried["pca"], curves["pca"][judge], accuracy[judge], int(share) / 100)
                for share in SHARES
            }
            for judge in accuracy
        },
        trustworthiness=trust,
    )
    scores = {**full, "recall_at_1": found[1], "average_precision": precision}
    return record, scores


def _knn(parts: Mapping[str, Split]) -> FloatArray:
    return measures.knn_hits(*parts["train"], *parts["test"])


def _curves(
    run: Embedded, parts: Mapping[str, Split], probe: projections.Probe
) -> tuple[dict[str, dict[str, list[float]]], dict[str, list[int]], list[float]]:
    """Accuracy by projection, judge and dimensions; the dimensions by projection; trustworthiness of `pca`."""
    train, labels = parts["train"]
    rng = np.random.default_rng([run.seed, train.shape[1]])
    mean, axes = projections.principal(train)
    fisher = projections.learned(train, labels)
    tried = {
        "pca": projections.dimensions_to_try(axes.shape[1]),
        "random": projections.dimensions_to_try(min(train.shape[1], 1024)),
        "learned": projections.dimensions_to_try(fisher[1].shape[1]),
    }
    curves: dict[str, dict[str, list[float]]] = {kind: {"knn": [], "probe": []} for kind in tried}
    trust: list[float] = []
    few = parts["test"][0][:MOST_COMPARED]
    for kind, dimensions in tried.items():
        for count in dimensions:
            directions = {
                "pca": lambda count=count: axes[:, :count],
                "random": lambda count=count: projections.random(train.shape[1], count, rng),
                "learned": lambda count=count: fisher[1][:, :count],
            }[kind]()
            seen = {split: ((vectors - mean) @ directions, own) for split, (vectors, own) in parts.items()}
            curves[kind]["knn"].append(float(_knn(seen).mean()))
            curves[kind]["probe"].append(float(probe.hits(seen["train"], seen["val"], seen["test"]).mean()))
            if kind == "pca":
                near = min(NEIGHBOURS, (len(few) - 1) // 2)
                trust.append(measures.trustworthiness(few, seen["test"][0][:MOST_COMPARED], neighbours=near))
    return curves, tried, trust


def _gain(
    scores: Sequence[Sequence[FloatArray]],
    pair: tuple[str, str],
    scale: int,
    margin: float,
    clusters: np.ndarray | None,
    level: float,
) -> PairResult:
    small, big = (np.stack(each) for each in scores)
    known = ~(np.isnan(small).any(0) | np.isnan(big).any(0))
    own = None if clusters is None else clusters[known]
    estimate = estimate_gain(big[:, known], small[:, known], own, level=level).scaled(100.0)
    return PairResult(
        small=pair[0],
        big=pair[1],
        scale=scale,
        answer=decide(estimate.interval, margin).answer,
        difference=estimate.difference,
        interval=estimate.interval,
        p_value=estimate.p_value,
        degrees_of_freedom=estimate.degrees_of_freedom,
        standard_error=estimate.standard_error,
    )


def _of_pixels(
    squares: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray], clusters: np.ndarray | None
) -> dict[str, float]:
    """The same figures of the bare pixels, so that nobody takes an easy set for a good network."""
    small = {split: _shrunk(squares[split]) for split in ("train", "test")}
    hits = measures.knn_hits(small["train"], labels["train"], small["test"], labels["test"])
    found, _ = measures.retrieval(small["test"], labels["test"], (1,), clusters)
    return {"knn": float(hits.mean()), "recall_at_1": float(np.nanmean(found[1]))}


def _shrunk(squares: np.ndarray) -> FloatArray:
    """Means over boxes, as nearly `_SMALL_PICTURE` px square as whole boxes allow, one row a picture."""
    box = max(1, squares.shape[1] // _SMALL_PICTURE)
    side = squares.shape[1] // box
    cut = np.asarray(squares[:, : side * box, : side * box], dtype=np.float32)
    return cut.reshape(len(cut), side, box, side, box, 3).mean(axis=(2, 4)).reshape(len(cut), -1).astype(np.float64)
