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
    from deepenough.comparison import StoredScores
    from deepenough.records import AboutSamples, Trained, Verdict

_ANSWERED = ("target", "prediction", "confidence")  # what metrics other than accuracy are computed from


@dataclass(frozen=True, slots=True)
class Tables:
    """The records of a study that a verdict rests on."""

    scores: pl.DataFrame | StoredScores
    validation: pl.DataFrame | None
    costs: pl.DataFrame | None
    groups: dict[str, Any] | None
    noise: pl.DataFrame | None = None
    metric: str = "accuracy"
    level: float = 0.95  # of the look at which the study ended
    looks: list[dict[str, Any]] | None = None
    trained: Trained = "all"
    about: AboutSamples | None = None  # None where no task says anything
    caveats: tuple[str, ...] = ()  # of the records themselves
    baselines: pl.DataFrame | None = None

    def like(self, study: Verdict) -> Tables:
        """The same, to be decided at the level of a study's own verdict."""
        return replace(self, level=study.level, looks=study.looks, trained=study.trained, about=study)

    def decide(
        self,
        *,
        margin: float,
        small: str | None,
        big: str | None,
        scale: int | None,
        caveats: list[str],
        unit: str = "points",
        paired_seeds: bool = False,
    ) -> Verdict:
        """The verdict; a score of 1 is 100 points, and 1 of any other unit."""
        from deepenough.comparison import decide_study
        from deepenough.comparison.baselines import with_baselines
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
            paired_seeds=paired_seeds,
        )
        decided = decided if self.about is None else decided.told_by(self.about)
        return with_baselines(replace(decided, looks=self.looks), self.scores, self.baselines, self.groups)


def read(folder: Path, wish: Wish, metric: str = "accuracy") -> Tables:
    """The records, with scores under `metric`; of the large tables only the columns that it needs.

    Raises:
        RecordError: if there are no scores, or a table is torn or lacks what is needed.
    """
    from deepenough import records
    from deepenough.comparison import read_groups

    scores = folder / "scores.parquet"
    if not scores.is_file():
        expected = "a study's folder, with scores.parquet in it"
        raise RecordError(str(folder), expected, "none there", "finish the study with the command that began it")
    # while the file is read, on another core: 0.1 s of the second that a verdict may take
    Thread(target=import_module, args=("scipy.special",), daemon=True).start()
    table = _scores(scores, metric, wish)
    noise = _optional(folder / "noise.parquet", records.NOISE)
    said = []
    if noise is not None:
        noise, said = _measured_noise(noise, metric, wish)
    return Tables(
        scores=table,
        validation=_validation(folder / "validation.parquet", metric, wish),
        costs=_optional(folder / "costs.parquet", records.COSTS),
        groups=read_groups(records.samples_of(folder), wish.group_column),
        noise=noise,
        metric=metric,
        caveats=tuple(said),
        baselines=_optional(folder / "baselines.parquet", records.BASELINES),
    )


def _scores(path: Path, metric: str, wish: Wish) -> pl.DataFrame | StoredScores:
    """The scores under the metric; read run by run where they are as they were recorded and stand so."""
    import polars as pl

    from deepenough.cli._foreign import measured
    from deepenough.comparison import as_answered, read_scores, stored_scores
    from deepenough.stats import is_binary

    if metric != "accuracy":
        return measured(read_scores(path, _ANSWERED), metric, wish, str(path))
    stored = stored_scores(path)
    if stored is not None and all(is_binary(cell.scores) for cell in stored.aligned.cells.values()):
        return stored
    plain = read_scores(path)  # refuses what is torn
    there = pl.read_parquet_schema(path)
    return as_answered(plain.hstack(pl.read_parquet(path, columns=[name for name in _ANSWERED if name in there])))


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


def _validation(path: Path, metric: str, wish: Wish) -> pl.DataFrame | None:
    from deepenough.cli._foreign import measured
    from deepenough.comparison import as_answered, read_scores

    if not path.is_file():
        return None
    table = read_scores(path, () if metric == "accuracy" else _ANSWERED, ids=False)
    if metric == "accuracy" and not table["score"].is_in([0.0, 1.0]).all():
        table = as_answered(read_scores(path, _ANSWERED, ids=False))
    return measured(table, metric, wish, str(path))
