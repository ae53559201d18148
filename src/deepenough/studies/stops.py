"""How a study stops before its end, and in which words: asked to, out of disk or memory, or without its folder."""

from __future__ import annotations

import contextlib
import errno
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from deepenough.errors import Interrupted, StudyError
from deepenough.machine import is_out_of_memory
from deepenough.records import DISK_FULL

_ECHO_S = 0.5  # a launcher passes a Ctrl-C on that the terminal has sent already


@contextlib.contextmanager
def stoppable(command: str) -> Iterator[Callable[[], None]]:
    """Turn Ctrl-C and termination into a stop after the current step; a second Ctrl-C stops at once.

    Yields:
        What is called after every step; it raises `Interrupted`, which names `command`, where a stop was asked for.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    asked: list[int] = []
    asked_at = 0.0

    def ask(number: int, _frame: FrameType | None) -> None:
        nonlocal asked_at
        now = time.monotonic()
        if number == signal.SIGINT and number in asked and now - asked_at > _ECHO_S:
            raise KeyboardInterrupt
        asked.append(number)
        asked_at = now

    def check() -> None:
        if asked:
            raise Interrupted("Ctrl-C" if asked[0] == signal.SIGINT else "termination signal", command)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def resumable(root: Path, command: str) -> Iterator[None]:
    """Say plainly what the machine denied a study in `root`; `command` goes on with it.

    Raises:
        Interrupted: no space on the disk, or no memory.
        StudyError: a file of the study vanished while it ran.
    """
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            why = f"no space left for {error.filename or root}{_free(root)}; make room first"
            raise Interrupted(why, command) from error
        if error.errno == errno.ENOENT and _within(error.filename, root):
            expected, got = "a file of the study that runs", "one that vanished meanwhile"
            raise StudyError(
                str(error.filename), expected, got, f"what is left is kept; go on with: {command}"
            ) from error
        raise
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        first = (str(error).splitlines() or ["no memory left"])[0]
        raise Interrupted(f"out of memory: {first}; free some, or begin another study with less", command) from error


def _free(root: Path) -> str:
    with contextlib.suppress(OSError):
        return f": {shutil.disk_usage(root).free / 1e6:.1f} MB free are too few"
    return ""


def _within(name: object, root: Path) -> bool:
    return isinstance(name, str) and Path(name).resolve().is_relative_to(root.resolve())
