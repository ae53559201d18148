"""A listener that passes on what it hears, and tells trackers."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from deepenough.errors import StudyError
from deepenough.records import SCORES, Verdict, read_json, read_table
from deepenough.studies.listener import Listener

if TYPE_CHECKING:
    from deepenough.studies.plan import Plan

KINDS = ("tensorboard", "mlflow")
EVERY_S = 5.0  # between two steps of a cell that are told; a server takes some 20 ms for each
_FILES = ("cell.json", "history.parquet")  # small enough to be copied; the weights are linked


class Tracker(Protocol):
    """Where a study is followed; every cell is a run of its own."""

    name: str

    def begin(self, study: str, folder: Path, parameters: Mapping[str, str]) -> None:
        """A study begins, or goes on: what runs of that folder there are is continued."""
        ...

    def step(self, cell: str, step: int, values: Mapping[str, float]) -> None:
        """A cell took a step; a step that was told before, by a run that was killed, is replaced or kept beside."""
        ...

    def end(
        self, cell: str, step: int, values: Mapping[str, float], links: Mapping[str, str], files: list[Path]
    ) -> None:
        """A cell is done, or ended without being sound."""
        ...

    def conclude(self, values: Mapping[str, float], words: str, files: list[Path]) -> None:
        """The study is decided."""
        ...

    def close(self) -> None:
        """Nothing more will come from this process."""
        ...


def open_tracker(kind: str) -> Tracker:
    """A tracker that can be used here, nothing begun.

    Args:
        kind: one of `KINDS`.

    Raises:
        StudyError: another word, or its library is not installed.
    """
    if kind not in KINDS:
        raise StudyError("--track", f"one or more of {', '.join(KINDS)}, joined by commas", repr(kind))
    try:
        module = importlib.import_module(f"deepenough.studies.trackers.{kind}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("deepenough"):
            raise
        remedy = "pip install 'deepenough[track]'"
        raise StudyError(f"--track {kind}", f"{kind} installed", f"no module {error.name}", remedy) from None
    return module.Tracker()


class Tracking:
    """Passes everything on to a listener and tells trackers of the plan, steps, cells and the verdict.

    Args:
        listener: that hears everything first.
        trackers: from `open_tracker`.
        folder: of the study.
    """

    def __init__(self, listener: Listener, trackers: Sequence[Tracker], folder: Path) -> None:
        self._listener, self._trackers, self._folder = listener, list(trackers), folder
        self._told_at: dict[str, float] = {}
        self._accuracy: dict[str, float] = {}

    def note(self, text: str) -> None:
        """Passed on."""
        self._listener.note(text)

    def stage(self, name: str, total: int | None = None, done: int = 0) -> None:
        """Passed on."""
        self._listener.stage(name, total, done)

    def advance(self, amount: int) -> None:
        """Passed on."""
        self._listener.advance(amount)

    def plan(self, plan: Plan) -> None:
        """Passed on; the trackers begin.

        Raises:
            StudyError: a tracker cannot be reached. Nothing has been trained yet, so it can still be mended.
        """
        self._listener.plan(plan)
        named = ("source", "train_scale", "epochs", "batch", "seeds", "recipe", "precision")
        parameters = {name: str(getattr(plan, name)) for name in named}
        for tracker in self._trackers:
            try:
                tracker.begin(self._folder.resolve().name, self._folder.resolve(), parameters)
            except Exception as error:  # of a library and a server that are not ours
                got = " ".join(str(error).split()) or type(error).__name__
                raise StudyError(
                    f"--track {tracker.name}", "a tracker that can be written", got, "mend it, or leave --track out"
                ) from error

    def trained(
        self, cell: str, *, step: int, steps: int, loss: float, accuracy: float | None, images_per_s: float
    ) -> None:
        """Passed on; the trackers hear of a cell's first and last step and of others every few seconds."""
        self._listener.trained(cell, step=step, steps=steps, loss=loss, accuracy=accuracy, images_per_s=images_per_s)
        values = {"loss": loss, "images_per_s": images_per_s}
        if accuracy is not None and accuracy != self._accuracy.get(cell):
            values["validation_accuracy"] = self._accuracy[cell] = accuracy
        now = time.monotonic()
        due = now - self._told_at.get(cell, -EVERY_S) >= EVERY_S
        if due or step == steps or "validation_accuracy" in values:
            self._told_at[cell] = now
            self._tell(lambda tracker: tracker.step(cell, step, values))

    def finished(self, cell: str, folder: Path) -> None:
        """Passed on; the trackers hear of the cell's scores and where its files lie."""
        self._listener.finished(cell, folder)
        note = read_json(folder / "cell.json")
        values = {name: float(note[name]) for name in ("training_s", "evaluation_s")}
        for split in ("validation", "test"):
            if (folder / f"{split}.parquet").is_file():
                scores = read_table(folder / f"{split}.parquet", SCORES)
                means = scores.group_by("scale").agg(pl.col("score").mean()).sort("scale")
                values |= {f"{split}_score/{scale}px": mean for scale, mean in means.iter_rows()}
        links = {"folder": folder.resolve().as_uri(), "status": str(note["status"])}
        links |= {"weights_sha256": str(note["weights_sha256"])} if "weights_sha256" in note else {}
        files = [folder / name for name in _FILES if (folder / name).is_file()]
        self._tell(lambda tracker: tracker.end(cell, int(note["steps"] or 0), values, links, files))

    def close(self) -> None:
        """Passed on; the trackers are kept for the verdict."""
        self._listener.close()

    def conclude(self, verdict: Verdict, words: str) -> None:
        """Tell the trackers what came out, once the report is written.

        Args:
            verdict: of the study.
            words: the verdict in a sentence.
        """
        low, high = verdict.interval
        values = {"difference": verdict.difference, "interval_low": low, "interval_high": high}
        values |= {"margin": verdict.margin, "p_value": verdict.p_value}
        files = [self._folder / name for name in ("verdict.json", "report.html") if (self._folder / name).is_file()]
        self._tell(lambda tracker: tracker.conclude(values, words, files))

    def end(self) -> None:
        """Let the trackers go, however the study ended."""
        self._tell(lambda tracker: tracker.close())

    def _tell(self, tell: Callable[[Tracker], Any]) -> None:
        for tracker in tuple(self._trackers):
            try:
                tell(tracker)
            except Exception as error:  # of a library that is not ours; it must not cost the training
                self._trackers.remove(tracker)
                said = " ".join(str(error).split()) or type(error).__name__
                self._listener.note(f"{tracker.name} cannot be written ({said}); the study goes on without it")
