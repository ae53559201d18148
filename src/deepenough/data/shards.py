"""Tar shards in WebDataset's form: indexed once by their headers, then read picture by picture from where each lies.

A sample is the files of one name up to the first dot: a picture, and its class in a `.cls` file, in the `label` of a
`.json` file, or in the name of its folder. Nothing is unpacked, so a name leads nowhere; and since every picture can be
read by itself, orders and batches are those of a folder, and contenders are paired as ever.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path, PurePosixPath
from typing import IO, Any

from deepenough.data.entries import SPLIT_NAMES, Entry, Skipped, Source, shown, split_named
from deepenough.errors import SourceError

PICTURES = {"jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif", "ppm", "pgm", "pnm"}
TARGET_KEYS = ("target", "class", "label")  # of a `.json` file, the first that is there
MOST_SHARDS = 100_000
_MOST_TEXT = 1 << 16  # bytes of a `.cls` or `.json` file
_MOST_HEADER = 1 << 20  # bytes that a header may make us read at once
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


@dataclass(frozen=True, slots=True)
class Member:
    """Where a file lies in a shard: `length` bytes from `offset` on."""

    shard: Path
    offset: int
    length: int

    def read(self) -> bytes:
        """The file's bytes.

        Raises:
            OSError: the shard is gone or shorter than it was.
        """
        with self.shard.open("rb") as stream:
            stream.seek(self.offset)
            content = stream.read(self.length)
        if len(content) < self.length:
            raise OSError(5, "the shard ends before the picture does", str(self.shard))
        return content


def expanded(pattern: str) -> list[str]:
    """The names that braces stand for.

    Raises:
        SourceError: a brace holds neither a range nor a list, or there are too many names.

    >>> expanded("{train,val}-{08..10}.tar")[:3]
    ['train-08.tar', 'train-09.tar', 'train-10.tar']
    """
    pieces = _BRACES.split(pattern)
    choices = [_choices(pattern, piece) if place % 2 else [piece] for place, piece in enumerate(pieces)]
    count = 1
    for each in choices:
        count *= len(each)
    if count > MOST_SHARDS:
        raise SourceError(pattern, f"at most {MOST_SHARDS} shards", f"{count}")
    return ["".join(parts) for parts in product(*choices)]


def _choices(pattern: str, inside: str) -> list[str]:
    found = _RANGE.fullmatch(inside)
    if found is None:
        if "," in inside:
            return inside.split(",")
        raise SourceError(pattern, "braces that hold {000..012} or {a,b}", f"{{{inside}}}")
    low, high = found.groups()
    first, last = int(low), int(high)
    if not first <= last <= first + MOST_SHARDS:
        raise SourceError(pattern, f"a range that rises, by {MOST_SHARDS} at most", f"{{{inside}}}")
    return [str(number).zfill(len(low)) for number in range(first, last + 1)]


def is_pattern(spec: str) -> bool:
    """Whether a source's name stands for several shards."""
    return spec.endswith(".tar") and "{" in spec


def shards_in(folder: Path) -> list[Path]:
    """The shards of a folder, and of its folders that are named for a split; none where it holds other folders."""
    try:
        children = [child for child in sorted(folder.iterdir()) if not child.name.startswith(".")]
    except OSError:  # said by who lists the folder as one of pictures
        return []
    folders = [child for child in children if child.is_dir()]
    if any(child.name.lower() not in SPLIT_NAMES for child in folders):
        return []
    found = [child for child in children if child.suffix.lower() == ".tar"]
    inside = [sorted(each.glob("*.tar")) for each in folders]
    return [] if folders and not all(inside) else [*found, *(shard for each in inside for shard in each)]


def open_shards(name: str, paths: list[Path], *, several: bool = False) -> Source:
    """List the pictures of tar shards; with `several` a sample without a target is a picture without any.

    Raises:
        SourceError: a shard is missing, torn, compressed or hostile, or only some name their split.
    """
    splits = splits_of(name, paths, "shards")
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    for path in paths:
        for sample in _samples(path):
            found = sample.entry(splits[path], several=several)
            (entries if isinstance(found, Entry) else skipped).append(found)  # pyright: ignore[reportArgumentType]
    how = "/".join(sorted({str(split) for split in splits.values() if split})) or "no splits declared"
    return Source(name, f"{len(paths)} tar shards ({how})", entries, skipped)


def splits_of(name: str, paths: Sequence[Path], what: str) -> dict[Path, str | None]:
    """The split that each file's name or folder says; None for all where none says any.

    Raises:
        SourceError: only some say theirs.
    """
    splits = {path: _split_of(path) for path in paths}
    unnamed = [path for path, split in splits.items() if split is None]
    if unnamed and len(unnamed) < len(paths):
        expected = f"{what} that all name their split (train, val, test), or none"
        raise SourceError(name, expected, f"{shown(unnamed[0].name)}, which names none")
    return splits


def _split_of(path: Path) -> str | None:
    """The split that a shard's name has as a word, or its folder's."""
    return split_named(path.stem) or SPLIT_NAMES.get(path.parent.name.lower())


