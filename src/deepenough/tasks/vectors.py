"""Embeddings in use: what is said of one picture, and of two. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepenough.tasks.answering import Answers, Arrays, Asked, Decided, Record
from deepenough.tasks.pairs import DIFFERENT, SAME


@dataclass(frozen=True)
class Embedding(Answers):
    """A vector; two pictures are of one identity where the cosine of theirs is above the threshold of validation."""

    outputs = ("embedding",)
    heads = ()
    decides = "decisions on pairs"
    measured = "a number of an embedding"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = [self.kept.get(name) for name in ("dimensions", "identities")]
        if not all(type(value) is int and 0 < value <= 2**24 for value in whole):
            raise ValueError("dimensions and identities must be whole numbers above 0")
        if not isinstance(self.kept.get("threshold"), float):
            raise ValueError("threshold must be a number")

    def columns(self, *, more: bool) -> tuple[str, ...]:
        """The numbers of the vector."""
        del more
        return tuple(f"embedding_{place}" for place in range(self.kept["dimensions"]))

    def record(self, said: Arrays, asked: Asked, *, more: bool = False) -> Record:
        """`embedding`."""
        del asked, more
        return {"embedding": [float(number) for number in said[0]]}

    def rows(self, record: Record) -> list[Record]:
        """One."""
        return [{f"embedding_{place}": number for place, number in enumerate(record["embedding"])}]

    def line(self, record: Record) -> str:
        """How many numbers there are."""
        return f"{len(record['embedding'])} numbers"

    def decided(self, said: Arrays, pairs: np.ndarray | None = None) -> Decided:
        """Of each pair, whether it is of one identity."""
        assert pairs is not None, "an embedding decides on pairs"
        likeness, threshold = cosines(said[0], pairs), self.kept["threshold"]
        return Decided((likeness > threshold).astype(np.int64), np.abs(likeness - threshold))


@dataclass(frozen=True)
class Likeness(Embedding):
    """Whether a picture is of the same identity as another one.

    Args:
        other: what was said of the other.
    """

    heads = ("prediction", "confidence")
    other: Arrays = ()

    def columns(self, *, more: bool) -> tuple[str, ...]:
        """The cosine."""
        del more
        return ("cosine",)

    def record(self, said: Arrays, asked: Asked, *, more: bool = False) -> Record:
        """`prediction` and `confidence` as in a study, `cosine`."""
        del asked
        cosine = float(cosines(np.stack([said[0], self.other[0]]), np.array([[0, 1]]))[0])
        same = cosine > self.kept["threshold"]
        sure = (1.0 + (cosine if same else -cosine)) / 2.0
        found = {
            "prediction": SAME if same else DIFFERENT,
            "confidence": min(1.0, max(0.0, sure)),
            "cosine": cosine,
        }
        return {**found, "embedding": [float(number) for number in said[0]]} if more else found

    def rows(self, record: Record) -> list[Record]:
        """One."""
        return [record]

    def line(self, record: Record) -> str:
        """Same or different."""
        return record["prediction"]


def cosines(vectors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Cosine of the two vectors of each pair of places, float64 (pairs,); 0 where one of them has no length."""
    rows = of_length_one(vectors)
    return np.einsum("pd,pd->p", rows[pairs[:, 0]], rows[pairs[:, 1]]).round(9)


def of_length_one(vectors: np.ndarray) -> np.ndarray:
    """Float64; what has no length stays without."""
    rows = vectors.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
