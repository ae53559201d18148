"""Verification: do two pictures show the same identity, of identities that no network has seen in training?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from deepenough.errors import InputError
from deepenough.records import SAMPLES
from deepenough.tasks.contract import Given, Metric, Run, Targets, Task
from deepenough.tasks.embedder import Embedder
from deepenough.tasks.margins import ARCFACE, MarginLoss
from deepenough.tasks.options import one_of, refuse_unknown, whole_number
from deepenough.tasks.pairs import DIFFERENT, PLACES, SAME, pairs_of
from deepenough.tasks.values import Exhibit, Seen
from deepenough.tasks.vectors import cosines, of_length_one
from deepenough.tasks.verifying import MEASURES, Measure, threshold_of

FEWEST_PEOPLE = 3  # of a split that is judged: of fewer the error is not known
MOST_PAIRS = 20_000
GREY = 16  # side of the small grey copy whose cosine is the baseline
_PLACE = "place"  # of a picture in its split
_BLOCK = 4096  # pictures whose likeness to all others is had at once
_OPTIONS = ("metric", "far", "loss", "angular_margin", "sharpness", "dimensions", "pairs", "most_pairs")


@dataclass(frozen=True)
class Verification(Task):
    """The task of telling whether two pictures show the same identity.

    Args:
        people: all identities, those that are trained on first.
        trained: how many of them are.
        measure: what the pairs are judged by.
        margin_loss: how the embedding is taught.
        dimensions: of the embedding.
        protocol: ask about the pairs that the source declares, where it does.
        most_pairs: of a split where it does not.
        impostors: pairs of two people in test, which say down to which false accept rate it can be told.
    """

    people: tuple[str, ...]
    trained: int
    measure: Measure = MEASURES[0]
    margin_loss: MarginLoss = ARCFACE
    dimensions: int = 128
    protocol: bool = True
    most_pairs: int = MOST_PAIRS
    impostors: int = 0

    name = "verification"
    sample = "pair"
    one_class = True  # same or different
    averages = True

    @classmethod
    def of(cls, given: Given) -> Verification:
        """The task of the source's identities; of three at least in val and in test, with pairs of both kinds."""
        options = given.options
        refuse_unknown(cls.name, options, _OPTIONS)
        in_training = set(given.samples.filter(pl.col("split") == "train")["target"])
        task = cls(
            people=tuple(sorted(given.classes, key=lambda name: (name not in in_training, name))),
            trained=len(in_training),
            measure=Measure.of(options),
            margin_loss=MarginLoss.of(options),
            dimensions=whole_number(options, "dimensions", 128, least=2, most=4096),
            protocol=one_of(options, "pairs", "protocol", ("protocol", "all")) == "protocol",
            most_pairs=whole_number(options, "most_pairs", MOST_PAIRS, least=100, most=10_000_000),
        )
        if task.trained < 2:
            raise InputError("source, split train", "at least two identities", str(task.trained), "add people to it")
        different = {
            split: task._require_pairs(split, given.samples.filter(pl.col("split") == split))
            for split in ("val", "test")
        }
        for split, impostors in different.items():
            task.measure.require(split, impostors)
        return replace(task, impostors=different["test"])

    @classmethod
    def again(cls, classes: tuple[str, ...], kept: Mapping[str, Any]) -> Verification:
        """Without the identities: a file that is given away need not name the people it was taught by."""
        del classes
        return cls((), kept["identities"], dimensions=kept["dimensions"])

    @property
    def metric(self) -> Metric:
        """AUC, unless another was asked for."""
        return self.measure.metric

    @property
    def row(self) -> np.dtype:
        """The embedding."""
        return np.dtype([("embedding", "<f4", (self.dimensions,))])

    @property
    def outputs(self) -> int:
        """The backbone's own linear head gives the embedding."""
        return self.dimensions

    def targets(self, samples: pl.DataFrame) -> np.ndarray:
        """The number of each picture's identity, int64 (pictures,)."""
        numbers = {name: index for index, name in enumerate(self.people)}
        return samples["target"].replace_strict(numbers, return_dtype=pl.Int64).to_numpy(writable=True)

    def units(self, samples: pl.DataFrame) -> pl.DataFrame:
        """The pairs of the pictures."""
        return pairs_of(samples, protocol=self.protocol, most=self.most_pairs)

    def assemble(self, backbone: nn.Module) -> Embedder:
        """The backbone with a norm on its output and a centre for each identity that is trained on."""
        return Embedder(backbone, self.dimensions, self.trained)

    def vectors(self, network: nn.Module, seen: Tensor) -> Tensor:
        """The embedding itself."""
        whole: Any = network
        return whole.placed(whole.backbone.fc(seen))

    def example(self, images: Tensor) -> Tensor:
        """The identities in turn."""
        return torch.arange(len(images)) % self.trained

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """See `MarginLoss`."""
        return self.margin_loss(outputs, targets, smoothing)

    def hits(self, outputs: Tensor, targets: Tensor) -> int:
        """Whose nearest centre is the right one."""
        return int((outputs.detach().argmax(1) == targets).sum())

    def outcomes(self, outputs: Tensor, targets: Targets, squares: np.ndarray) -> np.ndarray:
        """The embedding, all zero where it is not finite."""
        del targets, squares
        rows = np.zeros(len(outputs), self.row)
        finite = outputs.isfinite().all(dim=1).numpy()
        rows["embedding"][finite] = outputs.float().numpy()[finite]
        return rows

    def judged(self, run: Run, reference: Run | None = None) -> pl.DataFrame:
        """One value a pair; predicted as same above the threshold that is best on validation."""
        similarity, genuine = compared(run)
        chosen_on = (similarity, genuine) if reference is None else compared(reference)
        threshold = threshold_of(*chosen_on)
        words = pl.Series([DIFFERENT, SAME], dtype=pl.String)
        return pl.DataFrame(
            {
                "target": words.gather(genuine.astype(np.int64)),
                "prediction": words.gather((similarity > threshold).astype(np.int64)),
                "score": self.measure.scores(similarity, genuine, None if reference is None else threshold),
                "confidence": np.clip((1.0 + np.where(similarity > threshold, 1.0, -1.0) * similarity) / 2.0, 0.0, 1.0),
            }
        )

    def exhibits(self, seen: Seen, place: int) -> tuple[Exhibit, ...]:
        """Both pictures of a pair, and how like they are to each network beside its threshold of validation."""
        runs = {name: seen.run(name) for name in seen.contenders}
        units = runs[seen.contenders[0]].units
        assert units is not None
        pair = units[PLACES][place].to_numpy()
        similarities = (
            Exhibit(
                what="similarity",
                contender=name,
                value=float(cosines(run.rows["embedding"][pair], np.array([[0, 1]]))[0]),
                threshold=float(threshold_of(*compared(seen.reference(name)))),
            )
            for name, run in runs.items()
        )
        pictures = (Exhibit(what="one of the pair", pixels=np.asarray(seen.squares[number])) for number in pair)
        return (*pictures, *similarities)

    def also(self) -> tuple[Task, ...]:
        """The other metrics that so many pairs can tell, and rank-1 identification."""
        others = [each for each in MEASURES if each != self.measure and each.told_by(self.impostors)]
        return (*(replace(self, measure=each) for each in others), Identification.beside(self))

    def baselines(self, squares: np.ndarray, targets: Targets, sample_ids: Sequence[str]) -> Mapping[str, np.ndarray]:
        """The grey values of a small copy as an embedding: easy sets let them tell people apart."""
        del targets, sample_ids
        rows = np.zeros(len(squares), np.dtype([("embedding", "<f4", (GREY * GREY,))]))
        rows["embedding"] = grey_copies(squares)
        return {"raw pixels": rows}

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Embeddings, which are averaged as they are."""
        return outputs.float()

    def from_probabilities(self, mean: Tensor) -> Tensor:
        """The mean embedding; its length plays no part."""
        return mean

    def kept(self, reference: Run | None) -> Mapping[str, Any]:
        """The threshold that is best on validation, above which a cosine says that two pictures are of one identity."""
        assert reference is not None, "embeddings of validation are kept"
        threshold = threshold_of(*compared(reference))
        return {"dimensions": self.dimensions, "identities": self.trained, "threshold": threshold}

    def said(self, outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The embedding, the mean over the sides."""
        return (torch.stack([each.float() for each in outputs]).mean(dim=0) if len(outputs) > 1 else outputs[0],)

    def _require_pairs(self, split: str, pictures: pl.DataFrame) -> int:
        """How many pairs of two people there are."""
        people, where = pictures["target"].n_unique(), f"source, split {split}"
        if people < FEWEST_PEOPLE:
            raise InputError(
                where, f"at least {FEWEST_PEOPLE} identities", str(people), "add people, or declare splits"
            )
        pairs = self.units(pictures)
        counts = {kind: int((pairs["target"] == kind).sum()) for kind in (SAME, DIFFERENT)}
        if min(counts.values()) < 2:
            got = " and ".join(f"{count} {kind}" for kind, count in counts.items())
            raise InputError(where, "at least two pairs of one identity and of two", got, "add pictures of each person")
        return counts[DIFFERENT]


