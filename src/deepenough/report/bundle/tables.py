"""Tables as JSON: columns by name. What a page has no use for is thinned or left out, so that it stays small."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from deepenough import records
from deepenough.comparison import Aligned
from deepenough.comparison.levels import further_columns
from deepenough.report.evidence import CellRecord

MOST_PATHS = 10_000  # of images on which the pair differs, the largest differences first
MOST_ROWS = 200  # of a training history, for each curve
_CURVES = ("step", "epoch", "loss", "train_accuracy", "val_accuracy", "elapsed_s")
_DIGITS = 6  # of a curve


def to_columns(frame: pl.DataFrame) -> dict[str, list[Any]]:
    """A table as JSON holds it; NaN and infinities become null, dates and their like text."""
    plain = frame.with_columns(
        pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name)
        for name, kind in frame.schema.items()
        if kind.is_float()
    )
    return plain.with_columns(
        pl.col(name).cast(pl.String)
        for name, kind in frame.schema.items()
        if kind.is_temporal() or kind == pl.Categorical
    ).to_dict(as_series=False)


def from_columns(columns: Mapping[str, list[Any]] | None, schema: Mapping[str, Any]) -> pl.DataFrame | None:
    """The inverse of `to_columns` for a table whose columns are known; further ones follow as they come."""
    if columns is None:
        return None
    return pl.DataFrame(dict(columns), schema_overrides={k: v for k, v in schema.items() if k in columns})


def samples_to_columns(samples: pl.DataFrame | None, aligned: Aligned, shown: pl.Series) -> dict[str, list[Any]] | None:
    """What is known of the tested samples, in their order, without their ids.

    Args:
        samples: `records.SAMPLES` with any further columns.
        aligned: gives the samples and their order.
        shown: whether each sample's path may be shown; that of the others stays where it is.

    Groups, which may be the names of patients, are numbered.
    """
    if samples is None:
        return None
    ordered = pl.DataFrame({"sample_id": aligned.sample_ids}).join(
        samples.unique("sample_id", keep="first", maintain_order=True),
        on="sample_id",
        how="left",
        maintain_order="left",
    )
    groups = [name for name in ("group", records.OTHER_GROUP) if name in ordered.columns]
    names = [name for column in groups for name in ordered[column].drop_nulls()]
    known = {name: code for code, name in enumerate(dict.fromkeys(names))}  # the same of both: a pair of two samples
    nobody = pl.Series("group", [None] * ordered.height, dtype=pl.String)
    numbered = {
        column: ordered.get_column(column, default=nobody).replace_strict(known, default=None, return_dtype=pl.Int64)
        for column in dict.fromkeys(("group", *groups))
    }
    return to_columns(
        ordered.select(
            path=pl.when(shown).then(pl.col("path")),
            **numbered,
            **{name: pl.col(name) for name in ("width", "height") if name in ordered.columns},
            **{name: pl.col(name) for name in further_columns(ordered)},
        )
    )


def samples_from_columns(
    columns: Mapping[str, list[Any]] | None, sample_ids: pl.Series, targets: pl.Series | None
) -> pl.DataFrame | None:
    """The inverse of `samples_to_columns`, as `records.SAMPLES` under the ids that the page gives its samples."""
    if columns is None:
        return None
    frame = pl.DataFrame(dict(columns), infer_schema_length=None)
    size = frame.height
    return frame.select(
        sample_ids.alias("sample_id"),
        pl.col("path").cast(pl.String),
        (pl.Series([None] * size, dtype=pl.String) if targets is None else targets).alias("target"),
        pl.lit("test").alias("split"),
        **{name: pl.col(name) for name in frame.columns if name != "path"},
    ).with_columns(pl.col(name).cast(pl.String) for name in ("group", records.OTHER_GROUP) if name in frame.columns)


def cell_to_json(cell: CellRecord) -> dict[str, Any]:
    """A training run, its history thinned to what its curves and its table show."""
    return {
        "contender": cell.contender,
        "seed": cell.seed,
        "status": cell.status,
        "steps": cell.steps,
        "history": None if cell.history is None else to_columns(_thinned(cell.history)),
    }


def cell_from_json(plain: Mapping[str, Any]) -> CellRecord:
    """The inverse of `cell_to_json`."""
    return CellRecord(
        contender=plain["contender"],
        seed=plain["seed"],
        status=plain["status"],
        steps=plain["steps"],
        history=from_columns(plain["history"], records.HISTORY),
    )


def _thinned(history: pl.DataFrame) -> pl.DataFrame:
    rows = history.with_row_index("row")
    kept = {history.height - 1} if history.height else set()
    for name in ("loss", "val_accuracy"):
        there = rows.filter(pl.col(name).is_not_null())["row"]
        kept |= set(there.gather_every(max(1, -(-len(there) // MOST_ROWS)))) | set(there.tail(1))
    chosen = history.select(_CURVES)[sorted(kept)]
    return chosen.with_columns(
        pl.col(name).round_sig_figs(_DIGITS) for name, kind in chosen.schema.items() if kind.is_float()
    )


def may_be_shown(aligned: Aligned, pair: tuple[str, str], scale: int) -> pl.Series:
    """Which samples' paths a page may show: those on which some runs of the pair differ, the most divided first."""
    runs = [aligned.cells[name, scale].scores for name in pair if (name, scale) in aligned.cells]
    if len(runs) < 2:
        return pl.Series(np.zeros(len(aligned.sample_ids), bool))
    gap = np.abs(np.nan_to_num(np.nanmean(runs[1], axis=0) - np.nanmean(runs[0], axis=0)))
    together = np.concatenate(runs)
    divided = (
        (gap > 0) | (np.nanmin(together, axis=0) < np.nanmax(together, axis=0)) | (np.nanmin(together, axis=0) < 1)
    )
    order = np.lexsort((~divided, -gap))[:MOST_PATHS]
    chosen = np.zeros(len(gap), bool)
    chosen[order] = divided[order]
    return pl.Series(chosen)
