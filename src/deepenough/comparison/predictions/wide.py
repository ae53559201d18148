"""Wide: one row a sample, one column a run."""

from __future__ import annotations

import polars as pl

from deepenough.comparison.predictions.checking import refuse_empty
from deepenough.comparison.predictions.form import BESIDES, Content, Context, Form, plain, with_run
from deepenough.comparison.predictions.names import Run, parse_run
from deepenough.errors import RecordError


def _fits(content: Content) -> bool:
    return content.id_column is not None and bool(_run_columns(content))


def _run_columns(content: Content) -> list[str]:
    return [name for name in content.columns if name not in (content.id_column, *BESIDES)]


def _read(content: Content, context: Context) -> pl.DataFrame:
    frame, where, scored = content.table, str(content.path), context.reading.values == "scores"
    columns = _run_columns(content)
    if content.id_column is None or not columns:
        got = f"the columns {', '.join(frame.columns)}"
        raise RecordError(where, "a column sample_id, and a column for each run", got)
    given = {"sample_id": frame[content.id_column]}
    given |= {name: frame[name] for name in ("target", "group") if name in frame.columns}
    base = pl.DataFrame({name: plain(column) for name, column in given.items()})
    filled = [name for name in ("sample_id", "target") if name in given and base[name].null_count() < base.height]
    refuse_empty(base, filled, where)
    met: dict[Run, str] = {}
    parts = []
    for name in columns:
        run = parse_run(name, f"{where}, column {name}", remedy="rename the column")
        if run in met:
            raise RecordError(where, "one column for each run", f"{met[run]} and {name}, the same run", "rename one")
        met[run] = name
        if frame[name].dtype.is_nested():
            raise RecordError(where, f"plain values in column {name}", f"{frame[name].dtype}")
        values = frame[name].alias("score") if scored else plain(frame[name]).alias("prediction")
        part = with_run(base.with_columns(values), run)
        empty = pl.col(values.name).is_null()
        if values.dtype == pl.String:
            empty |= pl.col(values.name).str.strip_chars() == ""
        parts.append(part.filter(~empty))  # an empty cell: this run lacks the sample
    return pl.concat(parts)


FORM = Form("wide", "wide, one column a run", "sample_id, target and a column a run", _fits, _read)
