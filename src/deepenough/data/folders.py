"""A folder of class folders, flat or under train/val/test.

Links to files and folders are followed, loops are not. Hidden and system files are left aside with their reason; every
other file is an entry, whatever its name ends with, since only decoding tells what it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deepenough.data.entries import SPLIT_NAMES, Entry, Skipped, Source, shown
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
    layout = "/".join(split for split in ("train", "val", "test") if split in splits) or "no splits declared"
    return Source(name, f"folder of class folders ({layout})", walk.entries, walk.skipped, walk.notes)


def _split_folders(name: str, folders: list[Path]) -> dict[str, Path]:
    """The folders that are splits by name; empty for a flat layout.

    A class may be called `train` (the vehicle): the name alone makes no split, the class folders inside do.
    """
    named = [folder for folder in folders if folder.name.lower() in SPLIT_NAMES]
    with_classes = [folder for folder in named if any(child.is_dir() for child in folder.iterdir())]
    splits: dict[str, Path] = {}
    for folder in with_classes:
        split = SPLIT_NAMES[folder.name.lower()]
        if split in splits:
            got = f"'{shown(splits[split].name)}' and '{shown(folder.name)}'"
            raise SourceError(name, f"one folder for the {split} split", got, "merge them or rename one")
        splits[split] = folder
    if named and len(named) == len(folders) and not with_classes:
        got = f"only files in '{shown(named[0].name)}'"
        raise SourceError(name, "class folders inside train, val and test", got, "sort the pictures into class folders")
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
        for path, kind in self._listed(folder, frozenset({_identity(folder)}), None, split):
            if kind == "folder":
                found.append(path)
            else:
                self._skip(path, "outside_class_folder", "lies beside the class folders", None, split)
        return found

    def add_class(self, folder: Path, split: str | None) -> None:
        """Every file under `folder`, at any depth, becomes an entry of the class that bears its name."""
        target = shown(folder.name)
        for path in self._files(folder, frozenset({_identity(self.root)}), target, split):
            self.entries.append(Entry(self._relative(path), target, split, None, path))

    def skip_all(self, folder: Path, reason: str, detail: str) -> None:
        """Every file under `folder` is left aside."""
        for path in self._files(folder, frozenset({_identity(self.root)}), None, None):
            self._skip(path, reason, detail, None, None)

    def _files(
        self, folder: Path, above: frozenset[tuple[int, int]], target: str | None, split: str | None
    ) -> Iterator[Path]:
        here = above | {_identity(folder)}
        for path, kind in self._listed(folder, here, target, split):
            if kind == "folder":
                yield from self._files(path, here, target, split)
            else:
                yield path

    def _listed(
        self, folder: Path, above: frozenset[tuple[int, int]], target: str | None, split: str | None
    ) -> Iterator[tuple[Path, str]]:
        """The regular files and folders of `folder` by name; all else is left aside with its reason."""
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208  names sort as the text they are, not as paths
        except OSError as error:
            self._skip(folder, "unreadable", error.strerror or type(error).__name__, target, split)
            return
        for name in names:
            path = folder / name
            if name.startswith(".") or name.lower() in SYSTEM_NAMES:
                self._skip_hidden(path, target, split)
                continue
            kind, detail = _kind(path, above)
            if kind in ("file", "folder"):
                yield path, kind
            else:
                self._skip(path, kind, detail, target, split)

    def _skip_hidden(self, path: Path, target: str | None, split: str | None) -> None:
        if not path.is_dir() or path.is_symlink():
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


def _kind(path: Path, above: frozenset[tuple[int, int]]) -> tuple[str, str]:
    """`file` or `folder`, or the reason for leaving it aside; with a detail for people."""
    try:
        if path.is_dir():
            return ("link_loop", "a link to a folder above it") if _identity(path) in above else ("folder", "")
        if path.is_file():
            return "file", ""
        if not path.is_symlink():
            return "not_a_file", "a pipe, a socket or a device"
        path.stat()
    except FileNotFoundError:
        return "dangling_link", f"points to '{shown(os.readlink(path))}', which is not there"  # noqa: PTH115
    except OSError as error:
        return "link_loop" if path.is_symlink() else "unreadable", error.strerror or type(error).__name__
    return "not_a_file", "a link to a pipe, a socket or a device"
