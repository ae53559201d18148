"""Data sets in rows, as Hugging Face's `datasets` keeps them: Arrow files of `save_to_disk`, and the Hub's Parquet.

Nothing is fetched, copied or unpacked, and no code of a data set is run. Labels are read at once; a picture is read
from its row when it is wanted, in an Arrow file from its own place, in a Parquet file with the others of its row group.
So orders and batches are those of a folder with the same pictures.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from deepenough.data.columns import PICTURE_KEYS, Columns, columns_of
from deepenough.data.entries import SPLIT_NAMES, Entry, Skipped, Source, shown
from deepenough.data.shards import Member, splits_of
from deepenough.errors import SourceError
from deepenough.records.foreign import ending_of

MOST_GROUP = 1 << 30  # bytes of the pictures of one row group of a Parquet file
_BESIDE = {".parquet", ".md", ".json", ".txt", ".yaml"}  # endings of the files of a repository of Parquet files
_TRIED = f"""
import os, sys
import pyarrow as pa, pyarrow.parquet as pq
try:
    with pq.ParquetFile(sys.argv[1]) as file:
        for group in range(file.num_row_groups):
            columns = file.metadata.row_group(group)
            [columns.column(each).total_uncompressed_size for each in range(columns.num_columns)]
            leave = set() if os.path.getsize(sys.argv[1]) <= 1 << 30 else {set(PICTURE_KEYS)}
            file.read_row_group(group, [name for name in file.schema_arrow.names if name not in leave])
except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError):
    pass  # said again, with its own words, where it is read next
"""
_EMPTY = "a row that holds no picture"
_DICT, _STATE = "dataset_dict.json", "state.json"


@dataclass(frozen=True, slots=True)
class Row:
    """Where a picture stands in a Parquet file: at `place` in the row group `group`."""

    file: Path
    column: str
    group: int
    place: int

    @property
    def length(self) -> int:
        """Bytes of the picture.

        Raises:
            OSError: as `read`.
        """
        return self._buffer().size

    def read(self) -> bytes:
        """The picture's encoded bytes.

        Raises:
            OSError: the file is gone or torn, or the row names a picture elsewhere in place of holding one.
        """
        return self._buffer().to_pybytes()

    def _buffer(self) -> Any:  # noqa: ANN401  a pyarrow.Buffer
        try:
            value = _of_group(self.file, self.column, self.group)[self.place]
        except (ValueError, IndexError, KeyError) as error:  # pyarrow's own are kinds of these
            raise OSError(errno.EIO, f"torn since it was listed ({error})", str(self.file)) from None
        if not value.is_valid:
            raise FileNotFoundError(errno.ENOENT, _EMPTY, str(self.file))
        return value.as_buffer()


def rows_in(folder: Path) -> list[tuple[Path, str | None]]:
    """The Arrow or Parquet files of a folder that `datasets` wrote, with the split each belongs to; else none.

    Raises:
        SourceError: what lists them is torn, or leads elsewhere.
    """
    try:
        if (folder / _DICT).is_file():
            named = _object(folder / _DICT).get("splits")
            return [found for split in _names(folder / _DICT, named) for found in _saved(folder / split, split)]
        if (folder / _STATE).is_file() and any(folder.glob("*.arrow")):
            return _saved(folder, None)
        children = [child for child in sorted(folder.iterdir()) if not child.name.startswith(".")]
        folders = [child for child in children if child.is_dir()]
        files = [child for child in children if not child.is_dir()]
        inside = [sorted(each.glob("*.parquet")) for each in folders]
    except OSError:  # said by who lists the folder as one of pictures
        return []
    found = [*(file for file in files if file.suffix == ".parquet"), *(file for each in inside for file in each)]
    if not found or not all(inside) or any(file.suffix.lower() not in _BESIDE for file in files):
        return []
    if len({file.parent for file in found}) > 1 and not all(each.name.lower() in SPLIT_NAMES for each in folders):
        got = ", ".join(shown(each.name) for each in folders)
        raise SourceError(shown(folder), "one data set of Parquet files", f"several: {got}", "name the folder of one")
    return [(file, None) for file in found]


def open_rows(name: str, files: Sequence[tuple[Path, str | None]], *, several: bool = False) -> Source:
    """List the pictures of such files; with `several` a row may have more targets than one, or none.

    Raises:
        SourceError: a file is missing or torn, holds no pictures or no classes, or only some name their split;
            or pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        remedy = "pip install 'deepenough[arrow]'"
        raise SourceError(name, "pyarrow, to read Arrow and Parquet files", "none", remedy) from None
    saved = {file: SPLIT_NAMES.get(split.lower()) for file, split in files if split is not None}
    left = sorted({split for _, split in files if split is not None and split.lower() not in SPLIT_NAMES})
    paths = [file for file, split in files if split is None or saved[file]]
    splits = saved if saved else splits_of(name, paths, "Parquet files")
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    for path in paths:
        try:
            path.open("rb").close()
        except OSError as error:
            raise SourceError(shown(path), "a file that can be read", error.strerror or str(error)) from None
        said = ending_of(path, _TRIED) if path.suffix == ".parquet" else ""
        if said:
            raise SourceError(shown(path), "a Parquet file, whole", f"a torn or forged one ({said})", "fetch it again")
        try:
            for found in _listed(path, splits.get(path), several=several):
                (entries if isinstance(found, Entry) else skipped).append(found)  # pyright: ignore[reportArgumentType]
        except (pa.ArrowException, ValueError, OSError, KeyError) as error:  # the last for names that are no text
            said = " ".join(str(error).split())[:120]
            raise SourceError(shown(path), "an Arrow or Parquet file, whole", f"torn or foreign ({said})") from None
    kind = "Parquet" if any(path.suffix == ".parquet" for path in paths) else "Arrow"
    how = "/".join(sorted({str(split) for split in splits.values() if split})) or "no splits declared"
    notes = [f"Left aside are the splits {', '.join(map(shown, left))}."] if left else []
    return Source(name, f"{len(paths)} {kind} files ({how})", entries, skipped, notes)


