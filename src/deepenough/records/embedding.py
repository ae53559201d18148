"""What two networks' embeddings are worth, as one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deepenough.errors import RecordError
from deepenough.records.known import known_to
from deepenough.records.results import PairResult


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedRun:
    """One network of one seed; accuracies, recalls and precisions are shares of the test samples.

    `knn` and `probe` are None where the classes of the test are none of those of training. `curves` holds what is
    reached by projection (`pca`, `random`, `learned`, and `umap` where it was asked for) and judge
    (`EmbeddingReport.judges`), one for each of `dimensions`; `enough` the fewest dimensions of `pca` that keep a share
    (`95`, `99`) of the full figure, by judge.
    """

    contender: str
    seed: int
    features: int
    knn: float | None
    probe: float | None
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
    judges: list[str] = field(default_factory=lambda: ["knn", "probe"])  # of fewer dimensions; or `recall_at_1`
    new_classes: bool = False  # those of the test are none of those of training, as identities are


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMap:
    """Test pictures in two dimensions by both networks of one seed; lists have one entry a picture, in one order.

    `places` holds x and y by turns, from 0 to 1000, y downwards; `trust` the trustworthiness of each map, `plain` that
    of the first two principal components. Classes stand as places in `classes`; -1 where there is none. `tile` is the
    side in pixels of a small copy in `map.jpg`, which has `columns` of them a row; 0 where there is no such file.
    """

    small: str
    big: str
    scale: int
    seed: int
    method: str  # umap or pca
    pictures: int  # in the test split; the first of them are on the map
    classes: list[str]
    labels: list[int]
    answers: dict[str, list[int]]  # by contender
    places: dict[str, list[int]]
    trust: dict[str, float]
    plain: dict[str, float]
    tile: int = 0
    columns: int = 0


def map_from_json(plain: Mapping[str, Any]) -> PictureMap:
    """The inverse of `to_json`; unknown keys, which a later version may add, are ignored.

    Raises:
        RecordError: it has another form.
    """
    remedy = "run `deepenough embed FOLDER`"
    try:
        found = PictureMap(**known_to(PictureMap, plain))
        pair, count = (found.small, found.big), len(found.labels)
        lists = [found.labels, *(found.answers[name] for name in pair)]
        known = all(len(each) == count and all(-1 <= code < len(found.classes) for code in each) for each in lists)
        placed = [found.places[name] for name in pair]
        whole = all(len(each) == 2 * count and set(map(type, each)) <= {int} for each in placed)
        numbers = [float(each[name]) for each in (found.trust, found.plain) for name in pair]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordError("map.json", "a map of pictures", f"another form ({error})", remedy) from error
    if not (known and whole and all(0.0 <= number <= 1.0 for number in numbers)):
        raise RecordError("map.json", "a map of pictures", "lists that do not fit each other", remedy)
    return found
