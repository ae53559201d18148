"""A file that is computed once, beside a small index that says what it is and whether it is whole.

The index is written last and holds a fingerprint of everything that the content depends on, the file's length and its
checksum: a file that was torn by a kill, a full disk or a foreign hand does not fit its index and is computed anew.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from deepenough.errors import RecordError
from deepenough.records import read_json, write_atomically, write_json

_BLOCK_BYTES = 1 << 22


def fingerprint_of(*parts: object) -> str:
    """SHA-256, in hexadecimal digits, of plain values (those of JSON) and their order."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def write_indexed(
    path: Path, fingerprint: str, write: Callable[[IO[bytes]], None], more: Callable[[], dict[str, Any]] = dict
) -> None:
    """Write the file and then its index.

    Args:
        path: of the file; the index lies beside it, ending in `.json`.
        fingerprint: of what the content depends on.
        write: writes the content.
        more: what else the index is to hold, asked for once the content is written.
    """
    index = path.with_suffix(".json")
    index.unlink(missing_ok=True)
    write_atomically(path, write)
    checksum, size = _checksum(path)
    write_json(index, {"fingerprint": fingerprint, "bytes": size, "crc32": checksum, **more()})


def index_of(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """The index, if it and the file are whole and for this fingerprint; else None."""
    try:
        known = read_json(path.with_suffix(".json"))
    except (OSError, RecordError):
        return None
    if not isinstance(known, dict) or known.get("fingerprint") != fingerprint or not path.is_file():
        return None
    if path.stat().st_size != known.get("bytes") or _checksum(path)[0] != known.get("crc32"):
        return None
    return known


def _checksum(path: Path) -> tuple[int, int]:
    """CRC-32 and length of a file; against accidents, not against forgery."""
    checksum, size = 0, 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            checksum, size = zlib.crc32(block, checksum), size + len(block)
    return checksum, size
