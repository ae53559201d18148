"""What a network in use says, by its kind: how its arrays are read, held against another's, and told to people.

The half of a task that an exported file needs where there is no torch: `Task.said` makes the arrays, this reads them.
A kind is chosen by the table of tasks (`registry.Entry.answers`) and made from what the file keeps (`Task.kept`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np

from deepenough.data.preprocess import in_picture

SEPARATOR = "|"  # between the labels of a picture
SURE = 0.5  # probability above which a label or a box is said in words
Arrays = Sequence[np.ndarray]  # one for each of `Answers.outputs`
Record = dict[str, Any]  # an answer in plain values that JSON can hold


class Asked(NamedTuple):
    """The picture that was asked about and the square that was cut of it, pixels."""

    width: int
    height: int
    side: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What rounding may turn, of a number of samples.

    Args:
        choices: (samples, ...), whole numbers.
        room: (samples, ...), how far the values are from where the choice would be another.
    """

    choices: np.ndarray
    room: np.ndarray


@dataclass(frozen=True)
class Answers(ABC):
    """One kind of answer.

    Args:
        classes: names in the order of the outputs; empty where a task has none.
        kept: what `Task.kept` gave.

    Attributes:
        outputs: names of the arrays that a file gives; the first axis of each is the picture.
        heads: first columns of a table of answers.
        decides: what `decided` counts, for people.
        measured: what the greatest difference of the first array is of, for people.
        mends: the answer is a picture, and any size may be asked about.
        bound_to_torch: why no other runtime can give them, in a few words; empty where one can.
        least_classes: 0 where the answers name none.
    """

    classes: tuple[str, ...]
    kept: Mapping[str, Any] = field(default_factory=dict)

    outputs: ClassVar[tuple[str, ...]]
    heads: ClassVar[tuple[str, ...]] = ("prediction", "confidence")
    decides: ClassVar[str] = "labels"
    measured: ClassVar[str] = "a probability"
    mends: ClassVar[bool] = False
    bound_to_torch: ClassVar[str] = ""
    least_classes: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if len(self.classes) < self.least_classes or not all(isinstance(name, str) for name in self.classes):
            raise ValueError(f"classes must be {self.least_classes} or more names")

    def columns(self, *, more: bool) -> tuple[str, ...]:
        """Further columns of a table of answers; `more` where everything is asked for."""
        del more
        return ()

    @abstractmethod
    def record(self, said: Arrays, asked: Asked, *, more: bool = False) -> Record:
        """The answer to one picture.

        Args:
            said: of this picture, without the first axis.
            asked: what it is said of.
            more: with everything that was computed.
        """

    def rows(self, record: Record) -> list[Record]:
        """The same as rows of a table, by column: one, or one for each thing that was found."""
        return [record]

    def line(self, record: Record) -> str:
        """The same in a few words."""
        return record["prediction"]

    @abstractmethod
    def decided(self, said: Arrays, pairs: np.ndarray | None = None) -> Decided:
        """What is decided by the arrays of some pictures; `pairs`, (pairs, 2), are places of pictures."""


@dataclass(frozen=True)
class OneOfClasses(Answers):
    """The most probable class."""

    outputs = ("probability", "label")
    least_classes = 2

    def columns(self, *, more: bool) -> tuple[str, ...]:
        """The probability of each class."""
        return tuple(f"prob_{name}" for name in self.classes) if more else ()

    def record(self, said: Arrays, asked: Asked, *, more: bool = False) -> Record:
        """`prediction`, `confidence`, `probabilities`."""
        del asked
        label = int(said[1])
        return {
            "prediction": self.classes[label],
            "confidence": float(said[0][label]),
            **self._probabilities(said, more),
        }

    def rows(self, record: Record) -> list[Record]:
        """One."""
        chances = record.get("probabilities", {})
        return [{**record, **{f"prob_{name}": chance for name, chance in chances.items()}}]

    def decided(self, said: Arrays, pairs: np.ndarray | None = None) -> Decided:
        """The label; the room is what the most probable class has before the second."""
        del pairs
        most, second = np.sort(said[0], axis=1)[:, -2:].T[::-1]
        return Decided(said[1], most - second)

    def _probabilities(self, said: Arrays, more: bool) -> Record:
        return {"probabilities": dict(zip(self.classes, map(float, said[0]), strict=True))} if more else {}