@dataclass(frozen=True)
class Identification(Verification):
    """Whose the nearest other picture is: each tested picture asks all others of its split, of people never trained on.

    Rank-1 identification, leaving one out; a picture whose person has no other one asks nothing.
    """

    name = "identification"
    sample = "image"

    @classmethod
    def beside(cls, task: Verification) -> Identification:
        """On the same people and rows."""
        return cls(**{each.name: getattr(task, each.name) for each in fields(task)})

    @property
    def metric(self) -> Metric:
        """The share of pictures whose nearest is of the same person."""
        return Metric(name="rank-1", unit="points", multiplier=100.0, lowest=0.0, highest=1.0, alone=False)

    def units(self, samples: pl.DataFrame) -> pl.DataFrame:
        """The pictures that have another of their person, clustered by person."""
        numbered = samples.select(list(SAMPLES)).with_row_index(_PLACE).with_columns(group=pl.col("target"))
        return numbered.filter(pl.len().over("target") > 1)

    def judged(self, run: Run, reference: Run | None = None) -> pl.DataFrame:
        """One row an asking picture; the confidence is the cosine to its nearest, from 0 to 1."""
        del reference
        assert run.units is not None
        people, asking = np.asarray(run.targets), run.units[_PLACE].to_numpy()
        nearest, cosine = nearest_of(run.rows["embedding"], asking)
        return pl.DataFrame(
            {
                "target": run.units["target"],
                "prediction": [self.people[number] for number in people[nearest]],
                "score": (people[nearest] == people[asking]).astype(np.float64),
                "confidence": np.clip((1.0 + cosine) / 2.0, 0.0, 1.0),
            }
        )


