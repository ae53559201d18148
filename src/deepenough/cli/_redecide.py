"""A verdict anew from what is on disk: a study's folder, or a table of predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepenough.cli._options import DEFAULT_MARGIN
from deepenough.errors import RecordError

if TYPE_CHECKING:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a study declared before its results were known, and the caveats that only its run could know."""

    margin: float
    small: str
    big: str
    scale: int | None  # None where validation, not a person, chose it
    caveats: list[str]


def in_folder(folder: Path, wish: Wish) -> Verdict:
    """Decide anew in a study's folder and write its verdict.json.

    Raises:
        InputError: (of its kinds) if the folder holds no finished study, or the margin, pair or scale do not fit it.
    """
    from deepenough import records

    tables = _read(folder)
    path = folder / "verdict.json"
    if not path.is_file():
        return _first(tables, path, wish)
    plain = records.read_json(path)
    before = records.verdict_from_json(plain)
    declared = Declared(**plain[DECLARED]) if DECLARED in plain else _declared(tables, before)
    decided = tables.decide(
        margin=declared.margin if wish.margin is None else wish.margin,
        small=wish.small or declared.small,
        big=wish.big or declared.big,
        scale=declared.scale if wish.scale is None else wish.scale,
        caveats=declared.caveats,
        like=before,
    )
    decided = _with_what_changed(replace(decided, looks=before.looks), declared, wish)
    records.write_json(path, {**asdict(decided), DECLARED: asdict(declared)})
    return decided


def from_predictions(path: Path, wish: Wish) -> Verdict:
    """Decide from a CSV or Parquet file of predictions: sample_id, target, contender, seed, prediction.

    Raises:
        InputError: (of its kinds) if the file cannot be used, or the margin, pair or scale do not fit it.
    """
    from deepenough.comparison import decide_study, groups_of, read_predictions

    predictions = read_predictions(path)
    return decide_study(
        predictions,
        margin=DEFAULT_MARGIN if wish.margin is None else wish.margin,
        validation=None,
        small=wish.small,
        big=wish.big,
        scale=wish.scale,
        groups=groups_of(predictions),
        caveats=_no_margin() if wish.margin is None else [],
    )


@dataclass(frozen=True, slots=True)
class _Tables:
    """The records of a study that a verdict rests on."""

    scores: pl.DataFrame
    validation: pl.DataFrame | None
    costs: pl.DataFrame | None
    groups: dict[str, str | None] | None

    def decide(
        self,
        *,
        margin: float,
        small: str | None,
        big: str | None,
        scale: int | None,
        caveats: list[str],
        like: Verdict | None = None,
    ) -> Verdict:
        """The verdict; `like` gives the metric and the unit, accuracy in points where it is None."""
        from deepenough.comparison import decide_study
        from deepenough.stats.sequential import LOOK_GUARD

        return decide_study(
            self.scores,
            margin=margin,
            validation=self.validation,
            small=small,
            big=big,
            costs=self.costs,
            metric="accuracy" if like is None else like.metric,
            unit="points" if like is None else like.unit,
            multiplier=100.0 if like is None or like.unit == "points" else 1.0,
            groups=self.groups,
            caveats=caveats,
            scale=scale,
            level=0.95 if like is None else like.level,
            guard=1 if like is None or like.looks is None else LOOK_GUARD,
        )


def _read(folder: Path) -> _Tables:
    from deepenough import records

    scores = folder / "scores.parquet"
    if not scores.is_file():
        expected = "a study's folder, with scores.parquet in it"
        raise RecordError(str(folder), expected, "none there", "finish the study with the command that began it")
    tested = records.read_table(scores, records.SCORES)
    return _Tables(
        scores=tested,
        validation=_optional(folder / "validation.parquet", records.SCORES),
        costs=_optional(folder / "costs.parquet", records.COSTS),
        groups=_groups(_optional(folder / "samples.parquet", records.SAMPLES), tested),
    )


def _optional(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame | None:
    from deepenough import records

    return records.read_table(path, schema) if path.is_file() else None


def _groups(samples: pl.DataFrame | None, scores: pl.DataFrame) -> dict[str, str | None] | None:
    """Sample id -> group for the scored samples; None where no group was given."""
    from deepenough.comparison import groups_of

    if samples is None:
        return None
    return groups_of(samples.join(scores.select("sample_id").unique(), on="sample_id", how="semi"))


def _first(tables: _Tables, path: Path, wish: Wish) -> Verdict:
    """The first verdict on these scores: nobody has looked yet, so what is wished is what is declared."""
    from deepenough import records

    plan = path.with_name("plan.json")
    if plan.is_file() and records.read_json(plan).get("looks"):
        remedy = "run the command that began the study again; it trains nothing anew"
        raise RecordError(str(path), "the verdict of a study with declared looks, which has its level", "none", remedy)
    margin = DEFAULT_MARGIN if wish.margin is None else wish.margin
    own = _no_margin() if wish.margin is None else []
    decided = tables.decide(margin=margin, small=wish.small, big=wish.big, scale=wish.scale, caveats=own)
    declared = Declared(margin=margin, small=decided.small, big=decided.big, scale=wish.scale, caveats=own)
    records.write_json(path, {**asdict(decided), DECLARED: asdict(declared)})
    return decided


def _declared(tables: _Tables, study: Verdict) -> Declared:
    """What a verdict that has never been decided anew was declared with.

    Its own caveats are those that the tables alone do not give.
    """
    scale = study.scale if study.scale_chosen_on == "declared" else None
    bare = tables.decide(margin=study.margin, small=study.small, big=study.big, scale=scale, caveats=[], like=study)
    own = [caveat for caveat in study.caveats if caveat not in bare.caveats]
    return Declared(margin=study.margin, small=study.small, big=study.big, scale=scale, caveats=own)


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


def _no_margin() -> list[str]:
    return [f"No margin was declared, so {DEFAULT_MARGIN:g} points were taken; choose your own with --margin."]
