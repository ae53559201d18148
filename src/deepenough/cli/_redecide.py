"""A verdict anew from a study's folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from deepenough.cli._options import DEFAULT_MARGIN
from deepenough.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import polars as pl

    from deepenough.records import Verdict

DECLARED = "declared"  # a key of verdict.json beside the verdict's own: what the study said before anyone had looked


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the caller asks for; None leaves it as the study declared it."""

    margin: float | None = None
    small: str | None = None
    big: str | None = None
    scale: int | None = None
    metric: str | None = None
    positive: str | None = None  # the class that is looked for, where the metric has one
    group_column: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a study declared before its results were known, and the caveats that only its run could know."""

    margin: float
    small: str
    big: str
    scale: int | None  # None where validation, not a person, chose it
    caveats: list[str]
    metric: str = "accuracy"
    unit: str = "points"


def in_folder(folder: Path, wish: Wish) -> Verdict:
    """Decide anew in a study's folder and write its verdict.json.

    Raises:
        InputError: (of its kinds) if the folder holds no finished study, or the margin, pair or scale do not fit it.
    """
    from deepenough import records

    path = folder / "verdict.json"
    if not path.is_file():
        return _first(_read(folder, wish, wish.metric or "accuracy"), path, wish)
    plain = records.read_json(path)
    before = records.verdict_from_json(plain)
    bare = None
    if DECLARED in plain:
        declared = Declared(**plain[DECLARED])
        tables = _read(folder, wish, wish.metric or declared.metric).like(before)
    else:
        tables = _read(folder, wish, before.metric).like(before)
        bare = _as_declared(tables, before)
        declared = _declared(before, bare)
        if wish.metric not in (None, declared.metric):
            tables = _read(folder, wish, wish.metric).like(before)
    if bare is not None and wish == Wish():  # the same verdict: no need to decide twice
        decided = replace(bare, caveats=[*declared.caveats, *bare.caveats])
    else:
        decided = _under(tables, declared, wish)
    decided = _with_labels(_with_what_changed(decided, declared, wish), folder / "scores.parquet")
    records.write_json(path, {**asdict(decided), DECLARED: asdict(declared)})
    return decided


@dataclass(frozen=True, slots=True)
class _Tables:
    """The records of a study that a verdict rests on."""

    scores: pl.DataFrame
    validation: pl.DataFrame | None
    costs: pl.DataFrame | None
    groups: dict[str, str | None] | None
    noise: pl.DataFrame | None = None
    metric: str = "accuracy"
    level: float = 0.95  # of the look at which the study ended
    looks: list[dict[str, Any]] | None = None

    def like(self, study: Verdict) -> _Tables:
        """The same, to be decided at the level of a study's own verdict."""
        return replace(self, level=study.level, looks=study.looks)

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
            caveats=caveats,
            scale=scale,
            noise_runs=self.noise,
            level=self.level,
            guard=1 if self.looks is None else LOOK_GUARD,
        )
        return replace(decided, looks=self.looks)


def _read(folder: Path, wish: Wish | None = None, metric: str = "accuracy") -> _Tables:
    """The records, with scores under `metric`; of the large tables only the columns that it needs."""
    from deepenough import records
    from deepenough.cli._foreign import measured
    from deepenough.comparison.pairing import read_scores

    wish = wish or Wish()
    scores = folder / "scores.parquet"
    if not scores.is_file():
        expected = "a study's folder, with scores.parquet in it"
        raise RecordError(str(folder), expected, "none there", "finish the study with the command that began it")
    more = () if metric == "accuracy" else ("target", "prediction", "confidence")
    # while the file is read, on another core: 0.1 s of the second that a verdict may take
    Thread(target=import_module, args=("scipy.special",), daemon=True).start()
    return _Tables(
        scores=measured(read_scores(scores, more), metric, wish, str(scores)),
        validation=_validation(folder / "validation.parquet", metric, more, wish),
        costs=_optional(folder / "costs.parquet", records.COSTS),
        groups=_groups(folder / "samples.parquet", wish.group_column),
        noise=_optional(folder / "noise.parquet", records.NOISE),
        metric=metric,
    )


