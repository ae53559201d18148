"""What samples can be sliced by, and the level of each: class, image size, shape, and columns of the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from deepenough.errors import InputError
from deepenough.records import ANNOTATIONS, OTHER_GROUP, SAMPLES, SCORES

if TYPE_CHECKING:
    from deepenough.comparison.predictions import Reading

BINS = 5  # quantile bins of a number
MOST_LEVELS = 30  # of a text column; the rarer ones are one level together
MISSING, OTHER = "(missing)", "(other)"
#: Width over height at which a shape begins, with its name.
SHAPES = ((0.0, "portrait, below 4:5"), (0.8, "about square"), (1.25, "landscape, above 5:4"))
_LEADING_ZERO = r"^-?0\d"  # 007 is a code, not a number


@dataclass(frozen=True, slots=True)
class Partition:
    """One column: the names of its levels, and which of them each sample has."""

    column: str
    levels: tuple[str, ...]
    codes: npt.NDArray[np.int64]  # shape (samples,)


def further_columns(samples: pl.DataFrame | None) -> list[str]:
    """The columns that a manifest added; what the networks answered is never among them."""
    if samples is None:
        return []
    own = {*SAMPLES, *SCORES, ANNOTATIONS, OTHER_GROUP}
    return [name for name, kind in samples.schema.items() if name not in own and not _is_nested(kind)]


def require_sliceable(column: str, there: Sequence[str]) -> None:
    """Refuse a column that is not among those `there`, and say why where it is an outcome.

    Raises:
        InputError: the slices hold no such column.
    """
    if column in there:
        return
    remedy = "slice by something that was known before"
    if column in (*SCORES, "difficulty") and column not in ("target", "sample_id"):
        got = f"{column}, which the networks themselves bring about: images picked by it favour one of them by chance"
        raise InputError("--by", f"one of {', '.join(there)}", got, remedy)
    raise InputError("--by", f"one of {', '.join(there)}", column, "see the columns of samples.parquet")


def samples_of_predictions(source: Path | Sequence[Path], reading: Reading | None = None) -> pl.DataFrame | None:
    """What predictions say of their samples: one row each, with every column that all runs agree on.

    A column in which the form holds a run, its output or a probability is an outcome and never among them. None where
    nothing is left.

    Args:
        source: one file, or several.
        reading: as for `read_predictions`.
    """
    from deepenough.comparison.predictions.forms import form_of
    from deepenough.comparison.predictions.opening import open_file

    tables = []
    for path in [source] if isinstance(source, Path) else source:
        content = open_file(path)
        if content.frame is None or content.id_column is None:
            continue
        beside = form_of(content, None if reading is None else reading.form).beside(content.frame)
        tables.append(_of_samples(content.frame, content.id_column, beside))
    if len(tables) > 1:  # one may hold as text what another holds as numbers
        tables = [table.cast(pl.String) for table in tables]
    known: pl.DataFrame | None = None
    for name in dict.fromkeys(name for table in tables for name in table.columns if name != "sample_id"):
        values = pl.concat([table.select("sample_id", name) for table in tables if name in table.columns])
        found = values.group_by("sample_id", maintain_order=True).agg(
            pl.col(name).first(), kinds=pl.col(name).n_unique()
        )
        if found["kinds"].max() == 1:
            own = found.drop("kinds")
            known = own if known is None else known.join(own, on="sample_id", how="full", coalesce=True)
    if known is None:
        return None
    sides = [name for name in ("width", "height") if name in known.columns]
    return known.with_columns(pl.col(sides).cast(pl.Float64, strict=False))


def _of_samples(frame: pl.DataFrame, id_column: str, beside: Sequence[str]) -> pl.DataFrame:
    """The ids as predictions have them, and of the columns `beside` those that can be sliced by."""
    from deepenough.comparison.predictions.form import plain

    own = {*SAMPLES, *SCORES} - {"width", "height"}
    kept = [name for name in beside if name not in own and not _is_nested(frame.schema[name])]
    return frame.select(plain(frame[id_column]).alias("sample_id"), *kept)


def partitions(scores: pl.DataFrame, samples: pl.DataFrame | None, sample_ids: pl.Series) -> list[Partition]:
    """Every column that divides the samples: `class`, `size`, `aspect`, then the manifest's own.

    `size` is the short side, `aspect` width over height. Numbers fall into at most `BINS` bins between quantiles of
    these samples (each value by itself where there are no more of them), text into at most `MOST_LEVELS` levels beside
    those for missing and rarer values; classes are all kept. A column with one level, or none of two samples, is left
    out.

    Args:
        scores: columns `sample_id` and `target`.
        samples: as `records.SAMPLES`, further columns welcome; None leaves classes only.
        sample_ids: the samples, in the order of the codes.
    """
    targets = _joined(scores.select("sample_id", "target"), sample_ids)["target"]
    found = [_by_name("class", targets, most=None)]
    if samples is not None:
        rows = _joined(samples, sample_ids)
        if {"width", "height"} <= set(samples.columns):
            sides = rows.select(size=pl.min_horizontal("width", "height"), aspect=pl.col("width") / pl.col("height"))
            found += [_by_number("size", sides["size"], " px"), _by_shape(sides["aspect"])]
        found += [_by_value(name, rows[name]) for name in further_columns(samples)]
    return [part for part in found if part is not None]


def _joined(frame: pl.DataFrame, sample_ids: pl.Series) -> pl.DataFrame:
    ids = sample_ids.alias("sample_id").to_frame()
    return ids.join(frame.unique("sample_id", keep="first"), on="sample_id", how="left", maintain_order="left")


def _is_nested(kind: pl.DataType) -> bool:
    return kind.is_nested() or kind in (pl.Binary, pl.Object)


def _by_value(column: str, values: pl.Series) -> Partition | None:
    """A manifest's column: as numbers where all its values are, else as names."""
    if values.dtype.is_numeric():
        return _by_number(column, values)
    text = values.cast(pl.String).str.strip_chars()
    known = text.filter(text.is_not_null() & (text != ""))
    numbers = known.cast(pl.Float64, strict=False)
    if len(known) and not numbers.null_count() and not known.str.contains(_LEADING_ZERO).any():
        return _by_number(column, text.cast(pl.Float64, strict=False))
    return _by_name(column, text, most=MOST_LEVELS)


