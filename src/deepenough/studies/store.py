"""The study folder: where everything lies, and who may write to it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from deepenough.errors import HeldError, StudyError
from deepenough.records import DISK_FULL, make_folder, sweep

try:
    import fcntl
except ImportError:  # Windows: two programs on one folder are then not kept apart
    fcntl = None


class StudyFolder:
    """Paths of a study folder; the names are a contract (docs/study-folder.md)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.study = root / "study.yaml"
        self.request = root / "request.json"
        self.environment = root / "environment.json"
        self.samples = root / "samples.parquet"
        self.units = root / "units.parquet"
        self.quarantine = root / "quarantine.parquet"
        self.audit = root / "audit.json"
        self.plan = root / "plan.json"
        self.rates = root / "learning_rates.json"
        self.scores = root / "scores.parquet"
        self.shifted = root / "shifted.parquet"
        self.verdict_shifted = root / "verdict_shifted.json"
        self.measures = root / "measures.json"
        self.outcomes = root / "outcomes.parquet"
        self.outcomes_shifted = root / "outcomes_shifted.parquet"
        self.outcomes_validation = root / "outcomes_validation.parquet"
        self.validation = root / "validation.parquet"
        self.noise = root / "noise.parquet"
        self.costs = root / "costs.parquet"
        self.verdict = root / "verdict.json"
        self.baselines = root / "baselines.parquet"
        self.slices = root / "slices.parquet"
        self.thumbnails = root / "thumbnails.parquet"
        self.exhibits = root / "exhibits.parquet"
        self.cache = root / "cache"

    def cell(self, name: str) -> CellFolder:
        """Where a cell lies."""
        return CellFolder(self.root / "cells" / name)

    def create(self) -> None:
        """Make the folder, or say why it cannot be made."""
        make_folder(self.root)
        strangers = [path.name for path in self.root.iterdir() if not path.name.startswith(".")]
        if strangers and not self.request.exists():
            shown = ", ".join(sorted(strangers)[:3])
            remedy = "choose another --out; nothing there was touched"
            raise StudyError(
                f"--out {self.root}", "an empty folder or a study's", f"a folder that holds {shown}", remedy
            )

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Make the folder and hold it alone; what killed writers left under temporary names is swept away.

        Raises:
            StudyError: the folder cannot be made or written, is a stranger's, or another program holds it.
        """
        self.create()
        with hold(self.root):
            for folder in (self.root, self.cache, *self.root.glob("cells/*")):
                sweep(folder)
            yield


@contextlib.contextmanager
def hold(root: Path) -> Iterator[None]:
    """Hold a study's folder alone, where there is one; the lock goes with the process, however it ends.

    Raises:
        HeldError: another program holds it.
        StudyError: it cannot be written.
    """
    if not root.is_dir():
        yield
        return
    try:
        handle = (root / ".lock").open("a+", encoding="utf-8", errors="replace")
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        raise StudyError(str(root), "a folder that can be written", error.strerror or str(error)) from None
    with handle:
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                handle.seek(0)
                other = f"process {number}" if (number := handle.read(20).strip()).isdecimal() else "another program"
                got = f"one that {other} is writing"
                raise HeldError(str(root), "a folder of our own", got, "wait for it, or name another folder") from None
            with contextlib.suppress(OSError):  # on a full disk the lock holds without a number in it
                handle.truncate(0)
                handle.write(f"{os.getpid()}\n")
                handle.flush()
        yield


@contextlib.contextmanager
def hold_if_free(root: Path) -> Iterator[bool]:
    """Hold a folder as `hold` does; False, and it is not held, where another program has it.

    Raises:
        StudyError: it cannot be written.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(hold(root))
        except HeldError:
            yield False
            return
        yield True


class CellFolder:
    """Paths of one cell; `note` is written last, so where it is, the cell is done."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.note = root / "cell.json"
        self.weights = root / "weights.safetensors"
        self.history = root / "history.parquet"
        self.resume = root / "resume.safetensors"
        self.test = root / "test.parquet"
        self.validation = root / "validation.parquet"
        self.shifted = root / "shifted.parquet"

    def outcomes(self, split: str) -> Path:
        """What the task keeps of every picture of a split, where it keeps anything."""
        return self.root / f"outcomes_{split}.parquet"

    @property
    def done(self) -> bool:
        """Whether the cell was trained and tested to its end."""
        return self.note.is_file()