def _optional(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame | None:
    from deepenough import records

    return records.read_table(path, schema) if path.is_file() else None


def _validation(path: Path, metric: str, more: tuple[str, ...], wish: Wish) -> pl.DataFrame | None:
    from deepenough.cli._foreign import measured
    from deepenough.comparison.pairing import read_scores

    return measured(read_scores(path, more, ids=False), metric, wish, str(path)) if path.is_file() else None


def _groups(path: Path, column: str | None) -> dict[str, str | None] | None:
    """Sample id -> group, from `column` of the samples where one is named; None where no group was given."""
    import polars as pl

    if not path.is_file():
        if column is not None:
            raise RecordError("--group-column", f"{path} with a column {column}", "no such file")
        return None
    kinds = pl.read_parquet_schema(path)
    if column is not None and column not in kinds:
        raise RecordError("--group-column", f"a column of {path}: {', '.join(kinds)}", column)
    name = column or "group"
    if name not in kinds or "sample_id" not in kinds:
        return None
    table = pl.read_parquet(path, columns=list(dict.fromkeys(["sample_id", name])))
    if table[name].null_count() == table.height:
        return None
    return dict(table.select("sample_id", pl.col(name).cast(pl.String)).unique("sample_id").iter_rows())


def _first(tables: _Tables, path: Path, wish: Wish) -> Verdict:
    """The first verdict on these scores: nobody has looked yet, so what is wished is what is declared."""
    from deepenough import records
    from deepenough.cli._foreign import no_margin

    plan = path.with_name("plan.json")
    if plan.is_file() and records.read_json(plan).get("looks"):
        remedy = "run the command that began the study again; it trains nothing anew"
        raise RecordError(str(path), "the verdict of a study with declared looks, which has its level", "none", remedy)
    margin = DEFAULT_MARGIN if wish.margin is None else wish.margin
    own = no_margin() if wish.margin is None else []
    decided = tables.decide(margin=margin, small=wish.small, big=wish.big, scale=wish.scale, caveats=own)
    declared = Declared(
        margin=margin, small=decided.small, big=decided.big, scale=wish.scale, caveats=own, metric=tables.metric
    )
    records.write_json(path, {**asdict(decided), DECLARED: asdict(declared)})
    return decided


def _with_labels(decided: Verdict, scores: Path) -> Verdict:
    """With the share of new samples that would need a label, from the deciding cells' predictions alone."""
    import polars as pl

    from deepenough.comparison.labels import labels_share

    needed, pair = decided.needed, (decided.small, decided.big)
    if needed is None or decided.metric != "accuracy" or not (needed.guaranteed or needed.likely):
        return decided
    table = pl.scan_parquet(scores)
    if needed.labels_share is not None or "prediction" not in table.collect_schema():
        return decided
    chosen = table.filter(pl.col("contender").is_in(pair) & (pl.col("scale") == decided.scale))
    cells = chosen.select("contender", "scale", "sample_id", "prediction", "score").collect()
    return replace(decided, needed=replace(needed, labels_share=labels_share(cells, pair, decided.scale)))


def _under(tables: _Tables, declared: Declared, wish: Wish) -> Verdict:
    """The verdict as declared, but for what is wished."""
    return tables.decide(
        margin=declared.margin if wish.margin is None else wish.margin,
        small=wish.small or declared.small,
        big=wish.big or declared.big,
        scale=declared.scale if wish.scale is None else wish.scale,
        caveats=declared.caveats,
        unit=declared.unit if wish.metric in (None, declared.metric) else "points",
    )


def _as_declared(tables: _Tables, study: Verdict) -> Verdict:
    """A study's own verdict, without the caveats that the tables alone do not give."""
    return tables.decide(
        margin=study.margin,
        small=study.small,
        big=study.big,
        scale=study.scale if study.scale_chosen_on == "declared" else None,
        caveats=[],
        unit=study.unit,
    )


def _declared(study: Verdict, bare: Verdict) -> Declared:
    """What a verdict that has never been decided anew was declared with; its own caveats are those not in `bare`."""
    return Declared(
        margin=study.margin,
        small=study.small,
        big=study.big,
        scale=study.scale if study.scale_chosen_on == "declared" else None,
        caveats=[caveat for caveat in study.caveats if caveat not in bare.caveats],
        metric=study.metric,
        unit=study.unit,
    )


def _with_what_changed(decided: Verdict, declared: Declared, wish: Wish) -> Verdict:
    """The verdict with a caveat for everything that was chosen after the results were known."""
    said = []
    if decided.margin != declared.margin:
        said.append(
            f"The margin was set to {decided.margin:g} after the results were known; "
            f"{declared.margin:g} {decided.unit} had been declared before."
        )
        said += _of_looks(decided)
    if (decided.small, decided.big) != (declared.small, declared.big):
        said.append(
            f"The pair was chosen after the results were known; {declared.small} against {declared.big} had been "
            "declared before."
        )
    if decided.metric != declared.metric:
        said.append(
            f"The metric was set to {decided.metric} after the results were known; {declared.metric} had been declared "
            "before."
        )
    if wish.group_column not in (None, "group"):
        said.append(f"The groups were taken from the column {wish.group_column} after the results were known.")
    chosen_on = decided.scale_chosen_on
    if wish.scale is not None and wish.scale != declared.scale:
        chosen_on = "test"
        said.append(f"The scale of {decided.scale} px was chosen after the results were known.")
    return replace(decided, scale_chosen_on=chosen_on, caveats=[*said, *decided.caveats])


def _of_looks(decided: Verdict) -> list[str]:
    if decided.looks is None:
        return []
    return [
        "When to stop was decided by the margin declared before; with another one the study might have stopped at "
        f"another look. Its intervals stay at {round(100 * decided.level, 2):g} %, at which all looks hold together."
    ]
