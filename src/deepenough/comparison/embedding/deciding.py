"""Two networks' embeddings measured run by run, and held against each other by the estimators of every verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepenough.comparison.embedding import measures, projections
from deepenough.comparison.estimating import as_pair, estimate_gain
from deepenough.records.embedding import EmbeddedRun, EmbeddingReport
from deepenough.records.results import PairResult
from deepenough.stats.distributions import FloatArray

KS = (1, 5, 10)
NEIGHBOURS = 10  # of trustworthiness
MOST_COMPARED = 2000  # test samples of which trustworthiness and the intrinsic dimension are taken
SHARES = ("95", "99")  # per cent of the full accuracy
_SMALL_PICTURE = 16  # px

Split = tuple[FloatArray, np.ndarray]  # vectors and labels
_View = Callable[[int], dict[str, FloatArray]]  # every split's vectors in so many dimensions
_Judge = Callable[[Mapping[str, Split]], FloatArray]  # the score of each test sample


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
    new_classes: bool = False,
    umap: bool = False,
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
        new_classes: the test's are none of training's, so nothing that is learned of those can tell them: neighbours
            among training samples and the probe are left out, fewer dimensions are judged by recall@1, and the clusters
            are those classes, within which samples find each other.
        umap: judge UMAP's places as well, which takes minutes.
        level: of the intervals.
        tell: told what is being done.
    """
    asked = _Asked(labels, clusters, new_classes, umap)
    measured: dict[str, list[tuple[EmbeddedRun, dict[str, FloatArray]]]] = {name: [] for name in pair}
    for run in runs:
        tell(f"measuring {run.contender}, seed {run.seed}")
        measured[run.contender].append(asked.measured(run))
    gains = {
        kind: _gain(
            [[scores[kind] for _, scores in measured[name]] for name in pair], pair, scale, margin, clusters, level
        )
        for kind in measured[pair[0]][0][1]
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
        classes=asked.classes,
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
        pixels=asked.pixels(squares),
        margin=margin,
        judges=list(asked.judges),
        new_classes=new_classes,
    )


