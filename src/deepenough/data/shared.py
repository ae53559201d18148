"""The folder of decoded pictures: of one study, or shared by several studies and programs and bounded in size.

Every file there has a lock beside it. Who uses a file holds its lock shared until its program ends, who makes or drops
one holds it alone; so two programs never make the same file at once, and nothing is dropped from under a reader.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

from deepenough.errors import SourceError

try:
    import fcntl
except ImportError:  # Windows: programs that share a folder are then not kept apart
    fcntl = None

_PATIENCE_S = 20.0  # for a file that is torn and yet held; who makes one is waited for as long as it takes
_Known = TypeVar("_Known")


class PixelFolder:
    """A folder of decoded pictures.

    Args:
        root: the folder; made where it is not there.
        limit_bytes: once a file was made, those that were used longest ago are dropped until no more is held; what any
            program still uses stays. None for no bound.

    Raises:
        SourceError: the folder cannot be made.
    """

    def __init__(self, root: Path, limit_bytes: int | None = None) -> None:
        self.root, self._limit = root, limit_bytes
        self._held: list[IO[str]] = []
        with _written_to(root):
            root.mkdir(parents=True, exist_ok=True)

    def found_or_made(self, path: Path, find: Callable[[], _Known | None], make: Callable[[], _Known]) -> _Known:
        """What `find` finds of a file, else what `make` gives, which other programs are kept from doing meanwhile.

        Raises:
            SourceError: the file is torn and another program uses it, or the folder cannot be written.
        """
        lock, until = self._opened_lock(path), time.monotonic() + _PATIENCE_S
        while True:
            _take(lock, alone=False)
            known = find()
            if known is not None:
                with contextlib.suppress(OSError):  # another user's file is used all the same
                    os.utime(path)
                return known
            if _take(lock, alone=True):
                known = make()
                _take(lock, alone=False)
                self._drop_oldest()
                return known
            if time.monotonic() > until:
                expected, got = "a whole file, or one that nobody uses", "a torn file that another program uses"
                raise SourceError(str(path), expected, got, "end that program, or name another --cache")
            time.sleep(random.uniform(0.05, 0.2))

    def close(self) -> None:
        """Let go of every file."""
        while self._held:
            self._held.pop().close()

    def _opened_lock(self, path: Path) -> IO[str]:
        with _written_to(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            lock = path.with_suffix(".lock").open("a", encoding="utf-8")
        self._held.append(lock)
        return lock

    def _drop_oldest(self) -> None:
        if self._limit is None:
            return
        files = sorted(self.root.glob("*.pixels"), key=lambda file: file.stat().st_mtime)
        held = sum(file.stat().st_size for file in files)
        for file in files:
            if held <= self._limit:
                return
            with file.with_suffix(".lock").open("a", encoding="utf-8") as lock:
                if _take(lock, alone=True):
                    held -= file.stat().st_size
                    file.with_suffix(".json").unlink(missing_ok=True)
                    file.unlink()


@contextlib.contextmanager
def _written_to(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        raise SourceError(str(root), "a folder that can be written", said, "name another --cache") from error


def _take(lock: IO[str], *, alone: bool) -> bool:
    """Hold a lock shared, waiting for it, or alone, at once or not at all."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
    except BlockingIOError:
        return False
    return True
