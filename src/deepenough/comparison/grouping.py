"""Which samples depend on each other: the group of each, from a frame or from a study's table of samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from deepenough.errors import RecordError
from deepenough.records import OTHER_GROUP, require_whole_table


def groups_of(frame: pl.DataFrame, column: str = "group") -> dict[str, Any] | None:
    """Group of each sample id, from a frame with such a column; None where it has none or all are empty.

    Where a study's samples have two groups each (`records.OTHER_GROUP`), both, as a tuple.
    """
    if column not in frame.columns or frame[column].null_count() == frame.height:
        return None
    if column == "group" and OTHER_GROUP in frame.columns:
        both = frame.select("sample_id", "group", OTHER_GROUP).unique("sample_id", maintain_order=True)
        return {sample: (first, second) for sample, first, second in both.iter_rows()}
    first = frame.select("sample_id", pl.col(column).cast(pl.String).alias("of")).unique(
        "sample_id", maintain_order=True
    )
    return dict(first.iter_rows())


def read_groups(path: Path, column: str | None = None) -> dict[str, Any] | None:
    """The groups of a `samples.parquet`, of which no other column is read; None where no group was given.

    Args:
        path: of the table.
        column: whose equal values make a group; `group`, which need not be there, where None.

    Raises:
        RecordError: if the table is torn, or `column` is named and not there.
    """
    if not path.is_file():
        if column is not None:
            raise RecordError("--group-column", f"{path} with a column {column}", "no such file")
        return None
    try:
        require_whole_table(path)
        kinds = pl.read_parquet_schema(path)
        if column is not None and column not in kinds:
            raise RecordError("--group-column", f"a column of {path}: {', '.join(kinds)}", column)
        name = column or "group"
        if name not in kinds or "sample_id" not in kinds:
            return None
        other = [OTHER_GROUP] if name == "group" and OTHER_GROUP in kinds else []
        return groups_of(pl.read_parquet(path, columns=list(dict.fromkeys(["sample_id", name, *other]))), name)
    except (pl.exceptions.PolarsError, OSError) as error:
        got = f"a torn or foreign file ({error})"
        raise RecordError(str(path), "a Parquet table", got, "run the study again") from error
