"""A folder of class folders, flat or under train/val/test.

Links to files and folders are followed, loops are not. Hidden and system files are left aside with their reason; every
other file is an entry, whatever its name ends with, since only decoding tells what it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from deepenough.data.entries import SPLIT_NAMES, SPLITS, Entry, Skipped, Source, shown
from deepenough.errors import SourceError

SYSTEM_NAMES = {"thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx", "@eadir", "$recycle.bin", "icon\r"}


def open_folder(name: str, root: Path) -> Source:
    """List the pictures under `root`, whose folders are classes, or splits of classes.

    Raises:
        SourceError: it is empty, or has no class folders, or its splits are named twice or lack `train`.
    """
    walk = _Walk(root)
    folders = walk.children(root)
    if not folders and not walk.skipped:
        raise SourceError(name, "a folder of class folders", "an empty folder", "put one folder a class in it")
    if not folders:
        raise SourceError(
            name,
            "a folder of class folders",
            f"{len(walk.skipped)} files and no folder",
            "put the pictures of each class into a folder of its own",
        )
    splits = _split_folders(name, folders)
    if splits:
        _add_splits(name, walk, folders, splits)
    else:
        for folder in folders:
            walk.add_class(folder, split=None)
    layout = "/".join(split for split in SPLITS if split in splits) or "no splits declared"
    return Source(name, f"folder of class folders ({layout})", walk.entries, walk.skipped, walk.notes)


def open_pictures(name: str, root: Path) -> Source:
    """List the pictures under `root` at any depth, whatever their folders are called but train, val and test.

    The folder of each, below its split's, travels as the column `folder`, so that results can be sliced by it.

    Raises:
        SourceError: it is empty, or its splits are named twice or lack `train`.
    """
    walk = _Walk(root)
    named = [path for path in sorted(root.iterdir()) if is_folder(path) and path.name.lower() in SPLIT_NAMES]
    splits = _by_split(name, named)
    if splits:
        for path in sorted(root.iterdir()):
            split = next((split for split, folder in splits.items() if folder == path), None)
            if split is not None:
                walk.add_pictures(path, split)
            elif is_folder(path):
                walk.skip_all(path, "unused_folder", "no split has this name")
    else:
        walk.add_pictures(root, None)
    layout = "/".join(split for split in SPLITS if split in splits) or "no splits declared"
    columns = {"folder": pl.String}
    return Source(name, f"folder of pictures ({layout})", walk.entries, walk.skipped, walk.notes, columns)


def _split_folders(name: str, folders: list[Path]) -> dict[str, Path]:
    """The folders that are splits by name; empty for a flat layout.

    A class may be called `train` (the vehicle): the name alone makes no split, the class folders inside do.
    """
    named = [folder for folder in folders if folder.name.lower() in SPLIT_NAMES]
    with_classes = [folder for folder in named if _holds_folders(folder)]
    if named and len(named) == len(folders) and not with_classes:
        got = f"only files in '{shown(named[0].name)}'"
        raise SourceError(name, "class folders inside train, val and test", got, "sort the pictures into class folders")
    return _by_split(name, with_classes)


def _by_split(name: str, folders: list[Path]) -> dict[str, Path]:
    """Folders that bear the name of a split, by split."""
    splits: dict[str, Path] = {}
    for folder in folders:
        split = SPLIT_NAMES[folder.name.lower()]
        if split in splits:
            got = f"'{shown(splits[split].name)}' and '{shown(folder.name)}'"
            raise SourceError(name, f"one folder for the {split} split", got, "merge them or rename one")
        splits[split] = folder
    if splits and "train" not in splits:
        got = f"only {', '.join(sorted(splits))}"
        raise SourceError(name, "a 'train' folder beside the other splits", got, "add it, or give one folder a class")
    return splits


def _add_splits(name: str, walk: _Walk, folders: list[Path], splits: dict[str, Path]) -> None:
    for folder in folders:
        split = next((split for split, path in splits.items() if path == folder), None)
        if split is None:
            before = len(walk.skipped)
            walk.skip_all(folder, "unused_folder", "no split has this name")
            left = len(walk.skipped) - before
            walk.notes.append(f"The folder '{shown(folder.name)}' is no split and was left out ({left} files).")
            continue
        if folder.name != split:
            walk.notes.append(f"The folder '{shown(folder.name)}' is taken as the {split} split.")
        for child in walk.children(folder, split=split):
            walk.add_class(child, split=split)


@dataclass
class _Walk:
    """What was met under `root` so far."""

    root: Path
    entries: list[Entry] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def children(self, folder: Path, split: str | None = None) -> list[Path]:
        """The folders in `folder` that may be classes or splits; files that lie beside them are left aside."""
        found = []
        for path, kind in self._listed(folder, {_identity(folder)}, None, split):
            if kind == "folder":
                found.append(path)
            else:
                self._skip(path, "outside_class_folder", "lies beside the class folders", None, split)
        return found

    def add_class(self, folder: Path, split: str | None) -> None:
        """Every file under `folder`, at any depth, becomes an entry of the class that bears its name."""
        target = shown(folder.name)
        before = len(self.entries)
        for path in self._files(folder, target, split):
            self.entries.append(Entry(self._relative(path), target, split, None, path))
        if len(self.entries) == before:
            self.notes.append(f"The folder '{self._relative(folder)}' holds no file that could be a picture.")

    def add_pictures(self, folder: Path, split: str | None) -> None:
        """Every file under `folder`, at any depth, becomes an entry without a class."""
        for path in self._files(folder, None, split):
            inner = path.parent.relative_to(folder).as_posix()
            further = (None if inner == "." else shown(inner),)
            self.entries.append(Entry(self._relative(path), "", split, None, path, further=further))

    def skip_all(self, folder: Path, reason: str, detail: str) -> None:
        """Every file under `folder` is left aside."""
        for path in self._files(folder, None, None):
            self._skip(path, reason, detail, None, None)

    def _files(self, folder: Path, target: str | None, split: str | None) -> Iterator[Path]:
        """The files under `folder`; each real folder is listed once, so that links neither loop nor multiply."""
        known = {_identity(above) for above in (folder, *folder.parents) if above.is_relative_to(self.root)}
        waiting = [folder]
        while waiting:
            inner = []
            for path, kind in self._listed(waiting.pop(), known, target, split):
                if kind == "folder":
                    inner.append(path)
                else:
                    yield path
            waiting.extend(reversed(inner))

    def _listed(
        self, folder: Path, known: set[tuple[int, int]], target: str | None, split: str | None
    ) -> Iterator[tuple[Path, str]]:
        """The files and folders in `folder` by name; all else is left aside with its reason."""
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208  names sort as the text they are, not as paths
        except OSError as error:
            self._skip(folder, "unreadable", error.strerror or type(error).__name__, target, split)
            return
        for name in names:
            path = folder / name
            if is_hidden(name):
                self._skip_hidden(path, target, split)
                continue
            kind, detail = _kind(path, known)
            if kind in ("file", "folder"):
                yield path, kind
            else:
                self._skip(path, kind, detail, target, split)

    def _skip_hidden(self, path: Path, target: str | None, split: str | None) -> None:
        if not is_folder(path) or path.is_symlink():
            self._skip(path, "hidden", "a hidden or system file", target, split)
            return
        for folder, _, files in os.walk(path):
            for name in sorted(files):
                self._skip(Path(folder) / name, "hidden", "in a hidden or system folder", target, split)

    def _skip(self, path: Path, reason: str, detail: str, target: str | None, split: str | None) -> None:
        self.skipped.append(Skipped(self._relative(path), reason, detail, target, split))

    def _relative(self, path: Path) -> str:
        return shown(path.relative_to(self.root).as_posix())


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _kind(path: Path, known: set[tuple[int, int]]) -> tuple[str, str]:
    """`file` or `folder`, or the reason for leaving it aside; with a detail for people. A folder becomes known."""
    try:
        if path.is_dir():
            identity = _identity(path)
            if identity in known:
                return "link_loop", "a link to a folder that is already listed, or the folder it leads to"
            known.add(identity)
            return "folder", ""
        if path.is_file():
            return "file", ""
        path.stat()
    except FileNotFoundError:
        return "dangling_link", _where_it_points(path)
    except OSError as error:
        is_link = os.path.islink(path)  # noqa: PTH114  Path.is_symlink raises on paths that are too long
        return "link_loop" if is_link else "unreadable", error.strerror or type(error).__name__
    return "not_a_file", "a pipe, a socket or a device"


def _where_it_points(path: Path) -> str:
    try:
        return f"points to '{shown(os.readlink(path))}', which is not there"  # noqa: PTH115
    except OSError:  # gone since the folder was listed
        return "is gone since its folder was listed"


def is_hidden(name: str) -> bool:
    """Whether a name is a hidden or system file's."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder; False where that cannot be found out."""
    return os.path.isdir(path)  # noqa: PTH112  Path.is_dir raises on names that are too long


def _holds_folders(folder: Path) -> bool:
    try:
        return any(is_folder(child) and not is_hidden(child.name) for child in folder.iterdir())
    except OSError:
        return False
