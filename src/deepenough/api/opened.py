"""A study's folder in hand: its verdict, tables and figures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import polars as pl

from deepenough.api.shown import ShownFigure, ShownVerdict, shown_verdict
from deepenough.errors import StudyError
from deepenough.records import COSTS, QUARANTINE, SAMPLES, SCORES, read_table, read_verdict
from deepenough.studies.store import StudyFolder


def open_study(folder: str | os.PathLike[str]) -> OpenStudy:
    """A finished study's folder.

    Args:
        folder: holds at least `verdict.json`.

    Raises:
        RecordError: there is no verdict, or it is torn.
    """
    return OpenStudy(Path(folder))


class _FigureError(StudyError, KeyError):
    """A study has no figure of that name; what looks a key up takes it for any other KeyError."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError's own puts quotes around it


class _Figures(dict[str, ShownFigure]):
    """Figures by name; one that is not there is refused with the names of those that are."""

    def __missing__(self, name: str) -> ShownFigure:
        raise _FigureError("figures", f"one of {', '.join(self)}", repr(name))


class OpenStudy:
    """A finished study, read from its folder as it is asked for; in a notebook it displays its verdict and figure.

    The tables are polars frames with the columns of docs/study-folder.md.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store = StudyFolder(folder)
        _ = self.verdict  # a folder without one is refused now, not where it is first displayed

    @cached_property
    def verdict(self) -> ShownVerdict:
        """The decision, with every field of `verdict.json`."""
        return shown_verdict(read_verdict(self.folder))

    @cached_property
    def scores(self) -> pl.DataFrame:
        """One row for each contender, seed, scale and test image; `score` is 1 where the class is right, else 0."""
        return read_table(self._store.scores, SCORES)

    @cached_property
    def costs(self) -> pl.DataFrame:
        """What each contender costs at each scale and batch on the machine that measured it."""
        return read_table(self._store.costs, COSTS)

    @cached_property
    def samples(self) -> pl.DataFrame:
        """Every image that took part, with its class and split."""
        return read_table(self._store.samples, SAMPLES)

    @cached_property
    def quarantine(self) -> pl.DataFrame:
        """Every file that was left out, and why."""
        return read_table(self._store.quarantine, QUARANTINE)

    @cached_property
    def figures(self) -> Mapping[str, ShownFigure]:
        """The report's figures by name, such as `verdict`, `scale`, `frontier`; each displays and saves itself."""
        from deepenough.report.gathering import pictures  # matplotlib takes a second

        return _Figures({picture.key: ShownFigure(picture) for picture in pictures(self.folder)})

    @property
    def report(self) -> Path:
        """The page; written by `compare`, and anew by `deepenough report`."""
        return self.folder / "report.html"

    def __repr__(self) -> str:
        return f"Study in {self.folder}\n\n{self.verdict!r}"

    def _repr_markdown_(self) -> str:
        return self.verdict._repr_markdown_()

    def _repr_html_(self) -> str:
        return self.verdict._repr_html_()