class _Asked:
    """What every run is asked, and by what fewer dimensions are judged."""

    def __init__(
        self, labels: Mapping[str, np.ndarray], clusters: np.ndarray | None, new_classes: bool, umap: bool
    ) -> None:
        self.labels, self.umap = labels, umap
        self.classes = int(max(part.max() for part in labels.values())) + 1
        self.left_out = None if new_classes else clusters  # of retrieval: those of one's own cluster
        probe = projections.Probe(self.classes)
        by_training: dict[str, _Judge] = {
            "knn": lambda parts: measures.knn_hits(*parts["train"], *parts["test"]),
            "probe": lambda parts: probe.hits(parts["train"], parts["val"], parts["test"]),
        }
        by_test: dict[str, _Judge] = {"recall_at_1": lambda parts: measures.first_hits(*parts["test"], self.left_out)}
        self.judges: dict[str, _Judge] = by_test if new_classes else by_training

    def measured(self, run: Embedded) -> tuple[EmbeddedRun, dict[str, FloatArray]]:
        """The run's record, and the score of each test sample by measure; NaN where it is not asked."""
        parts: dict[str, Split] = {split: (run.heads[split], self.labels[split]) for split in ("train", "val", "test")}
        found, precision = measures.retrieval(*parts["test"], KS, self.left_out)
        scores = {name: judge(parts) for name, judge in self.judges.items()}
        scores |= {"recall_at_1": found[1], "average_precision": precision}
        curves, tried, trust = self._curves(run, parts)
        reached = {name: float(np.nanmean(values)) for name, values in scores.items()}
        record = EmbeddedRun(
            contender=run.contender,
            seed=run.seed,
            features=parts["train"][0].shape[1],
            knn=reached.get("knn"),
            probe=reached.get("probe"),
            recall={str(k): float(np.nanmean(hits)) for k, hits in found.items()},
            mean_average_precision=reached["average_precision"],
            intrinsic_dimension=measures.two_nn(parts["test"][0][:MOST_COMPARED]),
            dimensions=tried,
            curves=curves,
            enough={
                judge: {
                    share: projections.enough(tried["pca"], curves["pca"][judge], reached[judge], int(share) / 100)
                    for share in SHARES
                }
                for judge in self.judges
            },
            trustworthiness=trust,
        )
        return record, scores

    def _curves(
        self, run: Embedded, parts: Mapping[str, Split]
    ) -> tuple[dict[str, dict[str, list[float]]], dict[str, list[int]], list[float]]:
        """What is reached by projection, judge and dimensions; dimensions by projection; trustworthiness of `pca`."""
        views = self._views(run, {split: vectors for split, (vectors, _) in parts.items()})
        tried = {kind: dimensions for kind, (dimensions, _) in views.items()}
        curves: dict[str, dict[str, list[float]]] = {kind: {judge: [] for judge in self.judges} for kind in tried}
        trust: list[float] = []
        few = parts["test"][0][:MOST_COMPARED]
        for kind, (dimensions, view) in views.items():
            for count in dimensions:
                seen = {split: (vectors, parts[split][1]) for split, vectors in view(count).items()}
                for name, judge in self.judges.items():
                    curves[kind][name].append(float(np.nanmean(judge(seen))))
                if kind == "pca":
                    near = min(NEIGHBOURS, (len(few) - 1) // 2)
                    trust.append(measures.trustworthiness(few, seen["test"][0][:MOST_COMPARED], neighbours=near))
        return curves, tried, trust

    def _views(self, run: Embedded, parts: Mapping[str, FloatArray]) -> dict[str, tuple[list[int], _View]]:
        """By projection the dimensions to try, and every split's vectors in so many of them."""
        train = parts["train"]
        rng = np.random.default_rng([run.seed, train.shape[1]])
        mean, axes = projections.principal(train)
        fisher = projections.learned(train, self.labels["train"])

        def along(directions: Callable[[int], FloatArray]) -> _View:
            def view(count: int) -> dict[str, FloatArray]:
                chosen = directions(count)
                return {split: (vectors - mean) @ chosen for split, vectors in parts.items()}

            return view

        to_try = projections.dimensions_to_try
        views = {
            "pca": (to_try(axes.shape[1]), along(lambda count: axes[:, :count])),
            "random": (
                to_try(min(train.shape[1], 1024)),
                along(lambda count: projections.random(train.shape[1], count, rng)),
            ),
            "learned": (to_try(fisher[1].shape[1]), along(lambda count: fisher[1][:, :count])),
        }
        if self.umap:
            fewer = [count for count in projections.UMAP_DIMENSIONS if count < min(train.shape)]
            flat = projections.before_umap(parts)
            views["umap"] = (fewer, lambda count: projections.neighbourhoods(flat, count))
        return views

    def pixels(self, squares: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Figures of the bare pixels, so that nobody takes an easy set for a good network."""
        small = {split: (_shrunk(squares[split]), self.labels[split]) for split in ("train", "test")}
        found = {"recall_at_1": float(np.nanmean(measures.first_hits(*small["test"], self.left_out)))}
        return {"knn": float(self.judges["knn"](small).mean()), **found} if "knn" in self.judges else found


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
    return as_pair(estimate, *pair, scale, margin)


def _shrunk(squares: np.ndarray) -> FloatArray:
    """Means over boxes, as nearly `_SMALL_PICTURE` px square as whole boxes allow, one row a picture."""
    box = max(1, squares.shape[1] // _SMALL_PICTURE)
    side = squares.shape[1] // box
    cut = np.asarray(squares[:, : side * box, : side * box], dtype=np.float32)
    return cut.reshape(len(cut), side, box, side, box, 3).mean(axis=(2, 4)).reshape(len(cut), -1).astype(np.float64)
