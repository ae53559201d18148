"""Whether values can be used: numbers where they must be, no gaps, no doubles, and class names that can be equal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from deepenough.comparison.predictions.form import TEXT, plain
from deepenough.errors import RecordError

RUN = ("contender", "seed", "scale")
_SHOWN = 5
_LARGEST_WHOLE = 2**31 - 1


def typed(raw: pl.DataFrame, where: str, *, partly: bool = False) -> pl.DataFrame:
    """All columns that predictions may have, with their types; `seed` and `scale` are 0 where absent.

    Args:
        raw: any of those columns, at least `sample_id` and `contender`.
        where: the file's name, for messages.
        partly: some samples may have a target and others none, as in a data set that is not wholly labelled.

    Raises:
        RecordError: if a number is none, or a sample's or contender's name, a prediction or a given score is missing.
    """
    frame = raw.select(
        *(plain(raw[name]).alias(name) if name in raw.columns else _absent(name, pl.String) for name in TEXT),
        _number(raw, "seed", pl.Int64, 0, where),
        _number(raw, "scale", pl.Int32, 0, where),
        _number(raw, "confidence", pl.Float64, None, where),
        _number(raw, "score", pl.Float64, None, where),
    )
    scored = "score" in raw.columns
    given = ["target"] if not partly and frame["target"].null_count() < frame.height else []
    needed = ["sample_id", *([] if scored else given), "contender", "score" if scored else "prediction"]
    refuse_empty(frame, (*needed, "seed", "scale"), where)
    return frame


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


def refuse_empty(frame: pl.DataFrame, required: Iterable[str], where: str) -> None:
    """Refuse empty cells, and numbers that are not finite, in the columns that need a value in every row."""
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


def refuse_duplicates(frame: pl.DataFrame, where: str) -> None:
    """Refuse a sample that occurs twice in a run."""
    twice = frame.filter(pl.struct(*RUN, "sample_id").is_duplicated())
    if twice.is_empty():
        return
    first = twice.row(0, named=True)
    ids = listed(twice["sample_id"].unique(maintain_order=True))
    got = f"more for {ids} (contender {first['contender']}, seed {first['seed']}, scale {first['scale']})"
    remedy = "remove the duplicates, or name the seeds where they are different runs"
    raise RecordError(where, "one row for each sample of a run", got, remedy)


def refuse_contradictions(frame: pl.DataFrame, name: str, where: str) -> None:
    """Refuse a sample whose target or group differs between rows."""
    several = frame.group_by("sample_id", maintain_order=True).agg(pl.col(name).n_unique().alias("kinds"))
    torn = several.filter(pl.col("kinds") > 1)["sample_id"]
    if len(torn):
        both = frame.filter(pl.col("sample_id") == torn[0])[name].unique(maintain_order=True).to_list()
        got = f"several for {listed(torn)} ({torn[0]}: {', '.join(map(str, both))})"
        raise RecordError(where, f"one {name} for each sample", got, f"make the column {name} agree between the runs")


def refuse_foreign_classes(frame: pl.DataFrame, where: str) -> None:
    """Refuse a run whose predictions and targets have no class name in common: it would count as wrong everywhere.

    A run that is wrong on every sample still names classes that occur, unless there is but one; so where there is a
    single target, only numbers against names are refused.
    """
    for key, rows in frame.filter(pl.col("prediction").is_not_null(), pl.col("target").is_not_null()).group_by(
        RUN, maintain_order=True
    ):
        targets, predictions = (rows[name].unique().sort() for name in ("target", "prediction"))
        if bool(targets.is_in(predictions.implode()).any()):
            continue
        numbers = [bool(names.str.contains(r"^[0-9]+$").all()) for names in (targets, predictions)]
        if len(targets) < 2 and numbers[0] == numbers[1]:
            continue
        got = (
            f"no name in common for {key[0]}, seed {key[1]} (targets: {listed(targets)}; "
            f"predictions: {listed(predictions)})"
        )
        remedy = "write both in the same words"
        if numbers[0] != numbers[1]:
            remedy = "give the class names in the order of their index: --classes FILE"
        raise RecordError(where, "targets and predictions that name the same classes", got, remedy)


def listed(names: pl.Series | Sequence[str]) -> str:
    """The first few, and how many there are where that is not all."""
    more = f", ... ({len(names)})" if len(names) > _SHOWN else ""
    return ", ".join(str(name) for name in names[:_SHOWN]) + more
