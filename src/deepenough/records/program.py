"""Which program wrote a record: not its version alone, since code may be edited between two releases."""

from __future__ import annotations

import hashlib
from pathlib import Path

import deepenough

_ENDINGS = {".py", ".j2", ".css", ".js", ".json", ".bib"}  # code, and what pages are made of


def source_hash() -> str:
    """The first 16 hexadecimal digits of the SHA-256 over this package's files, by path."""
    root = Path(deepenough.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(each for each in root.rglob("*") if each.suffix in _ENDINGS):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
