"""Predictions that came from anywhere: CSV or Parquet, one row for each sample and run."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from deepenough.errors import RecordError
from deepenough.records import SCORES

_FORM = "sample_id,target,contender,prediction[,seed,scale,score,confidence,group]"
_TEXT = ("sample_id", "target", "contender", "prediction", "group")
_NUMBERS = ("seed", "scale", "confidence", "score")
_SHOWN = 5
_LARGEST_WHOLE = 2**31 - 1


def read_predictions(path: Path) -> pl.DataFrame:
    """Read predictions into the columns of `records.SCORES`, and `group` where there is one.

    Needed are `sample_id`, `contender` and either `target` with `prediction` (the score is then 1 where they are
    equal) or `score` (higher is better; `target` and `prediction` may then be absent). `seed` and `scale` are 0 where
    absent. Class names are compared as text; further columns are ignored.

    Raises:
        RecordError: if the file or a column is missing, a value is missing or not a number where it must be, a sample
            occurs twice in a run, or a sample's target or group differs between rows. That all runs hold the same
            samples is checked by `align`.
    """
    raw = _read(path)
    where = str(path)
    scored = "score" in raw.columns
    required = ("sample_id", "contender") if scored else ("sample_id", "target", "contender", "prediction")
    missing = [name for name in required if name not in raw.columns]
    if missing:
        got = f"no column {', '.join(missing)} among {', '.join(raw.columns)}"
        raise RecordError(where, f"the columns {_FORM}", got, "rename the columns of your file")
    if raw.is_empty():
        raise RecordError(where, "at least one prediction", "no rows")
    _refuse_nested(raw, where)
    frame = raw.select(
        *(pl.col(n).cast(pl.String).str.strip_chars() if n in raw.columns else _absent(n, pl.String) for n in _TEXT),
        _number(raw, "seed", pl.Int64, 0, where),
        _number(raw, "scale", pl.Int32, 0, where),
        _number(raw, "confidence", pl.Float64, None, where),
        *([_number(raw, "score", pl.Float64, None, where)] if scored else []),
    )
    if not scored:
        frame = frame.with_columns((pl.col("prediction") == pl.col("target")).cast(pl.Float64).alias("score"))
    _refuse_empty(frame, (*required, "seed", "scale", "score"), where)
    _refuse_duplicates(frame, where)
    for name in ("target", "group"):
        _refuse_contradictions(frame, name, where)
    kept = [*SCORES, *(["group"] if "group" in raw.columns else [])]
    return frame.select(kept)


def groups_of(frame: pl.DataFrame) -> dict[str, str | None] | None:
    """Group of each sample id, from a frame with a `group` column; None where it has none or all are empty."""
    if "group" not in frame.columns or frame["group"].null_count() == frame.height:
        return None
    return dict(frame.select("sample_id", "group").unique("sample_id").iter_rows())


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise RecordError(str(path), "a CSV or Parquet file of predictions", "no such file")
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet", ".pq"):
        raise RecordError(str(path), "a file that ends in .csv or .parquet", f"{path.suffix or 'no suffix'}")
    try:
        if suffix == ".csv":  # as text: a class named 01 must not become 1
            return pl.read_csv(path, infer_schema=False)
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        detail = str(error).splitlines()[0]
        wanted = f"a table with the columns {_FORM}"
        raise RecordError(str(path), wanted, f"a torn or foreign file ({detail})") from error


def _absent(name: str, kind: type[pl.DataType]) -> pl.Expr:
    return pl.lit(None, dtype=kind).alias(name)


def _number(
    raw: pl.DataFrame, name: str, kind: type[pl.DataType], default: int | None, where: str
) -> pl.Expr | pl.Series:
    """The column as numbers; its default where the column is absent."""
    if name not in raw.columns:
        return pl.lit(default, dtype=kind).alias(name)
    given = raw[name].str.strip_chars() if raw[name].dtype == pl.String else raw[name]
    numbers = given.cast(pl.Float64, strict=False)
    whole = kind in (pl.Int64, pl.Int32)
    bad = (numbers.is_null() & given.is_not_null()).fill_null(value=False)
    if whole:
        bad |= ((numbers != numbers.round(0)) | (numbers.abs() > _LARGEST_WHOLE)).fill_null(value=False)
    if bad.any():
        row = int(bad.arg_max() or 0)
        wanted = "whole numbers" if whole else "numbers"
        raise RecordError(where, f"{wanted} in column {name}", f"{given[row]!r} in row {row + 1}")
    return numbers.cast(kind).alias(name)


def _refuse_nested(raw: pl.DataFrame, where: str) -> None:
    for name in (*_TEXT, *_NUMBERS):
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


def _refuse_empty(frame: pl.DataFrame, required: tuple[str, ...], where: str) -> None:
    for name in dict.fromkeys(required):
        column = frame[name]
        empty = column.is_null()
        if column.dtype == pl.String:
            empty |= (column == "").fill_null(value=False)
        elif column.dtype == pl.Float64:
            empty |= (~column.is_finite()).fill_null(value=False)
        if empty.any():
            rows = empty.arg_true()
            got = f"{len(rows)} empty or not finite, first in row {rows[0] + 1}"
            raise RecordError(where, f"a value in every row of column {name}", got, "fill or remove these rows")


def _refuse_duplicates(frame: pl.DataFrame, where: str) -> None:
    run = ["contender", "seed", "scale"]
    twice = frame.filter(pl.struct(*run, "sample_id").is_duplicated())
    if twice.is_empty():
        return
    first = twice.row(0, named=True)
    ids = _listed(twice["sample_id"].unique(maintain_order=True))
    got = f"more for {ids} (contender {first['contender']}, seed {first['seed']}, scale {first['scale']})"
    remedy = "remove the duplicates, or add a seed column where they are different runs"
    raise RecordError(where, "one row for each sample of a run", got, remedy)


def _refuse_contradictions(frame: pl.DataFrame, name: str, where: str) -> None:
    several = frame.group_by("sample_id", maintain_order=True).agg(pl.col(name).n_unique().alias("kinds"))
    torn = several.filter(pl.col("kinds") > 1)["sample_id"]
    if len(torn):
        both = frame.filter(pl.col("sample_id") == torn[0])[name].unique(maintain_order=True).to_list()
        got = f"several for {_listed(torn)} ({torn[0]}: {', '.join(map(str, both))})"
        raise RecordError(where, f"one {name} for each sample", got, f"make the column {name} agree between the runs")


def _listed(ids: pl.Series) -> str:
    return ", ".join(str(sample) for sample in ids.head(_SHOWN)) + (f", ... ({len(ids)})" if len(ids) > _SHOWN else "")
