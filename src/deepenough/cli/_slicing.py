"""The slices of a study's folder or of a table of predictions, from what is on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deepenough.cli._declared import declared_in
from deepenough.errors import InputError, RecordError, StudyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from deepenough.cli._foreign import Files
    from deepenough.records import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliced:
    """All slices of one pair, and what is needed to name the samples behind them."""

    table: pl.DataFrame  # records.SLICES
    scores: pl.DataFrame
    samples: pl.DataFrame | None
    scale: int  # the deciding one
    unit: str
    level: float = 0.95  # of the verdict's intervals; those of slices stay at 95 %
    metric: str | None = None  # of the scores as they were recorded, where that is known

    def shown(self, by: Sequence[str], scale: int | None) -> pl.DataFrame:
        """The rows of the columns `by` (all where empty) at one scale; q-values stay those of the whole table.

        Raises:
            InputError: a column or scale is not there, or is an outcome.
        """
        import polars as pl

        from deepenough.comparison import require_sliceable

        if self.table.is_empty():
            return self.table
        at = self.scale if scale is None else scale
        scales = self.table["scale"].unique().sort().to_list()
        if at not in scales:
            raise InputError("--scale", f"one of {', '.join(map(str, scales))}", str(at))
        there = self.table["column"].unique(maintain_order=True).to_list()
        for column in by:
            if column not in there and column in self.known():
                got = f"{column}, by which these images do not divide: all are alike in it, or no two are"
                raise InputError("--by", f"one of {', '.join(there)}", got, "slice by another column")
            require_sliceable(column, there)
        return self.table.filter((pl.col("scale") == at) & pl.col("column").is_in(list(by) or there))

    def known(self) -> list[str]:
        """The columns that are known of the samples, whether they divide them or not."""
        from deepenough.comparison.levels import further_columns

        sides = self.samples is not None and {"width", "height"} <= set(self.samples.columns)
        return ["class", *(["size", "aspect"] if sides else []), *further_columns(self.samples)]


def in_folder(folder: Path, *, small: str | None = None, big: str | None = None) -> Sliced:
    """Slice the scores of a study's folder for the pair that its verdict decided on, or for another."""
    from deepenough import records

    verdict = records.read_verdict(folder)
    pair = small or verdict.small, big or verdict.big
    if pair[0] == pair[1]:
        raise StudyError("--small and --big", "two contenders", f"{pair[0]} on both sides", "name two")
    return _of_folder(folder, verdict, *pair)


def pair_of(folder: Path) -> tuple[str, str] | None:
    """The pair that slices.parquet is of; None where there is no such file, or it is of several.

    Raises:
        RecordError: if it is torn.
    """
    import polars as pl

    from deepenough import records

    path = folder / "slices.parquet"
    if not path.is_file():
        return None
    try:
        records.require_whole_table(path)
        there = pl.scan_parquet(path).select("small", "big").unique().collect().rows()
    except (pl.exceptions.PolarsError, OSError) as error:
        got = f"a torn or foreign file ({error})"
        raise RecordError(str(path), "a Parquet table", got, "delete it: it is made anew") from error
    return there[0] if len(there) == 1 else None


def renew(folder: Path, verdict: Verdict, there: tuple[str, str] | None) -> None:
    """Write slices.parquet anew where it is of another pair, `there`, than the verdict.

    Neither margin nor scale changes it, nor a metric or groups that were chosen after the results were known.
    """
    from deepenough import records

    if there == (verdict.small, verdict.big):
        return
    sliced = _of_folder(folder, verdict, verdict.small, verdict.big)
    records.write_table(folder / "slices.parquet", sliced.table, records.SLICES)


def from_predictions(files: Files, *, small: str | None, big: str | None) -> Sliced:
    """Slice anybody's predictions; further columns that are the same in all rows of a sample can be sliced by."""
    from deepenough import comparison

    paths, reading = files.reading()
    scores = comparison.read_predictions(paths, reading)
    pair = comparison.deciding_pair(
        comparison.from_small_to_big(scores["contender"].unique(maintain_order=True).to_list(), None), small, big
    )
    samples = comparison.samples_of_predictions(paths, reading)
    measure = comparison.measure_of(scores)
    groups = comparison.groups_of(scores)
    table = comparison.slice_table(
        scores, samples, small=pair[0], big=pair[1], groups=groups, multiplier=measure.multiplier
    )
    scales = table["scale"].unique().sort()
    at = scales[-1] if len(scales) else 0
    return Sliced(table=table, scores=scores, samples=samples, scale=at, unit=measure.unit)


def _of_folder(folder: Path, verdict: Verdict, small: str, big: str) -> Sliced:
    """The slices of the scores as they were recorded, with the groups that were declared, whatever metric decides."""
    from deepenough import comparison, records
    from deepenough.comparison.metrics import as_recorded

    declared = declared_in(records.read_json(folder / "verdict.json"))
    unit, metric = (verdict.unit, verdict.metric) if declared is None else (declared.unit, declared.metric)
    scores = records.read_table(folder / "scores.parquet", records.SCORES)
    path = records.samples_of(folder)
    samples = records.read_table(path, records.SAMPLES) if path.is_file() else None
    table = comparison.slice_table(
        scores,
        samples,
        small=small,
        big=big,
        groups=comparison.read_groups(path, None if declared is None else declared.group_column),
        multiplier=100.0 if unit == "points" else 1.0,
    )
    return Sliced(
        table=table,
        scores=scores,
        samples=samples,
        scale=verdict.scale,
        unit=unit,
        level=verdict.level,
        metric=as_recorded(metric),
    )