def nearest_of(vectors: np.ndarray, asking: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place of each asking picture's nearest other by cosine, of equals the first, and that cosine."""
    rows = of_length_one(vectors)
    nearest, cosine = np.empty(len(asking), np.int64), np.empty(len(asking))
    for first in range(0, len(asking), _BLOCK):
        places = asking[first : first + _BLOCK]
        likeness = (rows[places] @ rows.T).round(9)
        likeness[np.arange(len(places)), places] = -np.inf
        nearest[first : first + _BLOCK] = likeness.argmax(axis=1)
        cosine[first : first + _BLOCK] = likeness.max(axis=1)
    return nearest, cosine


def compared(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Cosine of each pair's embeddings, and whether both are of one identity; (pairs,) each."""
    assert run.units is not None
    places, people = run.units[PLACES].to_numpy(), np.asarray(run.targets)
    return cosines(run.rows["embedding"], places), people[places[:, 0]] == people[places[:, 1]]


def grey_copies(squares: np.ndarray) -> np.ndarray:
    """Means over the areas of a small grid, uint8 (pictures, GREY * GREY), of squares (pictures, side, side, 3)."""
    grey = torch.from_numpy(np.array(squares, dtype=np.uint8)).float().mean(dim=3)[:, None]
    small = torch.nn.functional.interpolate(grey, (GREY, GREY), mode="area")
    return small.flatten(1).round().to(torch.uint8).numpy()
