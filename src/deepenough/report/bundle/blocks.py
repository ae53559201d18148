"""Blocks of data inside a page: text that HTML leaves as it is, each with the SHA-256 of that very text."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepenough.errors import RecordError

BLANK = "0" * 64  # in the place of the page's seal while it is computed
_SEAL = re.compile(r"<!-- sha256 of this page: ([0-9a-f]{64}) -->")
_BLOCK = re.compile(r'<script type="([\w/.+-]+)" id="data-(\w+)" data-sha256="([0-9a-f]{64})">([^<]*)</script>')
_LARGEST = 200_000_000  # bytes after inflation: a page holds some millions


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block: its name, the text as it stands in the page, and what kind of text that is."""

    name: str
    text: str
    media_type: str = "application/octet-stream"

    @property
    def sha256(self) -> str:
        """Of the text, not of the bytes it encodes: so that no letter of it can change unseen."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def plain(name: str, content: bytes) -> Block:
    """Bytes as base64: what a browser reads without a library."""
    return Block(name=name, text=base64.b64encode(content).decode("ascii"))


def deflated(name: str, content: bytes) -> Block:
    """Bytes deflated (zlib), then base64."""
    return plain(name, zlib.compress(content, 6))


def as_json(name: str, record: Mapping[str, Any]) -> Block:
    """A record as JSON in which no letter could end the element around it."""
    text = json.dumps(record, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Block(name=name, text=text.replace("<", "\\u003c"), media_type="application/json")


def unplain(block: Block) -> bytes:
    """The inverse of `plain`.

    Raises:
        RecordError: the text is no base64.
    """
    try:
        return base64.b64decode(block.text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise RecordError(f"block {block.name}", "base64", str(error)) from error


def inflated(block: Block) -> bytes:
    """The inverse of `deflated`.

    Raises:
        RecordError: the text is no base64, or what it holds is not what was deflated.
    """
    unzip = zlib.decompressobj()
    try:
        content = unzip.decompress(unplain(block), _LARGEST)
    except zlib.error as error:
        raise RecordError(f"block {block.name}", "deflated bytes", str(error)) from error
    if not unzip.eof:
        raise RecordError(f"block {block.name}", "deflated bytes to their end", "a part of them, or too many")
    return content


def parsed(block: Block) -> Any:  # noqa: ANN401  what JSON holds
    """The inverse of `as_json`.

    Raises:
        RecordError: the text is no JSON.
    """
    try:
        return json.loads(block.text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"block {block.name}", "JSON", str(error)) from error


def blocks_of(page: str) -> dict[str, tuple[Block, str]]:
    """The blocks that a page holds, by name, each with the SHA-256 that stands beside it."""
    return {
        name: (Block(name=name, text=text, media_type=kind), sealed)
        for kind, name, sealed, text in _BLOCK.findall(page)
    }


def seal(page: str) -> str:
    """The page that was written with `BLANK` for its seal, sealed.

    >>> page = seal(f"<p>7</p><!-- sha256 of this page: {BLANK} -->")
    >>> is_whole(page), is_whole(page.replace("7", "8")), is_whole("<p>7</p>")
    (True, False, False)
    """
    return _SEAL.sub(f"<!-- sha256 of this page: {_digest(page)} -->", page)


def is_whole(page: str) -> bool:
    """Whether a page holds one seal, and it fits."""
    found = _SEAL.findall(page)
    return len(found) == 1 and found[0] == _digest(_SEAL.sub(f"<!-- sha256 of this page: {BLANK} -->", page))


def _digest(page: str) -> str:
    return hashlib.sha256(page.encode("utf-8", "surrogatepass")).hexdigest()
