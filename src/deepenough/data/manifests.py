"""A CSV or Parquet table of pictures: `path,target[,split,group]`, paths relative to the table's folder.

A manifest may come from somebody else, so it cannot name files outside its own folder.
"""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl

from deepenough.data.entries import SPLIT_NAMES, Entry, Skipped, Source, shown
from deepenough.errors import SourceError

MANIFEST_SUFFIXES = {".csv", ".parquet", ".pq"}


def open_manifest(name: str, path: Path, *, path_column: str, target_column: str) -> Source:
    """List the pictures that a manifest names.

    Raises:
        SourceError: it is torn, a required column is missing, or a path leaves the manifest's folder.
    """
    frame = _read(name, path)
    required = (path_column, target_column)
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
    known = [*required, *(column for column in ("split", "group") if column in frame.columns)]
    notes = []
    extra = [column for column in frame.columns if column not in known]
    if extra:
        notes.append(f"The manifest's other columns were not read: {', '.join(extra)}.")
    entries, skipped = _rows(name, path.parent, frame.select(known), notes)
    return Source(name, f"manifest of {frame.height} rows", entries, skipped, notes)


def _read(name: str, path: Path) -> pl.DataFrame:
    try:
        if path.suffix.lower() == ".csv":
            return pl.read_csv(path, infer_schema=False)
        frame = pl.read_parquet(path)
        return frame.select(pl.col(column).cast(pl.String) for column in frame.columns)
    except pl.exceptions.NoDataError as error:
        raise SourceError(name, "a manifest with a header and rows", "an empty file") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError(name, "a CSV or Parquet manifest", f"a file that cannot be read as one ({said})") from error


def _rows(name: str, root: Path, frame: pl.DataFrame, notes: list[str]) -> tuple[list[Entry], list[Skipped]]:
    path_column, target_column, *_ = frame.columns
    rows = frame.rename({path_column: "path", target_column: "target"}).to_dicts()
    declares_splits = any((row.get("split") or "").strip() for row in rows)
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    unknown: set[str] = set()
    for number, row in enumerate(rows, start=2):  # line 1 is the header
        path, target = (row["path"] or "").strip(), (row["target"] or "").strip()
        written = (row.get("split") or "").strip()
        split = SPLIT_NAMES.get(written.lower())
        if not path:
            skipped.append(Skipped(f"row {number}", "no_path", "the row names no file", target or None, split))
        elif not target:
            skipped.append(Skipped(shown(path), "no_target", f"row {number} names no class", None, split))
        elif declares_splits and split is None:
            unknown.add(written)
            skipped.append(Skipped(shown(path), "unused_split", f"row {number}: split '{written}'", target, None))
        else:
            location = _inside(name, root, path, number)
            entries.append(Entry(shown(path), target, split, (row.get("group") or "").strip() or None, location))
    for split in sorted(unknown):
        notes.append(f"Rows of the split '{split}' were left out; train, val and test are used.")
    return entries, skipped


def _inside(name: str, root: Path, path: str, number: int) -> Path:
    """The file that `path` names, provided that it lies in `root`."""
    base = os.path.abspath(root)  # noqa: PTH100  as written, links not resolved: a link in the folder is its owner's choice
    location = os.path.normpath(os.path.join(base, path))  # noqa: PTH118
    if "\0" in path or not location.startswith(base.rstrip(os.sep) + os.sep):
        raise SourceError(
            f"{name}, row {number}",
            "a path inside the manifest's folder",
            repr(path),
            "put the manifest into the folder that holds all pictures",
        )
    return Path(location)
