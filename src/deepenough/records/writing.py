"""Every file of a study is written here: whole under another name, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from deepenough.errors import RecordError, StudyError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_OURS = (errno.EROFS, errno.EACCES, errno.EPERM)


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a temporary file beside `path`, flush it to disk, then rename it over `path`.

    Raises:
        RecordError: the folder cannot be written.
        OSError: whatever else the disk says, with `path` as its file name; `path` is then as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        try:
            with _opened(handle) as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(0o644)
            _rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.errno in _NOT_OURS:
            expected, remedy = "a folder that can be written", "make it writable; what is there was kept"
            raise RecordError(str(path.parent), expected, error.strerror or str(error), remedy) from error
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def make_folder(folder: Path, option: str = "--out") -> None:
    """Make a folder that a person named, unless it is there.

    Args:
        folder: to be made, with those above it.
        option: that named it, for messages.

    Raises:
        StudyError: it cannot be made or written.
        OSError: the disk is full.
    """
    where, other = f"{option} {folder}", f"choose another {option}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        got = error.strerror or str(error)
        with contextlib.suppress(OSError):  # a name that is too long, or a folder that may not be entered
            got = next((f"the file {path}" for path in (folder, *folder.parents) if path.is_file()), got)
        raise StudyError(where, "a folder that can be made", got, other) from None
    if not os.access(folder, os.W_OK):
        raise StudyError(where, "a folder that can be written", "no permission", other)


def sweep(folder: Path) -> None:
    """Remove what killed writers left in a folder; its caller holds it alone."""
    for left in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            left.unlink()


def _opened(handle: int) -> IO[bytes]:
    """The stream that is written to; tests put one in its place that fails."""
    return os.fdopen(handle, "wb")


def _rename(temporary: Path, path: Path) -> None:
    """Rename, and flush the folder's entry too where the system can."""
    temporary.replace(path)
    with contextlib.suppress(OSError):
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
