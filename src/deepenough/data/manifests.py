"""A CSV or Parquet table of pictures: `path,target[,split,group]`, paths relative to the table's folder.

Further columns (camera, hospital, age, ...) go along to samples.parquet, so that results can be sliced by them.
A manifest may come from somebody else, so it cannot name files outside its own folder unless that is allowed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import polars as pl

from deepenough.data.entries import SPLIT_NAMES, Entry, Skipped, Source
from deepenough.errors import SourceError
from deepenough.records import SAMPLES, SCORES, require_whole_table, unpanicked

MANIFEST_SUFFIXES = {".csv", ".parquet", ".pq"}
PREFIX = "manifest_"  # before a further column whose name is taken
_TAKEN = {*SAMPLES, *SCORES, "class", "size", "aspect"}
_NO_VALUES = (pl.Binary, pl.Object, pl.Null)


def open_manifest(
    name: str,
    path: Path,
    *,
    path_column: str,
    target_column: str,
    allow_outside: bool = False,
    empty_targets: bool = False,
    needs_targets: bool = True,
) -> Source:
    """List the pictures that a manifest names; with `empty_targets` a row without a target is a picture without any.

    Without `needs_targets` the column of targets may be missing.

    Raises:
        SourceError: it is torn, a required column is missing, or a path leaves the manifest's folder and that is not
            allowed.
    """
    frame = _read(name, path)
    required = (path_column, target_column) if needs_targets else (path_column,)
    missing = [column for column in required if column not in frame.columns]
    if missing:
        raise SourceError(
            name,
            f"the columns {', '.join(required)} (and, if wanted, split and group)",
            f"the columns {', '.join(frame.columns) or 'none'}",
            f"rename the columns; missing: {', '.join(missing)}",
        )
    if frame.is_empty():
        raise SourceError(name, "a row a picture", "a header and no rows")
    known = [*required, *(name for name in (target_column, "split", "group") if name in frame.columns)]
    known = list(dict.fromkeys(known))
    notes = []
    further = _further(name, frame.drop(known), notes)
    paths, targets = _texts(name, frame, path_column), _texts(name, frame, target_column)
    splits, groups = _texts(name, frame, "split"), _texts(name, frame, "group")
    values = further.rows() if further.width else [()] * frame.height
    rows = [_Row(*cells) for cells in zip(paths, targets, splits, groups, values, strict=True)]
    entries, skipped = _sorted_out(name, _Root(path.parent, allow_outside, empty_targets), rows, notes)
    if not entries and {left.reason for left in skipped} == {"unused_split"}:
        named = ", ".join(repr(split) for split in sorted({row.split for row in rows})[:5])
        raise SourceError(
            f"{name}, column split",
            "train, val or test (or test_shifted)",
            named,
            "rename the splits, or leave them out",
        )
    return Source(name, f"manifest of {frame.height} rows", entries, skipped, notes, dict(further.schema))


class _Root(NamedTuple):
    """The manifest's folder, whether paths may leave it, and whether rows may have no target."""

    folder: Path
    allow_outside: bool
    empty_targets: bool = False


class _Row(NamedTuple):
    """One row, each cell stripped; empty where the manifest has no such column or cell."""

    path: str
    target: str
    split: str
    group: str
    further: tuple[object, ...] = ()


def _read(name: str, path: Path) -> pl.DataFrame:
    try:
        if path.suffix.lower() == ".csv":
            return pl.read_csv(path, infer_schema=False)
        require_whole_table(path)
        with unpanicked():
            return pl.read_parquet(path)
    except pl.exceptions.NoDataError as error:
        raise SourceError(name, "a manifest with a header and rows", "an empty file") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _torn(name, error) from error


def _torn(name: str, error: Exception) -> SourceError:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return SourceError(name, "a CSV (UTF-8) or Parquet manifest", f"a file that cannot be read as one ({said})")


