"""Detection: where in a picture which objects are; judged by COCO's mean average precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from deepenough.data.objects import objects_in
from deepenough.data.preprocess import in_picture, padded_scale
from deepenough.errors import InputError
from deepenough.records import ANNOTATIONS
from deepenough.stats.detections import Found, Matches, Truth, match
from deepenough.stats.distributions import FloatArray
from deepenough.stats.jackknife import jackknife_scores
from deepenough.tasks.answering import SEPARATOR, SURE
from deepenough.tasks.contract import Given, Metric, Run, Targets, Task, View
from deepenough.tasks.options import number, one_of, refuse_unknown
from deepenough.tasks.placing import Objects, PlacedView
from deepenough.tasks.values import Box, Exhibit, Seen

if TYPE_CHECKING:
    from deepenough.data.augment import Augmentation

MOST = 100  # boxes of a picture, as COCO counts them


@dataclass(frozen=True, slots=True)
class Measure:
    """A mean of average precisions.

    Args:
        title: for people.
        size: of the objects that count, a key of `stats.detections.SIZES`.
        overlaps: which of `stats.detections.OVERLAPS` are averaged, the first and the one after the last.
    """

    title: str
    size: str = "all"
    overlaps: tuple[int, int] = (0, 10)


MEASURES: dict[str, Measure] = {
    "map": Measure("mAP"),
    "ap50": Measure("AP50", overlaps=(0, 1)),
    "ap75": Measure("AP75", overlaps=(5, 6)),
    "small": Measure("mAP of small objects", size="small"),
    "medium": Measure("mAP of medium objects", size="medium"),
    "large": Measure("mAP of large objects", size="large"),
}
DETECTORS = ("retinanet", "fasterrcnn")
_OPTIONS = ("detector", "metric", "channels", "anchor")


@dataclass(frozen=True)
class Detection(Task):
    """The task of finding every object of `classes` with its box.

    The metric is the mean over classes and overlaps of COCO's average precision. Classes that fewer than two pictures
    of a split show have no error and are left out of its mean, of all networks alike.

    Args:
        classes: the names, in the order of the class numbers.
        detector: one of `DETECTORS`.
        measure: a key of `MEASURES`.
        channels: of the pyramid.
        anchor: side of the smallest anchor in strides; None for what the detector was made with.
        only: the one class that is judged; None for all.
        further: what `also` judges by, a measure and a class each.
    """

    classes: tuple[str, ...]
    detector: str = "retinanet"
    measure: str = "map"
    channels: int = 256
    anchor: float | None = None
    only: str | None = None
    further: tuple[tuple[str, str | None], ...] = ()

    name = "detection"
    fit = "pad"

    @classmethod
    def of(cls, given: Given) -> Detection:
        """The task of the source's classes; val and test each show one class in two pictures at least."""
        refuse_unknown(cls.name, given.options, _OPTIONS)
        if ANNOTATIONS not in given.samples.columns:
            raise InputError("source", f"pictures with boxes (a column {ANNOTATIONS})", "none", "see docs/tasks.md")
        task = cls(
            given.classes,
            one_of(given.options, "detector", DETECTORS[0], DETECTORS),
            one_of(given.options, "metric", "map", tuple(MEASURES)),
            _whole(number(given.options, "channels", 256, above=7, below=1025)),
            number(given.options, "anchor", 4, above=0, below=65) if "anchor" in given.options else None,
        )
        objects = [task.targets(given.samples.filter(pl.col("split") == split)) for split in ("val", "test")]
        for split, there in zip(("val", "test"), objects, strict=True):
            if not task._judges(there):
                expected = f"a class that counts in two pictures of {split}, for {task.metric.name}"
                raise InputError(f"source, split {split}", expected, "none", "add pictures to it")
        asked = [(measure, None) for measure in MEASURES if measure != task.measure]
        asked += [("ap50", name) for name in task.classes]
        forms = [(replace(task, measure=measure, only=only), (measure, only)) for measure, only in asked]
        return replace(task, further=tuple(said for form, said in forms if all(map(form._judges, objects))))

    def kept(self, reference: Run | None) -> Mapping[str, Any]:
        """The detector's form."""
        del reference
        return {"detector": self.detector, "channels": self.channels, "anchor": self.anchor}

    @classmethod
    def again(cls, classes: tuple[str, ...], kept: Mapping[str, Any]) -> Detection:
        """By mAP, since nothing is judged."""
        detector, channels, anchor = kept["detector"], kept["channels"], kept["anchor"]
        if detector not in DETECTORS or type(channels) is not int or not 7 < channels < 1025:
            raise ValueError("a detector and its channels")
        return cls(classes, detector, channels=channels, anchor=None if anchor is None else float(anchor))

    @property
    def metric(self) -> Metric:
        """A mean average precision."""
        title = MEASURES[self.measure].title + (f" of {self.only}" if self.only is not None else "")
        return Metric(name=title, unit="points", multiplier=100.0, lowest=0.0, highest=1.0, alone=False)

    @property
    def row(self) -> np.dtype:
        """The boxes of a picture in its own pixels, their scores and class numbers; -1 where there is no box."""
        return np.dtype([("boxes", "<f4", (MOST, 4)), ("scores", "<f4", (MOST,)), ("labels", "<i2", (MOST,))])

    @property
    def outputs(self) -> int:
        """Of a head that is not used."""
        return 1

    def targets(self, samples: pl.DataFrame) -> list[Objects]:
        """The objects of each picture, in its own pixels."""
        numbers = {name: index for index, name in enumerate(self.classes)}
        rows = samples.select(ANNOTATIONS, "width", "height").iter_rows()
        return [Objects.of(objects_in(text), (width, height), numbers) for text, width, height in rows]

    # --- training -----------------------------------------------------------------------------------------------------

    def assemble(self, backbone: nn.Module) -> nn.Module:
        """A detector on the backbone."""
        from deepenough.tasks import detectors  # torchvision's take a second to import, which a refusal need not wait

        kind, usual = detectors.DETECTORS[self.detector]
        return kind(backbone, len(self.classes), channels=self.channels, anchor=self.anchor or usual)  # pyright: ignore[reportArgumentType]

    def view(self, augmentation: Augmentation, side: int) -> View:
        """See `PlacedView`."""
        return PlacedView(augmentation, side)

    def collate(self, targets: Sequence[Objects]) -> list[dict[str, Tensor]]:
        """Boxes and labels of each picture."""
        return [target.as_target() for target in targets]

    def example(self, images: Tensor) -> list[dict[str, Tensor]]:
        """A box in the middle of each picture, of the classes in turn."""
        side = float(images.shape[-1])
        box = torch.tensor([[0.25 * side, 0.25 * side, 0.75 * side, 0.75 * side]])
        return [{"boxes": box, "labels": torch.tensor([i % len(self.classes)])} for i in range(len(images))]

    def forward(self, network: nn.Module, images: Tensor, targets: Any) -> Mapping[str, Tensor]:  # noqa: ANN401
        """The parts of the loss."""
        return network.losses(images, targets)  # pyright: ignore[reportCallIssue]

    def loss(self, outputs: Mapping[str, Tensor], targets: Any, smoothing: float = 0.0) -> Tensor:  # noqa: ANN401
        """Their sum; targets are not smoothed, as in the papers."""
        del targets, smoothing
        return torch.stack([part.float() for part in outputs.values()]).sum()

    # --- test ---------------------------------------------------------------------------------------------------------

    def outcomes(self, outputs: Tensor, targets: Targets, squares: np.ndarray) -> np.ndarray:
        """The boxes in the picture's own pixels; none where an output is not finite."""
        rows = np.zeros(len(outputs), self.row)
        said = outputs.float().numpy()
        sound = np.logical_and.reduce(np.isfinite(said), axis=2)
        rows["scores"] = np.where(sound, said[:, :, 4], 0.0).clip(0.0, 1.0)
        rows["labels"] = np.where(sound, np.nan_to_num(said[:, :, 5]), -1.0)
        for row, boxes, objects, whole in zip(rows, said[:, :, :4], targets, sound, strict=True):
            row["boxes"][whole] = in_picture(boxes[whole].astype(np.float64), objects.size, squares.shape[1])
        return rows

    def judged(self, run: Run, reference: Run | None = None) -> pl.DataFrame:
        """One influence value a picture, by leaving it out; said are the classes of the boxes above `SURE`.

        Raises:
            InputError: no class counts in two pictures.
        """
        del reference
        measure = MEASURES[self.measure]
        matches = self._matches_of(run)
        if not matches:
            raise InputError("pictures", f"a class that counts in two of them, for {self.metric.name}", "none")

        def metric(_run: int, weights: FloatArray) -> FloatArray:
            return _mean(matches, weights, measure)

        scores, labels = run.rows["scores"], run.rows["labels"]
        said = [own[sure > SURE] for own, sure in zip(labels, scores, strict=True)]
        return pl.DataFrame(
            {
                "target": [self._named(one.labels) for one in run.targets],
                "prediction": [self._named(own) for own in said],
                "score": jackknife_scores(metric, 1, len(run.rows))[0],
                "confidence": scores.max(axis=1, initial=0.0).astype(np.float64),
            }
        )

    def exhibits(self, seen: Seen, place: int) -> tuple[Exhibit, ...]:
        """The picture with the true boxes, crowds left out, and those of each network above `SURE`."""
        objects = seen.targets[place]
        objects = objects.chosen(~objects.crowd)
        if len(objects.labels) > MOST:  # nobody could tell them apart
            return ()
        width, height = objects.size
        factor = padded_scale(height, width, seen.squares.shape[1])
        pixels = seen.squares[place, : max(1, round(height * factor)), : max(1, round(width * factor))]
        true = self._drawn(objects.boxes * factor, objects.labels)
        found = {name: seen.run(name).rows[place] for name in seen.contenders}
        sure = {name: row["scores"] > SURE for name, row in found.items()}
        return tuple(
            Exhibit(
                what="found",
                contender=name,
                pixels=pixels,
                threshold=SURE,
                boxes=(*true, *self._drawn(row["boxes"][kept] * factor, row["labels"][kept], row["scores"][kept])),
            )
            for (name, row), kept in zip(found.items(), sure.values(), strict=True)
        )

    def _drawn(self, boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray | None = None) -> tuple[Box, ...]:
        said = [None] * len(labels) if scores is None else scores.astype(np.float64).tolist()
        named = zip(boxes.astype(np.float64).tolist(), labels, said, strict=True)
        return tuple(Box((box[0], box[1], box[2], box[3]), self.classes[label], score) for box, label, score in named)

    def also(self) -> tuple[Detection, ...]:
        """The same by every other measure that can be judged, and AP50 of each class alone."""
        return tuple(replace(self, measure=measure, only=only) for measure, only in self.further)

    def decisions(self, outputs: Tensor) -> Tensor:
        """How many boxes of each class are above `SURE`, (batch, classes)."""
        sure = outputs[:, :, 4] > SURE
        labels = torch.arange(len(self.classes), device=outputs.device)
        return ((outputs[:, :, 5, None] == labels) & sure[:, :, None]).sum(dim=1)

    def _named(self, labels: np.ndarray) -> str:
        return SEPARATOR.join(sorted({self.classes[label] for label in labels}))

    def _matches(self, found: Sequence[Found], targets: Targets) -> list[Matches]:
        """The matches of the classes that are judged."""
        truth, size = truth_of(targets), MEASURES[self.measure].size
        numbers = range(len(self.classes)) if self.only is None else [self.classes.index(self.only)]
        made = (match(found, truth, label, size) for label in numbers)
        return [one for one in made if one.judged]

    def _matches_of(self, run: Run) -> list[Matches]:
        return self._matches(found_in(run.rows), run.targets)

    def _judges(self, targets: Targets) -> bool:
        """Whether there is a class to judge by the measure."""
        nothing = Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
        return bool(self._matches([nothing] * len(targets), targets))


def _whole(channels: float) -> int:
    if channels % 1:
        raise InputError("task_options: channels", "a whole number", f"{channels:g}")
    return int(channels)


def _mean(matches: Sequence[Matches], weights: FloatArray, measure: Measure) -> FloatArray:
    """The mean over classes and a measure's overlaps under each resample's weights."""
    return np.mean([one.precision(weights)[:, slice(*measure.overlaps)] for one in matches], axis=(0, 2))


def found_in(rows: np.ndarray) -> list[Found]:
    """The boxes of each picture, from rows of `Detection.row`."""
    there = rows["labels"] >= 0
    parts = zip(rows["boxes"], rows["scores"], rows["labels"], there, strict=True)
    return [Found(boxes[kept], scores[kept], labels[kept]) for boxes, scores, labels, kept in parts]


def truth_of(targets: Targets) -> list[Truth]:
    """The objects of each picture as they are counted."""
    return [Truth(one.boxes, one.labels, one.areas, one.crowd, one.crowd | one.ignored) for one in targets]
