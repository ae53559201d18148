"""Outcomes of a test as they come, and as tables of scores in their declared order.

They come chunk by chunk, and a table is ordered by scale: between the two they lie in a file, a record a sample, so
that memory does not grow with the samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import IO

import numpy as np
import polars as pl

from deepenough.records import SCORES
from deepenough.tasks.contract import Scores

BLOCK = 8192  # rows of a table that are made at once
_ROW = np.dtype([("prediction", "<i4"), ("score", "<f8"), ("confidence", "<f8")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The samples that networks are tested on.

    Args:
        sample_ids: of each.
        labels: class index of each, int64 (samples,).
        classes: class names in index order.
    """

    sample_ids: Sequence[str]
    labels: np.ndarray
    classes: Sequence[str]


class Outcomes:
    """What every contender got right at every scale.

    Args:
        stream: an empty binary file to write and read; closed by its owner.
        shown: the samples.
        contenders: names.
        scales: sides in pixels.
    """

    def __init__(self, stream: IO[bytes], shown: Shown, contenders: Sequence[str], scales: Sequence[int]) -> None:
        self.shown, self.scales = shown, tuple(scales)
        self._stream = stream
        self._runs = {run: place for place, run in enumerate(product(contenders, scales))}

    def put(self, contender: str, scale: int, first: int, scores: Scores) -> None:
        """Keep the outcomes of the samples from `first` on."""
        self._stream.seek(self._place(contender, scale, first))
        self._stream.write(rows_of(scores).tobytes())

    def tables(self, contender: str, *, seed: int, called: str | None = None) -> Iterator[pl.DataFrame]:
        """Frames of `records.SCORES`, one after the other, ordered by scale and the order of the samples.

        Args:
            contender: whose.
            seed: written into the rows.
            called: the name written into the rows, if another.
        """
        for scale in self.scales:
            for first, rows in self._blocks(contender, scale):
                yield table(called or contender, seed, scale, self.shown, first, rows)

    def mean(self, contender: str, scale: int) -> float:
        """The mean score of a contender at a scale."""
        total = sum(float(rows["score"].sum()) for _, rows in self._blocks(contender, scale))
        return total / max(1, len(self.shown.sample_ids))

    def _blocks(self, contender: str, scale: int) -> Iterator[tuple[int, np.ndarray]]:
        samples = len(self.shown.sample_ids)
        for first in range(0, samples, BLOCK):
            self._stream.seek(self._place(contender, scale, first))
            content = self._stream.read(min(BLOCK, samples - first) * _ROW.itemsize)
            yield first, np.frombuffer(content, _ROW)

    def _place(self, contender: str, scale: int, first: int) -> int:
        return _ROW.itemsize * (self._runs[contender, scale] * len(self.shown.sample_ids) + first)


def rows_of(scores: Scores) -> np.ndarray:
    """Outcomes as records of `prediction`, `score` and `confidence`, (samples,)."""
    rows = np.empty(len(scores.prediction), _ROW)
    for column in _ROW.names or ():
        rows[column] = getattr(scores, column).numpy()
    return rows


def table(contender: str, seed: int, scale: int, shown: Shown, first: int, rows: np.ndarray) -> pl.DataFrame:
    """A frame of `records.SCORES` for the samples from `first` on, from records as `rows_of` makes them."""
    names = pl.Series(list(shown.classes), dtype=pl.String)
    last = first + len(rows)
    columns = {
        "sample_id": pl.Series(shown.sample_ids[first:last], dtype=pl.String),
        "target": names.gather(shown.labels[first:last]),
        "prediction": names.gather(rows["prediction"]),
        "score": rows["score"],
        "confidence": rows["confidence"],
    }
    said = pl.DataFrame(columns).with_columns(contender=pl.lit(contender), seed=pl.lit(seed), scale=pl.lit(scale))
    return said.select(pl.col(name).cast(kind) for name, kind in SCORES.items())
