"""Checksums inside the files that they are of, so that a file and its checksum cannot fall apart.

A table holds the SHA-256 of its own bytes, in Parquet's key-value metadata; a JSON record that of its other keys; a
text that of the lines below its first. They tell accidents (a torn disk, a flipped bit, an edit by hand), not forgery.
A file without one comes from elsewhere and is taken as it is; a table is then tried by another process first.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import polars as pl

from deepenough.errors import RecordError
from deepenough.records.foreign import require_harmless_table

KEY = "sha256"
TABLE_KEY = "deepenough.sha256"
BLANK = "0" * 64  # in the place of the checksum while it is computed
CHANGED = "one that was changed after it was written"
_REMEDY = "run the study again"
_IN_TABLE = re.compile(re.escape(TABLE_KEY.encode()) + rb"..(.{64})", re.DOTALL)  # two bytes of type and length
_IN_TEXT = re.compile(r"# sha256 of what follows: ([0-9a-f]{64})\n")


def seal_table(content: bytes) -> bytes:
    """The bytes of a Parquet file that was written with `TABLE_KEY: BLANK` in its metadata, sealed."""
    place = _place_in_table(content)
    if place is None:
        raise ValueError("a table is sealed once, and with a place for its seal")
    return content[:place] + hashlib.sha256(content).hexdigest().encode() + content[place + len(BLANK) :]


def seal_table_in_place(stream: IO[bytes]) -> None:
    """Seal a Parquet file that was written, with `TABLE_KEY: BLANK` in its metadata, and flushed.

    Args:
        stream: of the whole file, on a handle that may be read.
    """
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place, digest = _place_in_table(content), hashlib.sha256(content)
    if place is None:
        raise ValueError("a table is sealed once, and with a place for its seal")
    stream.seek(place)
    stream.write(digest.hexdigest().encode())


def require_whole_table(path: Path) -> None:
    """Refuse a Parquet file whose bytes are not those that were sealed; before polars, which one bit can make abort.

    One that has no seal is refused where it ends a process that reads it.

    Raises:
        RecordError: its seal does not fit, or it is not harmless.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            return
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:  # large tables are not held in memory
            whole = _is_whole(content)
    if whole is None:
        require_harmless_table(path)
    elif not whole:
        raise RecordError(str(path), "a whole table", CHANGED, _REMEDY)


def _is_whole(content: mmap.mmap) -> bool | None:
    """Whether its seal fits; None where it has none."""
    place = _place_in_table(content)
    if place is None:
        return None
    end, digest = place + len(BLANK), hashlib.sha256()
    with memoryview(content) as view, view[:place] as before, view[end:] as after:
        digest.update(before)
        digest.update(BLANK.encode())
        digest.update(after)
    return digest.hexdigest().encode() == content[place:end]


@contextlib.contextmanager
def unpanicked() -> Iterator[None]:
    """Polars' panic at a torn table, which is no `Exception`, as the error that it raises elsewhere.

    Raises:
        polars.exceptions.ComputeError: it panicked.
    """
    try:
        yield
    except pl.exceptions.PanicException as panic:
        raise pl.exceptions.ComputeError(str(panic).partition("\n")[0]) from panic


def seal_json(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The record, which holds only what JSON holds, with its checksum as the last key."""
    return {**plain, KEY: _digest(plain)}


def unseal_json(plain: Any, path: Path) -> Any:  # noqa: ANN401  what JSON holds
    """The record without its seal.

    Raises:
        RecordError: the seal does not fit.
    """
    if not isinstance(plain, dict) or KEY not in plain:
        return plain
    rest = {key: value for key, value in plain.items() if key != KEY}
    if plain[KEY] != _digest(rest):
        raise RecordError(str(path), "a whole record", CHANGED, _REMEDY)
    return rest


def seal_text(text: str) -> str:
    """The text below a comment with its checksum, as YAML has comments."""
    return f"# sha256 of what follows: {hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def require_whole_text(text: str, path: Path) -> None:
    """Refuse a text that does not fit the seal in its first line.

    Raises:
        RecordError: it does not.
    """
    found = _IN_TEXT.match(text)
    if found and hashlib.sha256(text[found.end() :].encode()).hexdigest() != found[1]:
        raise RecordError(str(path), "a whole file", CHANGED, "put it back from a copy, or choose another --out")


def _digest(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def _place_in_table(content: bytes | mmap.mmap) -> int | None:
    """Where the seal begins; None where there is none. The metadata are the last that a file holds."""
    found = _IN_TABLE.match(content, max(0, content.rfind(TABLE_KEY.encode())))
    return None if found is None else found.start(1)