@dataclass(slots=True)
class _Sample:
    """The files of one name."""

    shard: Path
    key: str
    pictures: list[tuple[str, Member]] = field(default_factory=list)
    classes: str | None = None
    said: dict[str, Any] = field(default_factory=dict)

    def entry(self, split: str | None, *, several: bool) -> Entry | Skipped:
        path = f"{shown(self.shard.name)}/{self.key}"
        if not self.pictures:
            return Skipped(path, "not_an_image", "a sample without a picture", None, split)
        ending, member = self.pictures[0]
        target = self._target(several=several)
        if target is None and not several:
            said = "neither .cls, nor .json with a label, nor a folder"
            return Skipped(f"{path}.{ending}", "no_target", said, None, split)
        group = self.said.get("group")
        own = SPLIT_NAMES.get(str(self.said.get("split", "")).lower(), split)
        return Entry(f"{path}.{ending}", target or "", own, None if group is None else str(group), held=member)

    def _target(self, *, several: bool) -> str | None:
        if self.classes is not None:
            return self.classes
        for key in TARGET_KEYS:
            value = self.said.get(key)
            if isinstance(value, list) and several:
                return "|".join(map(str, value))
            if isinstance(value, str | int) and not isinstance(value, bool):
                return str(value).strip()
        folder = PurePosixPath(self.key).parent.name
        return folder or None


def _samples(path: Path) -> Iterator[_Sample]:
    """The samples of a shard, each as its files stand together."""
    current: _Sample | None = None
    for member, take in _members(path):
        name = PurePosixPath(member.name)
        if member.isdir() or name.name.startswith("."):
            continue
        stem, _, ending = name.name.partition(".")
        key, ending = (name.parent / stem).as_posix(), ending.lower()
        if current is None or current.key != key:
            if current is not None:
                yield current
            current = _Sample(path, key)
        if ending in PICTURES:
            current.pictures.append((ending, Member(path, member.offset_data, member.size)))
            if len(current.pictures) > 1:
                expected = "one picture of each name"
                raise SourceError(f"{shown(path)}: {shown(key)}", expected, f".{current.pictures[0][0]} and .{ending}")
        elif ending == "cls":
            current.classes = take().decode("utf-8", "replace").strip()
        elif ending == "json":
            current.said = _object(path, member.name, take())
    if current is not None:
        yield current


def _object(path: Path, name: str, content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        raise SourceError(f"{shown(path)}: {shown(name)}", "JSON", "something else") from None
    return said if isinstance(said, dict) else {}


def _members(path: Path) -> Iterator[tuple[tarfile.TarInfo, Any]]:
    """The members of a shard, and for each what reads a short text of it; hostile ones are refused."""
    where = shown(path)
    try:
        with path.open("rb") as stream, _opened(stream, where) as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # pyright: ignore[reportAttributeAccessIssue]  else it would keep them all
                _require_harmless(where, member)
                yield member, lambda member=member: _text(archive, where, member)
            stream.seek(archive.offset)  # pyright: ignore[reportAttributeAccessIssue]
            if (
                stream.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE
            ):  # tarfile takes any rubbish for the end
                raise tarfile.ReadError("it has no end")
    except tarfile.TarError as error:
        got = "a compressed file" if _is_compressed(path) else f"a torn or foreign file ({error})"
        raise SourceError(where, "a tar file, whole and not compressed", got, "make it anew, as plain .tar") from None
    except OSError as error:
        raise SourceError(where, "a shard that can be read", error.strerror or str(error)) from None


def _opened(stream: IO[bytes], where: str) -> tarfile.TarFile:
    bounded: Any = _Bounded(stream, where)  # tarfile's hint asks for more than it calls
    return tarfile.open(fileobj=bounded, mode="r:")


def _text(archive: tarfile.TarFile, where: str, member: tarfile.TarInfo) -> bytes:
    if member.size > _MOST_TEXT:
        raise SourceError(f"{where}: {shown(member.name)}", f"at most {_MOST_TEXT} bytes", f"{member.size}")
    stream = archive.extractfile(member)
    assert stream is not None  # a regular file
    return stream.read()


def _require_harmless(where: str, member: tarfile.TarInfo) -> None:
    """Refuse what a shard of pictures has no need of and what could lead elsewhere, though nothing is unpacked here."""
    place = f"{where}: {shown(member.name)}"
    if not (member.isreg() or member.isdir()) or member.issparse():
        kind = "a link" if member.issym() or member.islnk() else "a device, a pipe or a sparse file"
        raise SourceError(place, "regular files", kind, "make the shard without it")
    if member.name.startswith(("/", "\\")) or ".." in PurePosixPath(member.name).parts or "\0" in member.name:
        raise SourceError(place, "a name inside the shard", "one that leaves it", "make the shard with plain names")
    if member.size < 0:
        raise SourceError(place, "a size from 0", f"{member.size}")


class _Bounded:
    """A file of which nobody reads much at once: what a forged header asks for would fill the memory."""

    def __init__(self, stream: IO[bytes], where: str) -> None:
        self._stream, self._where = stream, where
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_HEADER:
            raise SourceError(self._where, f"headers of at most {_MOST_HEADER} bytes", f"one of {size}")
        return self._stream.read(size)


def _is_compressed(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4)[:2] in (b"\x1f\x8b", b"BZ", b"\xfd7", b"(\xb5")
