"""Outcomes of a test as they come, and as tables of scores in their declared order.

They come chunk by chunk, and a table is ordered by scale: between the two they lie in a file, a record a picture, so
that memory does not grow with the pictures where each is judged alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import IO

import numpy as np
import polars as pl

from deepenough.records import SCORES
from deepenough.tasks.contract import Run, Targets, Task

BLOCK = 8192  # rows of a table that are made at once, where each sample's score is known alone
_IN_SCORES = ("prediction", "score", "confidence")

Reference = Callable[[str, int], Run | None]  # what a contender said of validation at a scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The pictures that networks are tested on.

    Args:
        sample_ids: of each picture.
        targets: of each picture, as `Task.targets` gives them.
        units: the samples that the pictures make, as `Task.units` gives them; None where each picture is one.
    """

    sample_ids: Sequence[str]
    targets: Targets
    units: pl.DataFrame | None = None

    @property
    def samples(self) -> Sequence[str] | pl.Series:
        """The id of each sample."""
        return self.sample_ids if self.units is None else self.units["sample_id"]

    def run(self, rows: np.ndarray) -> Run:
        """What one network said of every picture, asked about these samples."""
        return Run(rows, self.targets, self.units)


class Outcomes:
    """What every contender said of every picture at every scale.

    Args:
        stream: an empty binary file to write and read; closed by its owner.
        shown: the pictures.
        contenders: names.
        scales: sides in pixels.
        task: says what is kept of a picture, and judges it.
    """

    def __init__(
        self, stream: IO[bytes], shown: Shown, contenders: Sequence[str], scales: Sequence[int], task: Task
    ) -> None:
        self.shown, self.scales, self.task = shown, tuple(scales), task
        self._stream, self._row = stream, task.row
        self._runs = {run: place for place, run in enumerate(product(contenders, scales))}

    def put(self, contender: str, scale: int, first: int, rows: np.ndarray) -> None:
        """Keep the outcomes of the pictures from `first` on, of the task's `row`."""
        self._stream.seek(self._place(contender, scale, first))
        self._stream.write(rows.tobytes())

    def tables(
        self, contender: str, *, seed: int, called: str | None = None, reference: Reference | None = None
    ) -> Iterator[pl.DataFrame]:
        """Frames of `records.SCORES`, one after the other, ordered by scale and the order of the samples.

        Args:
            contender: whose.
            seed: written into the rows.
            called: the name written into the rows, if another.
            reference: gives the same networks on validation, such as `run` of their outcomes there; None on validation
                itself.
        """
        for scale in self.scales:
            for first, judged in self._judged(contender, scale, reference):
                yield table(called or contender, seed, scale, self.shown, first, judged)

    def kept(self, contender: str, *, seed: int, called: str | None = None) -> pl.DataFrame | None:
        """What is kept of every picture beside the scores, one row a scale and picture; None where nothing is."""
        names = kept_fields(self._row)
        if not names:
            return None
        parts = [(scale, first, rows) for scale in self.scales for first, rows in self._blocks(contender, scale)]
        frames = [
            pl.DataFrame(
                {
                    "scale": pl.repeat(scale, len(rows), dtype=pl.Int32, eager=True),
                    "sample_id": pl.Series(self.shown.sample_ids[first : first + len(rows)], dtype=pl.String),
                    **{name: pl.Series(np.ascontiguousarray(rows[name])) for name in names},
                }
            )
            for scale, first, rows in parts
        ]
        together = pl.concat(frames)
        return together.select(
            pl.lit(called or contender).alias("contender"), pl.lit(seed, dtype=pl.Int64).alias("seed"), pl.all()
        )

    def mean(self, contender: str, scale: int) -> float:
        """The mean score of a contender at a scale."""
        judged = [part["score"] for _, part in self._judged(contender, scale, None)]
        total = sum(float(part.to_numpy().sum()) for part in judged)
        return total / max(1, sum(map(len, judged)))

    def run(self, contender: str, scale: int) -> Run:
        """All that a contender said at a scale."""
        blocks = [rows for _, rows in self._blocks(contender, scale)]
        rows = np.concatenate(blocks) if blocks else np.empty(0, self._row)
        return self.shown.run(rows)

    def _judged(self, contender: str, scale: int, reference: Reference | None) -> Iterator[tuple[int, pl.DataFrame]]:
        """Where a part begins, and its samples judged; one part where a run is judged as a whole."""
        if self.task.metric.alone and self.shown.units is None:
            for first, rows in self._blocks(contender, scale):
                yield first, self.task.judged(Run(rows, self.shown.targets[first : first + len(rows)]))
            return
        other = None if reference is None else reference(contender, scale)
        yield 0, self.task.judged(self.run(contender, scale), other)

    def _blocks(self, contender: str, scale: int) -> Iterator[tuple[int, np.ndarray]]:
        pictures = len(self.shown.sample_ids)
        for first in range(0, pictures, BLOCK):
            self._stream.seek(self._place(contender, scale, first))
            content = self._stream.read(min(BLOCK, pictures - first) * self._row.itemsize)
            yield first, np.frombuffer(content, self._row)

    def _place(self, contender: str, scale: int, first: int) -> int:
        return self._row.itemsize * (self._runs[contender, scale] * len(self.shown.sample_ids) + first)


def kept_fields(row: np.dtype) -> list[str]:
    """Which fields of a task's rows are kept beside the scores."""
    return [name for name in row.names or () if name not in _IN_SCORES]


def rows_of(kept: pl.DataFrame, row: np.dtype) -> np.ndarray:
    """The rows of a task, (pictures,), from the columns of `Outcomes.kept` at one scale."""
    rows = np.empty(kept.height, row)
    for name in row.names or ():
        rows[name] = np.array(kept[name].to_list(), row[name].base)
    return rows


def table(contender: str, seed: int, scale: int, shown: Shown, first: int, judged: pl.DataFrame) -> pl.DataFrame:
    """A frame of `records.SCORES` for the samples from `first` on, from columns as `Task.judged` gives them."""
    said = judged.with_columns(
        pl.Series("sample_id", shown.samples[first : first + len(judged)], dtype=pl.String),
        contender=pl.lit(contender),
        seed=pl.lit(seed),
        scale=pl.lit(scale),
    )
    return said.select(pl.col(name).cast(kind) for name, kind in SCORES.items())
