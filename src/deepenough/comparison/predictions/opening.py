"""Files as tables or documents: CSV, Parquet, and the ways in which JSON holds a table."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from deepenough.comparison.predictions.form import NUMBERS, TEXT, Content
from deepenough.errors import RecordError
from deepenough.records import require_whole_table, unpanicked

SUFFIXES = (".csv", ".parquet", ".pq", ".json", ".jsonl")


def open_file(path: Path) -> Content:
    """The content of a file of predictions or targets.

    Text is kept as text, so a class named 01 does not become 1. JSON may be a list of rows, one row a line, pandas'
    `orient="index"` (ids as keys, here the column `filename`) or `orient="split"`; anything else is a document.

    Raises:
        RecordError: if the file is missing, torn, or of a kind that cannot hold predictions.
    """
    where = str(path)
    if path.is_dir():
        raise RecordError(where, "a file of predictions", "a folder", "give its files, or one study's folder alone")
    if not path.is_file():
        raise RecordError(where, "a CSV, Parquet or JSON file of predictions", "no such file")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise RecordError(where, "a file that ends in .csv, .parquet or .json", path.suffix or "no suffix")
    try:
        if suffix in (".parquet", ".pq"):
            require_whole_table(path)
            with unpanicked():
                content = Content(path, pl.read_parquet(path))
        elif suffix == ".csv":
            content = Content(path, pl.read_csv(path, infer_schema=False))
        else:
            content = _from_json(path)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        detail = (str(error).splitlines() or [type(error).__name__])[0]
        raise RecordError(where, "a table of predictions", f"a torn or foreign file ({detail})") from error
    if content.frame is not None:
        _refuse_nested(content.frame, where)
    return content


def _from_json(path: Path) -> Content:
    text = path.read_text(encoding="utf-8-sig")
    if text.lstrip()[:1] not in ("{", "["):  # timm's `--results-format json-record` writes CSV under this name
        return Content(path, pl.read_csv(io.StringIO(text), infer_schema=False))
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not lines[0].rstrip().endswith("}"):
            raise
        document = [json.loads(line) for line in lines]
    return _content(path, document)


def _content(path: Path, document: Any) -> Content:  # noqa: ANN401  JSON
    if isinstance(document, list) and document and all(isinstance(row, Mapping) for row in document):
        return Content(path, _from_rows(document))
    if isinstance(document, Mapping):
        if isinstance(document.get("columns"), list) and isinstance(document.get("data"), list):
            rows = [dict(zip(document["columns"], row, strict=True)) for row in document["data"]]
            return Content(path, _from_rows(rows))
        if isinstance(document.get("samples"), list) or isinstance(document.get("labels"), Mapping):
            return Content(path, document=document)
        if document and all(isinstance(row, Mapping) for row in document.values()):
            return Content(path, _from_rows([{"filename": name, **row} for name, row in document.items()]))
        if document and not any(isinstance(value, Mapping | list) for value in document.values()):
            return Content(path, _from_rows([document]))
    raise RecordError(
        str(path), "JSON with rows of predictions, or an export of FiftyOne", "another form", "see docs/predictions.md"
    )


def _from_rows(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame([_series(str(name), [row.get(name) for row in rows]) for name in names])


def _series(name: str, values: list[Any]) -> pl.Series:
    """A column of JSON values; where text and numbers are mixed, all becomes text."""
    if any(isinstance(value, str) for value in values):
        values = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return pl.Series(name, values, strict=False)


def _refuse_nested(raw: pl.DataFrame, where: str) -> None:
    for name in (*TEXT, *NUMBERS):
        kind = raw.schema.get(name)
        if kind is not None and (kind.is_nested() or (kind == pl.Binary and not _is_text(raw[name]))):
            raise RecordError(where, f"text or numbers in column {name}", f"{kind}", "write plain values")


def _is_text(column: pl.Series) -> bool:
    """Whether bytes are UTF-8; some writers of Parquet do not mark text as such."""
    try:
        column.cast(pl.String)
    except pl.exceptions.PolarsError:
        return False
    return True