def _saved(folder: Path, split: str | None) -> list[tuple[Path, str | None]]:
    """The files of one saved data set, in the order of its rows."""
    listed = _object(folder / _STATE).get("_data_files")
    files = listed if isinstance(listed, list) else []
    found = [each.get("filename") if isinstance(each, dict) else None for each in files]
    return [(folder / file, split) for file in _names(folder / _STATE, found)]


def _object(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        said = None
    except OSError as error:
        raise SourceError(shown(path), "a file that can be read", error.strerror or str(error)) from None
    if not isinstance(said, dict):
        raise SourceError(shown(path), "what `save_to_disk` of datasets writes", "something else")
    return said


def _names(path: Path, names: Any) -> list[str]:  # noqa: ANN401
    """Names of files or folders beside a list of them; one that leads elsewhere is refused."""
    if not isinstance(names, list) or not names:
        raise SourceError(shown(path), "the names of what was saved", "none")
    for each in names:
        if not isinstance(each, str) or each in {"", ".", ".."} or re.search(r"[/\\\0]", each):
            raise SourceError(shown(path), "names inside the folder", shown(str(each)))
    return names


def _listed(path: Path, split: str | None, *, several: bool) -> Iterator[Entry | Skipped]:
    """The rows of a file, as pictures that can be read and rows without a class or a picture."""
    where, number = shown(path), 0
    blocks = _groups if path.suffix == ".parquet" else _batches
    for columns, table, held in blocks(path, several=several):
        targets = table.column(columns.target).to_pylist() if columns.target else [None] * len(held)
        groups = table.column("group").to_pylist() if columns.group else [None] * len(held)
        for picture, value, group in zip(held, targets, groups, strict=True):
            named = f"{shown(path.parent.name)}/{shown(path.name)}/{number:06d}"
            number += 1
            try:
                names = columns.names(value)
            except ValueError as error:
                raise SourceError(f"{where}: row {number}", str(error), shown(str(value)[:60])) from None
            if picture is None:
                yield Skipped(named, "missing", _EMPTY, "|".join(names) or None, split)
            elif not (names or several):
                yield Skipped(named, "no_target", "a row without a class", None, split)
            else:
                yield Entry(named, "|".join(names), split, None if group is None else str(group), held=picture)


def _batches(path: Path, *, several: bool) -> Iterator[tuple[Columns, Any, list[Member | None]]]:
    """The record batches of an Arrow stream, each with where its pictures lie in the file.

    The file is mapped only while it is listed: a mapped file that another program cuts short would kill this one.
    """
    import pyarrow as pa

    whole = pa.memory_map(str(path)).read_buffer()
    reader = pa.ipc.open_stream(whole)
    columns = columns_of(reader.schema, shown(path), several=several)
    for batch in reader:
        batch.validate(full=True)  # offsets and text; what a forged one leads to would end this process
        yield columns, batch, _members(path, _bytes(batch.column(columns.picture)), whole)


def _members(path: Path, pictures: Any, whole: Any) -> list[Member | None]:  # noqa: ANN401  a pyarrow Array and Buffer
    import pyarrow as pa

    if not len(pictures):
        return []
    wide = pa.types.is_large_binary(pictures.type)
    _, offsets, values = pictures.buffers()
    ends = np.frombuffer(offsets, np.int64 if wide else np.int32)[pictures.offset :][: len(pictures) + 1].tolist()
    first = values.address - whole.address
    if not 0 <= first <= first + ends[-1] <= whole.size:
        raise SourceError(shown(path), "pictures as they are", "a compressed column", "save it without compression")
    there = pictures.is_valid().to_pylist()
    return [
        Member(path, first + start, end - start) if filled else None
        for start, end, filled in zip(ends, ends[1:], there, strict=False)
    ]


def _groups(path: Path, *, several: bool) -> Iterator[tuple[Columns, Any, list[Row]]]:
    """The row groups of a Parquet file, their pictures unread."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        columns = columns_of(file.schema_arrow, shown(path), several=several)
        _require_small(file.metadata, columns.picture, shown(path))
        wanted = [name for name in (columns.target, "group" if columns.group else None) if name]
        for group in range(file.num_row_groups):
            rows = range(file.metadata.row_group(group).num_rows)
            held = [Row(path, columns.picture, group, place) for place in rows]
            yield columns, file.read_row_group(group, wanted), held


def _require_small(metadata: Any, picture: str, where: str) -> None:  # noqa: ANN401  a pyarrow.parquet.FileMetaData
    """Refuse row groups that would fill the memory, since a picture is read with the others of its group."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = [group.column(each) for each in range(group.num_columns)]
        size = sum(each.total_uncompressed_size for each in chunks if each.path_in_schema.split(".")[0] == picture)
        if size > MOST_GROUP:
            expected = f"row groups of at most {MOST_GROUP >> 20} MiB of pictures"
            raise SourceError(where, expected, f"{size >> 20} MiB", "write it with a smaller row_group_size")


@lru_cache(maxsize=2)
def _of_group(path: Path, column: str, block: int) -> Any:  # noqa: ANN401
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return _bytes(file.read_row_group(block, [column]).column(column).combine_chunks())


def _bytes(pictures: Any) -> Any:  # noqa: ANN401
    """Of a column of pictures the encoded bytes alone."""
    import pyarrow as pa

    if not pa.types.is_struct(pictures.type):
        return pictures
    return pictures.flatten()[pictures.type.get_field_index("bytes")]  # flattened, for `field` forgets missing rows
