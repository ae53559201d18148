"""The picture files that a person names: files, folders, patterns, or names on standard input; listed as they come."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deepenough.data.entries import Entry, shown
from deepenough.data.folders import is_folder, is_hidden
from deepenough.errors import InputError


@dataclass(frozen=True, slots=True)
class Found:
    """One file to look at, whether or not it can be read.

    Args:
        path: as shown to people.
        entry: to read it.
        under: its path from the folder that was named, or its name alone.
    """

    path: str
    entry: Entry
    under: Path = Path()


def find(named: Iterable[str], stdin: IO[bytes] | None = None) -> Iterator[Found]:
    """Every file that is named, in the order given and within a folder by name; nothing is opened.

    A folder gives all its files at any depth but hidden and system ones; links are followed, loops are not. A name that
    is no file or folder is a pattern where it has `*`, `?` or `[`; `-` stands for the names on standard input, one a
    line. What is named and not there comes too, to be reported by whoever reads it.

    Args:
        named: what the person wrote.
        stdin: where the names of `-` are read from.

    Raises:
        InputError: a pattern that matches nothing, or `-` twice.
    """
    spent = False
    for name in named:
        if name != "-":
            yield from _under(name)
            continue
        if spent or stdin is None:
            raise InputError("-", "names on standard input, once", "it twice" if spent else "no standard input")
        spent = True
        for line in stdin:
            path = os.fsdecode(line.rstrip(b"\r\n"))
            if path:
                yield from _under(path, patterns=False)


def _under(name: str, *, patterns: bool = True) -> Iterator[Found]:
    path = Path(name)
    if is_folder(path):
        yield from _in_folder(path)
    elif patterns and not os.path.lexists(path) and glob.has_magic(name):
        matched = False
        for found in sorted(glob.iglob(name, recursive=True)):  # noqa: PTH207  a pattern may be absolute
            if not is_folder(Path(found)):
                matched = True
                yield _found(Path(found))
        if not matched:
            raise InputError(name, "a pattern that matches files", "none", "check the path, and quote the pattern")
    else:
        yield _found(path)


def _in_folder(root: Path) -> Iterator[Found]:
    """Depth first; each real folder once, so that links neither loop nor multiply."""
    known: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            status = folder.stat()
            names = sorted(os.listdir(folder))  # noqa: PTH208  names sort as the text they are
        except OSError:
            yield _found(folder)  # reading it says why
            continue
        if (status.st_dev, status.st_ino) in known:
            continue
        known.add((status.st_dev, status.st_ino))
        inner = []
        for name in names:
            path = folder / name
            if is_hidden(name):
                continue
            if is_folder(path):
                inner.append(path)
            else:
                yield _found(path, path.relative_to(root))
        waiting.extend(reversed(inner))


def _found(path: Path, under: Path | None = None) -> Found:
    return Found(shown(path), Entry(shown(path), target=None, location=path), under or Path(path.name))
