"""What two networks' embeddings are worth, as one record."""

from __future__ import annotations

from dataclasses import dataclass, field

from deepenough.records.results import PairResult


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedRun:
    """One network of one seed; accuracies, recalls and precisions are shares of the test samples.

    `curves` holds accuracy by projection (`pca`, `random`, `learned`) and judge (`knn`, `probe`), one for each of
    `dimensions`; `enough` the fewest dimensions of `pca` that keep a share (`95`, `99`) of the full accuracy, by judge.
    """

    contender: str
    seed: int
    features: int
    knn: float
    probe: float
    recall: dict[str, float]  # by k
    mean_average_precision: float
    intrinsic_dimension: float  # TwoNN
    dimensions: dict[str, list[int]]  # by projection
    curves: dict[str, dict[str, list[float]]]
    enough: dict[str, dict[str, int | None]]
    trustworthiness: list[float]  # of `pca`, by its dimensions


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingReport:
    """Two networks' embeddings of the same images, run by run, and the gains that are shown.

    `gains` are big minus small in points, by measure (`knn`, `probe`, `recall_at_1`, `average_precision`), each as a
    pair of a verdict; `similarity` is linear CKA, the small network's stages by the big one's, by seed.
    """

    source: str
    weights: str  # in words: of a study, public, or random
    small: str
    big: str
    scale: int
    level: float
    samples: dict[str, int]  # by split
    classes: int
    runs: list[EmbeddedRun]
    gains: dict[str, PairResult]
    stages: list[str]
    similarity: dict[str, list[list[float]]]
    pixels: dict[str, float]  # the same of the bare pixels, 16 px square: `knn`, `recall_at_1`
    margin: float
    notes: list[str] = field(default_factory=list)
