"""What a form is, what a file holds once it is open, and what the caller says about how to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from deepenough.comparison.predictions.names import Run, parse_run
from deepenough.errors import RecordError

FORM_NAMES = ("long", "wide", "single", "timm", "fiftyone", "labels")
ID_COLUMNS = ("sample_id", "filename", "filepath")  # the first that a table has names its samples
BESIDES = ("target", "group", "path", "split")  # columns that are never a run
TEXT = ("sample_id", "target", "contender", "prediction", "group")
NUMBERS = ("seed", "scale", "confidence", "score")
VALUES = ("labels", "scores")
PROBABILITY = ("prob_", "p_")  # a column prob_CLASS or p_CLASS is the probability of CLASS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How predictions are to be read, where the files do not say it themselves.

    `form` is one of `FORM_NAMES`, None to recognise it. `values` says what the columns of a wide table hold. `runs`
    names the run of a file that holds one, as `names.parse_run` reads it. `targets` is a file of sample ids and
    targets, `classes` one of class names in the order of their index, `group_column` the column with the clusters.
    """

    form: str | None = None
    values: str = "labels"  # or scores
    runs: Mapping[Path, str] = field(default_factory=dict)
    targets: Path | None = None
    classes: Path | None = None
    group_column: str | None = None

    def __post_init__(self) -> None:
        if self.form is not None and self.form not in FORM_NAMES:
            raise RecordError("--form", f"one of {', '.join(FORM_NAMES)}", self.form)
        if self.values not in VALUES:
            raise RecordError("--values", " or ".join(VALUES), self.values)


@dataclass(frozen=True, slots=True)
class Content:
    """An open file: a table, or a JSON document that is none."""

    path: Path
    frame: pl.DataFrame | None = None
    document: Any = None

    @property
    def table(self) -> pl.DataFrame:
        """The table.

        Raises:
            RecordError: if the file holds none.
        """
        if self.frame is None:
            raise RecordError(str(self.path), "a table of predictions", "a JSON document of another form")
        return self.frame

    @property
    def columns(self) -> list[str]:
        """Of the table; empty for a document."""
        return [] if self.frame is None else self.frame.columns

    @property
    def id_column(self) -> str | None:
        """The column that names the samples, None where there is none."""
        return next((name for name in ID_COLUMNS if name in self.columns), None)

    def run(self, reading: Reading) -> Run:
        """The run that this file holds: as `--run` names it, else as the file's own name does."""
        given = reading.runs.get(self.path)
        if given is not None:
            return parse_run(given, "--run")
        return parse_run(self.path.stem, str(self.path), remedy="name it with --run CONTENDER:SEED=FILE")


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the file that is being read."""

    reading: Reading
    has_targets: bool  # a file of targets was given
    numbered_targets: bool  # and all targets in it are whole numbers
    several: bool  # other files are read too, and may hold the targets


def no_columns(frame: pl.DataFrame) -> list[str]:
    """No column: all that such a file holds is an id, a target, a run or its output."""
    del frame
    return []


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write predictions down.

    `read` gives any of the columns in `TEXT` and `NUMBERS`, at least `sample_id` and `contender`; a target or group may
    be null or absent where another file gives it, and a run that lacks a sample has no row for it. `beside` names the
    columns that are nothing of the kind, and so may say what a sample is.
    """

    name: str
    summary: str  # completes "read as"
    needs: str  # the columns or keys by which it is recognised
    fits: Callable[[Content], bool]
    read: Callable[[Content, Context], pl.DataFrame]
    beside: Callable[[pl.DataFrame], list[str]] = no_columns


def plain(column: pl.Series) -> pl.Series:
    """Labels as text without surrounding spaces; whole numbers that were stored as floats lose their `.0`."""
    if column.dtype.is_float():
        known = column.drop_nulls()
        if len(known) and bool((known.is_finite() & (known == known.round(0))).all()):
            column = column.cast(pl.Int64, strict=False)
    return column.cast(pl.String).str.strip_chars()


def with_run(frame: pl.DataFrame, run: Run) -> pl.DataFrame:
    """The frame with the columns that name its run."""
    return frame.with_columns(
        pl.lit(run.contender).alias("contender"),
        pl.lit(run.seed, dtype=pl.Int64).alias("seed"),
        pl.lit(run.scale, dtype=pl.Int64).alias("scale"),
    )
