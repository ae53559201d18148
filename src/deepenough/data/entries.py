"""What a source is made of: entries that can be read, and what was met but left aside."""

from __future__ import annotations

import errno
import itertools
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

MAX_FILE_BYTES = 1 << 30  # a picture's file is smaller; a film in a class folder must not fill the memory

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
    "test_shifted": "test_shifted",
}
SPLITS = ("train", "val", "test", "test_shifted")  # the last, from elsewhere, is scored and reported, never chosen on


def split_named(name: str) -> str | None:
    """The split that a file's name has as a word, the first where it has several.

    >>> split_named("instances_val2017"), split_named("set-test_shifted-000"), split_named("trainees")
    ('val', 'test_shifted', None)
    """
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    both = ["_".join(pair) for pair in itertools.pairwise(words)]
    said = (SPLIT_NAMES.get(pair) or SPLIT_NAMES.get(word) for word, pair in zip(words, [*both, ""], strict=False))
    return next((split for split in said if split), None)


class Held(Protocol):
    """A picture inside something larger; picklable, and light."""

    @property
    def length(self) -> int:
        """Bytes of it."""
        ...

    def read(self) -> bytes:
        """The encoded bytes; an OSError where they are no longer there."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of a source, not yet opened.

    Args:
        path: as shown to people, relative to the source's root where there is one.
        target: the class name; None where the source does not say.
        split: train, val or test; None where the source does not declare one.
        group: the cluster it belongs to (patient, object, ...); None where none was given.
        location: the file that holds it; None for a picture held in memory.
        encoded: the encoded bytes of a picture held in memory; None for a file.
        further: what the manifest says beside that, in the order of `Source.columns`.
        size: width and height in pixels that its annotations are made for; None where nothing depends on them.
        held: what reads a picture that is a part of something larger; None for a file of its own.
    """

    path: str
    target: str | None
    split: str | None = None
    group: str | None = None
    location: Path | None = None
    encoded: bytes | None = field(default=None, repr=False)
    further: tuple[object, ...] = ()
    size: tuple[int, int] | None = None
    held: Held | None = None

    def read(self) -> bytes:
        """The encoded bytes.

        Raises:
            OSError: the file is missing, unreadable, no regular file, or larger than `MAX_FILE_BYTES`.
        """
        if self.encoded is not None:
            return self.encoded
        if self.held is not None:
            if self.held.length > MAX_FILE_BYTES:
                raise OSError(errno.EFBIG, f"{self.held.length} bytes, above the limit of {MAX_FILE_BYTES}", self.path)
            return self.held.read()
        if self.location is None:
            raise FileNotFoundError(errno.ENOENT, "neither a file nor bytes", self.path)
        status = self.location.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
            raise OSError(errno.EINVAL, "not a regular file", self.path)
        if status.st_size > MAX_FILE_BYTES:
            raise OSError(errno.EFBIG, f"{status.st_size} bytes, above the limit of {MAX_FILE_BYTES}", self.path)
        return self.location.read_bytes()


class Skipped(NamedTuple):
    """Something met in a source that is not opened, and why."""

    path: str
    reason: str
    detail: str
    target: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Source:
    """The pictures that a person named, before any is opened.

    Args:
        name: as the person wrote it.
        description: one line for people: what kind of source it is.
        entries: the pictures, in a fixed order.
        skipped: what was met and left aside, with its reason; counted as quarantined.
        notes: what was assumed, one sentence each.
        columns: names and types of the manifest's further columns, which travel to samples.parquet.
        reads: the reading (`data.readings`) of the targets.
    """

    name: str
    description: str
    entries: list[Entry]
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    columns: dict[str, Any] = field(default_factory=dict)
    reads: str = "classes"


def shown(path: str | os.PathLike[str]) -> str:
    r"""A path or name as text that any file format can hold: bytes that are not UTF-8 appear as `\xNN`.

    >>> shown("kittens/é.png")
    'kittens/é.png'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")
