"""The records of a study's folder that a verdict rests on, under a metric."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from deepenough.errors import InputError, RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import polars as pl

    from deepenough.cli._redecide import Wish
    from deepenough.records import Trained, Verdict

_ANSWERS = ("prediction", "confidence")  # beside the score, what two runs that are the same have in common


@dataclass(frozen=True, slots=True)
class Tables:
    """The records of a study that a verdict rests on."""

    scores: pl.DataFrame
    validation: pl.DataFrame | None
    costs: pl.DataFrame | None
    groups: dict[str, str | None] | None
    noise: pl.DataFrame | None = None
    metric: str = "accuracy"
    level: float = 0.95  # of the look at which the study ended
    looks: list[dict[str, Any]] | None = None
    trained: Trained = "all"
    caveats: tuple[str, ...] = ()  # of the records themselves

    def like(self, study: Verdict) -> Tables:
        """The same, to be decided at the level of a study's own verdict."""
        return replace(self, level=study.level, looks=study.looks, trained=study.trained)

    def decide(
        self,
        *,
        margin: float,
        small: str | None,
        big: str | None,
        scale: int | None,
        caveats: list[str],
        unit: str = "points",
    ) -> Verdict:
        """The verdict; a score of 1 is 100 points, and 1 of any other unit."""
        from deepenough.comparison import decide_study
        from deepenough.stats.sequential import LOOK_GUARD

        decided = decide_study(
            self.scores,
            margin=margin,
            validation=self.validation,
            small=small,
            big=big,
            costs=self.costs,
            metric=self.metric,
            unit=unit,
            multiplier=100.0 if unit == "points" else 1.0,
            groups=self.groups,
            caveats=[*caveats, *self.caveats],
            scale=scale,
            noise_runs=self.noise,
            level=self.level,
            guard=1 if self.looks is None else LOOK_GUARD,
            trained=self.trained,
        )
        return replace(decided, looks=self.looks)


def read(folder: Path, wish: Wish, metric: str = "accuracy") -> Tables:
    """The records, with scores under `metric`; of the large tables only the columns that it needs.

    Raises:
        RecordError: if there are no scores, or a table is torn or lacks what is needed.
    """
    from deepenough import records
    from deepenough.cli._foreign import measured
    from deepenough.comparison import read_groups
    from deepenough.comparison.pairing import read_scores

    scores = folder / "scores.parquet"
    if not scores.is_file():
        expected = "a study's folder, with scores.parquet in it"
        raise RecordError(str(folder), expected, "none there", "finish the study with the command that began it")
    more = () if metric == "accuracy" else ("target", *_ANSWERS)
    # while the file is read, on another core: 0.1 s of the second that a verdict may take
    Thread(target=import_module, args=("scipy.special",), daemon=True).start()
    table = measured(read_scores(scores, more), metric, wish, str(scores))
    noise = _optional(folder / "noise.parquet", records.NOISE)
    said = []
    if noise is not None:
        table = table if more else _with_answers(table, noise, scores)
        noise, said = _measured_noise(noise, metric, wish)
    return Tables(
        scores=table,
        validation=_validation(folder / "validation.parquet", metric, more, wish),
        costs=_optional(folder / "costs.parquet", records.COSTS),
        groups=read_groups(folder / "samples.parquet", wish.group_column),
        noise=noise,
        metric=metric,
        caveats=tuple(said),
    )


def _with_answers(table: pl.DataFrame, noise: pl.DataFrame, path: Path) -> pl.DataFrame:
    """The scores with what the runs beside which the extra ones stand answered; null for all other runs."""
    import polars as pl

    lazy = pl.scan_parquet(path)
    names = [name for name in _ANSWERS if name in lazy.collect_schema()]
    keys = noise.select("contender", "seed", "scale").unique().iter_rows()
    wanted = [
        (pl.col("contender") == contender) & (pl.col("seed") == seed) & (pl.col("scale") == scale)
        for contender, seed, scale in keys
    ]
    if not (names and wanted):
        return table
    answers = lazy.with_row_index("row").filter(pl.any_horizontal(wanted)).select("row", *names).collect()
    return table.with_row_index("row").join(answers, on="row", how="left", maintain_order="left").drop("row")


def _measured_noise(noise: pl.DataFrame, metric: str, wish: Wish) -> tuple[pl.DataFrame | None, list[str]]:
    """The extra runs under the metric, each by itself; None and a caveat where it cannot be computed for them."""
    import polars as pl

    from deepenough.cli._foreign import measured

    run = pl.struct("source", "run", "seed").rank("dense").cast(pl.Int64)  # `measured` tells runs apart by their seed
    try:
        by_run = measured(
            noise.with_columns(run.alias("seed"), pl.col("seed").alias("own")), metric, wish, "noise.parquet"
        )
    except InputError as error:
        return None, [
            f"The extra trainings are left out of the account of the noise, for want of their {metric}: {error}."
        ]
    return by_run.with_columns(pl.col("own").alias("seed")).drop("own"), []


def _optional(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame | None:
    from deepenough import records

    return records.read_table(path, schema) if path.is_file() else None


def _validation(path: Path, metric: str, more: tuple[str, ...], wish: Wish) -> pl.DataFrame | None:
    from deepenough.cli._foreign import measured
    from deepenough.comparison.pairing import read_scores

    return measured(read_scores(path, more, ids=False), metric, wish, str(path)) if path.is_file() else None