@dataclass(frozen=True)
class LabelsOf(OneOfClasses):
    """Every label of a probability above one half."""

    decides = "sets of labels"
    least_classes = 1

    def record(self, said: Arrays, asked: Asked, *, more: bool = False) -> Record:
        """The same; sure is how probable all the labels together are, each as it was said."""
        del asked
        chances, there = said[0].astype(np.float64), said[1] > 0
        return {
            "prediction": SEPARATOR.join(name for name, has in zip(self.classes, there, strict=True) if has),
            "confidence": float(np.where(there, chances, 1.0 - chances).prod()),
            **self._probabilities(said, more),
        }

    def decided(self, said: Arrays, pairs: np.ndarray | None = None) -> Decided:
        """Whether each label is there."""
        del pairs
        return Decided(said[1], np.abs(said[0] - SURE))


@dataclass(frozen=True)
class Boxes(Answers):
    """Boxes, (boxes, 6) of a square: left, top, right, bottom in its pixels, score, class; -1 where there is none."""

    outputs = ("boxes",)
    decides = "sets of boxes"
    measured = "a place, a score or a class of a box"
    bound_to_torch = "how many boxes are looked at depends on the picture, which torch's exporter refuses"
    least_classes = 1

    def columns(self, *, more: bool) -> tuple[str, ...]:
        """Where it is, in pixels of the picture."""
        del more
        return ("left", "top", "right", "bottom")

    def record(self, said: Arrays, asked: Asked, *, more: bool = False) -> Record:
        """`boxes`, the surest first; those that are not sure only where `more` is asked for."""
        found = said[0][said[0][:, 5] >= 0].astype(np.float64)
        found = found if more else found[found[:, 4] > SURE]
        places = in_picture(found[:, :4], (asked.width, asked.height), asked.side)
        boxes = [
            {
                "prediction": self.classes[int(label)],
                "confidence": float(score),
                **dict(zip(self.columns(more=more), map(float, place), strict=True)),
            }
            for place, (score, label) in zip(places, found[:, 4:], strict=True)
        ]
        return {"boxes": boxes}

    def rows(self, record: Record) -> list[Record]:
        """One a box; an empty one where there is none, so that no picture is missing."""
        return record["boxes"] or [{}]

    def line(self, record: Record) -> str:
        """How many boxes of each class."""
        counts = Counter(box["prediction"] for box in record["boxes"])
        return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing"

    def decided(self, said: Arrays, pairs: np.ndarray | None = None) -> Decided:
        """The class of each box that is sure, in their order."""
        del pairs
        scores = said[0][:, :, 4]
        return Decided(np.where(scores > SURE, said[0][:, :, 5], -1).astype(np.int64), np.abs(scores - SURE))


@dataclass(frozen=True)
class MendedPicture(Answers):
    """What is to be added to a picture in [0, 1], (3, height, width)."""

    outputs = ("added",)
    heads = ("written",)
    decides = "pictures in 8 bits"
    measured = "a pixel, white being 1,"
    mends = True

    def columns(self, *, more: bool) -> tuple[str, ...]:
        """Its size."""
        del more
        return ("width", "height")

    def record(self, said: Arrays, asked: Asked, *, more: bool = False) -> Record:
        """`width` and `height`; where it is written, whoever writes it says."""
        del said, more
        return {"width": asked.width, "height": asked.height}

    def line(self, record: Record) -> str:
        """Where it is."""
        return record["written"]

    def decided(self, said: Arrays, pairs: np.ndarray | None = None) -> Decided:
        """By how many grey levels each pixel is changed; the room to the next, in [0, 1]."""
        del pairs
        levels = said[0].astype(np.float64) * 255.0
        whole = np.rint(levels)
        return Decided(whole.astype(np.int64), (0.5 - np.abs(levels - whole)) / 255.0)