def _by_name(column: str, values: pl.Series, *, most: int | None) -> Partition | None:
    names = values.cast(pl.String).fill_null("").replace("", MISSING).alias("name")
    counts = names.value_counts(name="count").sort(["count", "name"], descending=[True, False])
    if counts.is_empty() or counts["count"][0] == 1:  # a name for each sample
        return None
    common = counts.filter(pl.col("name") != MISSING)["name"]
    if most is not None and len(common) > most:
        kept = pl.Series([*common.head(most), MISSING])
        names = names.to_frame().select(
            pl.when(pl.col("name").is_in(kept.implode())).then("name").otherwise(pl.lit(OTHER))
        )
        names = names.to_series().alias("name")
    there = set(names.unique())
    levels = [*sorted(there - {MISSING, OTHER}), *(name for name in (OTHER, MISSING) if name in there)]
    codes = names.replace_strict(levels, list(range(len(levels))), return_dtype=pl.Int64).to_numpy()
    return _used(column, levels, codes)


def _by_number(column: str, values: pl.Series, unit: str = "") -> Partition | None:
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = np.isfinite(numbers)
    distinct = np.unique(numbers[known])
    if len(distinct) > BINS:
        shares = np.arange(1, BINS) / BINS
        edges = np.unique(np.quantile(numbers[known], shares, method="inverted_cdf"))  # a value that is there
        edges = edges[edges < distinct[-1]]
    else:
        edges = distinct[:-1]
    codes = np.searchsorted(edges, numbers, side="left")
    codes[~known] = len(edges) + 1
    bins = [distinct[np.searchsorted(edges, distinct, side="left") == place] for place in range(len(edges) + 1)]
    ends = [(here[0], here[-1]) for here in bins if len(here)]
    names = _short([end for pair in ends for end in pair])
    levels = [
        f"{low}{unit}" if low == high else f"{low} to {high}{unit}"
        for low, high in zip(*[iter(names)] * 2, strict=True)
    ]
    levels += [MISSING] * (len(edges) + 2 - len(levels))
    return _used(column, levels, codes.astype(np.int64))


def _by_shape(ratios: pl.Series) -> Partition | None:
    numbers = ratios.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = np.isfinite(numbers)
    starts = np.array([start for start, _ in SHAPES])
    codes = np.searchsorted(starts, numbers, side="right") - 1
    codes[~known] = len(SHAPES)
    return _used("aspect", [*(name for _, name in SHAPES), MISSING], codes.astype(np.int64))


def _used(column: str, levels: list[str], codes: npt.NDArray[np.int64]) -> Partition | None:
    """Without the levels that no sample has; None where that leaves one."""
    there, compact = np.unique(codes, return_inverse=True)
    if len(there) < 2:
        return None
    return Partition(column, tuple(levels[place] for place in there), compact.astype(np.int64))


def _short(numbers: Sequence[float]) -> list[str]:
    """Whole numbers in full; others with as many digits as keep different ones apart, at least three.

    >>> _short([1.23456, 1.23999, 2.5]), _short([1e6, 7.0])
    (['1.23', '1.24', '2.50'], ['1000000', '7'])
    """
    if all(float(number).is_integer() for number in numbers):
        return [f"{number:.0f}" for number in numbers]
    different = len(set(numbers))
    texts = ([f"{number:#.{digits}g}" for number in numbers] for digits in range(3, 18))
    return next(shown for shown in texts if len(set(shown)) == different)  # 17 digits tell any two apart
