"""Every write of a study goes through one place, and whatever happens there leaves the old file or the new one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from deepenough.errors import RecordError
from deepenough.records import write_atomically, write_table_in_parts, writing

OLD, NEW = b"old", b"new and longer"


def failing(code):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    return fail


class Short:
    """A stream of which a full disk takes so many bytes."""

    def __init__(self, stream, room):
        self.stream, self.room = stream, room

    def write(self, content):
        self.stream.write(content[: self.room])
        self.stream.flush()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()


FAULTS = {
    "no space at all": lambda patch: patch.setattr(writing.tempfile, "mkstemp", failing(errno.ENOSPC)),
    "no space midway": lambda patch: patch.setattr(writing, "_opened", lambda h: Short(os.fdopen(h, "wb"), 2)),
    "no space when flushed": lambda patch: patch.setattr(writing.os, "fsync", failing(errno.ENOSPC)),
    "a quota": lambda patch: patch.setattr(writing.os, "fsync", failing(errno.EDQUOT)),
    "a bad disk": lambda patch: patch.setattr(writing.os, "fsync", failing(errno.EIO)),
    "no rename": lambda patch: patch.setattr(writing, "_rename", failing(errno.EIO)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_that_fails_leaves_the_old_file_alone_and_names_it(fault, tmp_path, monkeypatch):
    path = tmp_path / "record"
    path.write_bytes(OLD)
    with monkeypatch.context() as patch:
        FAULTS[fault](patch)
        with pytest.raises(OSError) as raised:  # noqa: PT011  the number is looked at below
            write_atomically(path, lambda stream: stream.write(NEW))
    assert raised.value.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)
    assert raised.value.filename == str(path)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("record", OLD)]
    write_atomically(path, lambda stream: stream.write(NEW))
    assert path.read_bytes() == NEW


def test_a_full_disk_says_so_when_a_table_is_written_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_opened", lambda handle: Short(os.fdopen(handle, "wb"), 2))
    frame = pl.DataFrame({"number": range(100)})
    with pytest.raises(OSError, match="No space left") as raised:
        write_table_in_parts(tmp_path / "t.parquet", [frame, frame], frame.schema)
    assert raised.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_is_a_line(code, tmp_path, monkeypatch):
    monkeypatch.setattr(writing.tempfile, "mkstemp", failing(code))
    with pytest.raises(RecordError, match=f"expected a folder that can be written; got {os.strerror(code)}"):
        write_atomically(tmp_path / "record", lambda stream: stream.write(NEW))


@pytest.mark.parametrize(("place", "left"), [("fsync", OLD), ("_rename", OLD), ("after", NEW)])
def test_a_process_killed_in_a_write_leaves_the_old_file_or_the_new_one(place, left, tmp_path):
    (tmp_path / "record").write_bytes(OLD)
    code = f"""
import os, signal, sys
from pathlib import Path
from deepenough.records import writing
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
if {place!r} == "fsync": os.fsync = die
if {place!r} == "_rename": writing._rename = die
writing.write_atomically(Path(sys.argv[1]), lambda stream: stream.write({NEW!r}))
die()
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "record")], check=False, capture_output=True)
    assert done.returncode == -9
    assert (tmp_path / "record").read_bytes() == left
    writing.sweep(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["record"]


def test_nothing_else_in_the_program_opens_a_file_to_write(repository):
    """What does not go through `write_atomically` can be torn; the lock, opened to append, holds nothing."""
    signs = (".write_text(", ".write_bytes(", 'open("w', '"wb")', ".write_parquet(", "np.save(", "save_file(")
    found = {
        f"{path.relative_to(repository / 'src/deepenough')}: {sign}"
        for path in sorted(Path(repository / "src").rglob("*.py"))
        for sign in signs
        if sign in path.read_text(encoding="utf-8")
    }
    kernel = "cost/memory.py: .write_text("  # asks Linux to count the peak anew
    example = "comparison/stored.py: .write_parquet("  # in a docstring
    assert found == {kernel, example, "records/files.py: .write_parquet(", 'records/writing.py: "wb")'}