def _texts(name: str, frame: pl.DataFrame, column: str) -> list[str]:
    if column not in frame.columns:
        return [""] * frame.height
    try:
        return [(cell or "").strip() for cell in frame.get_column(column).cast(pl.String)]
    except pl.exceptions.PolarsError as error:
        raise _torn(name, error) from error


def _further(name: str, frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """The manifest's other columns: numbers as they are, all else as text, under names that mean nothing else here.

    A name that the study folder uses itself (`width`, `score`, ...) or that names a built-in slice gets a prefix, since
    what the manifest says of it need not be what was measured.
    """
    plain = [column for column, kind in frame.schema.items() if not (kind.is_nested() or kind in _NO_VALUES)]
    if len(plain) < frame.width:
        notes.append(
            f"Columns without plain values were not read: {', '.join(c for c in frame.columns if c not in plain)}."
        )
    named = {column: f"{PREFIX}{column}" if column.lower() in _TAKEN else column for column in plain}
    twice = [column for column, new in named.items() if new != column and new in plain]
    if twice:
        got = f"both {twice[0]} and {named[twice[0]]}"
        raise SourceError(name, f"no column {twice[0]}, or none named {named[twice[0]]}", got, "rename one of them")
    if named:
        notes.append(f"Results can be sliced by the manifest's further columns: {', '.join(named.values())}.")
    kept = []
    for column, new in named.items():
        kind = frame.schema[column]
        if kind.is_numeric():
            values = frame[column].cast(pl.Int64 if kind.is_integer() else pl.Float64, strict=False)
        else:
            values = pl.Series([text or None for text in _texts(name, frame, column)], dtype=pl.String)
        kept.append(values.alias(new))
    return pl.DataFrame(kept)


def _sorted_out(name: str, root: _Root, rows: list[_Row], notes: list[str]) -> tuple[list[Entry], list[Skipped]]:
    """The rows that name a picture, and those that are left aside."""
    declares_splits = any(row.split for row in rows)
    base = os.path.abspath(root.folder)  # noqa: PTH100  links are not resolved: one in the folder is its owner's choice
    outside = 0
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    unknown: set[str] = set()
    for number, row in enumerate(rows, start=2):  # line 1 is the header
        split = SPLIT_NAMES.get(row.split.lower())
        if not row.path:
            skipped.append(Skipped(f"row {number}", "no_path", "the row names no file", row.target or None, split))
        elif not row.target and not root.empty_targets:
            skipped.append(Skipped(row.path, "no_target", f"row {number} names no class", None, split))
        elif declares_splits and split is None:
            unknown.add(row.split)
            skipped.append(Skipped(row.path, "unused_split", f"row {number}: split '{row.split}'", row.target, None))
        else:
            if "\0" in row.path:
                raise SourceError(f"{name}, row {number}", "a path", f"{row.path!r}, which holds a zero byte")
            location, leaves = _located(base, row.path)
            outside += leaves
            if leaves and not root.allow_outside:
                raise _leaving(name, row.path, number)
            entries.append(Entry(row.path, row.target, split, row.group or None, location, further=row.further))
    if outside:
        notes.append(f"Paths that leave the manifest's folder, as was allowed: {outside}.")
    notes.extend(
        f"Rows of the split '{split}' were left out; train, val and test are used." for split in sorted(unknown)
    )
    return entries, skipped


def _located(base: str, path: str) -> tuple[Path, bool]:
    """The file that `path` names, and whether it lies outside the folder `base`."""
    location = os.path.normpath(os.path.join(base, path))  # noqa: PTH118
    return Path(location), not location.startswith(base.rstrip(os.sep) + os.sep)


def _leaving(name: str, path: str, number: int) -> SourceError:
    remedy = (
        "put the manifest into the folder that holds all pictures, or, if you trust it, allow other folders: "
        "--allow-outside, or allow_outside: true in a study file"
    )
    return SourceError(f"{name}, row {number}", "a path inside the manifest's folder", repr(path), remedy)
