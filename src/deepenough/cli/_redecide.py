"""A verdict anew from a study's folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deepenough.cli import _tables
from deepenough.cli._declared import DECLARED, Declared, declared_in
from deepenough.cli._foreign import refuse_positive, small_margin
from deepenough.cli._options import DEFAULT_MARGIN
from deepenough.errors import RecordError

if TYPE_CHECKING:
    from deepenough.cli._tables import Tables
    from deepenough.records import Verdict


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
    paired_seeds: bool | None = None


def in_folder(folder: Path, wish: Wish) -> Verdict:
    """Decide anew in a study's folder and write its verdict.json.

    Raises:
        InputError: (of its kinds) if the folder holds no finished study, or the margin, pair or scale do not fit it.
    """
    from deepenough import records
    from deepenough.stats import check_margin

    if wish.margin is not None:
        check_margin(wish.margin, "--margin")
    path = folder / "verdict.json"
    if not path.is_file():
        refuse_positive(wish, wish.metric or "accuracy")
        return _first(_tables.read(folder, wish, wish.metric or "accuracy"), path, wish)
    plain = records.read_json(path)
    before = records.verdict_from_json(plain)
    declared, bare, tables = declared_in(plain), None, None
    refuse_positive(wish, wish.metric or (before.metric if declared is None else declared.metric))
    if declared is None:  # never decided anew: as the study itself did, but for the caveats of its run
        tables = _tables.read(folder, Wish(positive=wish.positive), before.metric).like(before)
        bare = _as_declared(tables, before)
        declared = _declared(before, bare)
    if bare is not None and wish == Wish():  # the same verdict: no need to decide twice
        decided = replace(bare, caveats=[*declared.caveats, *bare.caveats])
    else:
        if tables is None or wish.group_column is not None or wish.metric not in (None, declared.metric):
            tables = _tables.read(folder, _filled(wish, declared), wish.metric or declared.metric).like(before)
        decided = _under(tables, declared, wish)
    decided = _with_what_changed(decided, declared, wish)
    records.write_json(path, {**asdict(decided), DECLARED: asdict(declared)})
    return decided


def _filled(wish: Wish, declared: Declared) -> Wish:
    """The wish, with what was declared of how to read the records where nothing else is wished."""
    positive, column = wish.positive or declared.positive, wish.group_column or declared.group_column
    return replace(wish, positive=positive, group_column=column)


def _first(tables: Tables, path: Path, wish: Wish) -> Verdict:
    """The first verdict on these scores: nobody has looked yet, so what is wished is what is declared."""
    from deepenough import records
    from deepenough.cli._foreign import no_margin

    plan = path.with_name("plan.json")
    if plan.is_file() and records.read_json(plan).get("looks"):
        remedy = "run the command that began the study again; it trains nothing anew"
        raise RecordError(str(path), "the verdict of a study with declared looks, which has its level", "none", remedy)
    margin = DEFAULT_MARGIN if wish.margin is None else wish.margin
    own = no_margin() if wish.margin is None else []
    paired = bool(wish.paired_seeds)
    decided = tables.decide(
        margin=margin, small=wish.small, big=wish.big, scale=wish.scale, caveats=own, paired_seeds=paired
    )
    declared = Declared(
        margin=margin,
        small=decided.small,
        big=decided.big,
        scale=wish.scale,
        caveats=own,
        metric=tables.metric,
        positive=wish.positive,
        group_column=wish.group_column,
        paired_seeds=paired,
    )
    records.write_json(path, {**asdict(decided), DECLARED: asdict(declared)})
    return decided


def _under(tables: Tables, declared: Declared, wish: Wish) -> Verdict:
    """The verdict as declared, but for what is wished."""
    return tables.decide(
        margin=declared.margin if wish.margin is None else wish.margin,
        small=wish.small or declared.small,
        big=wish.big or declared.big,
        scale=declared.scale if wish.scale is None else wish.scale,
        caveats=declared.caveats,
        unit=declared.unit if wish.metric in (None, declared.metric) else "points",
        paired_seeds=declared.paired_seeds if wish.paired_seeds is None else wish.paired_seeds,
    )


def _as_declared(tables: Tables, study: Verdict) -> Verdict:
    """A study's own verdict, without the caveats that the tables alone do not give."""
    return tables.decide(
        margin=study.margin,
        small=study.small,
        big=study.big,
        scale=study.scale if study.scale_chosen_on == "declared" else None,
        caveats=[],
        unit=study.unit,
        paired_seeds=study.paired_seeds,
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
        paired_seeds=study.paired_seeds,
    )


def _with_what_changed(decided: Verdict, declared: Declared, wish: Wish) -> Verdict:
    """The verdict with a caveat for everything that was chosen after the results were known."""
    said: dict[str, str] = {}
    after = "after the results were known"
    if decided.margin != declared.margin:
        said["margin"] = (
            f"The margin was set to {decided.margin:g} {after}; "
            f"{declared.margin:g} {decided.unit} had been declared before."
        )
    if (decided.small, decided.big) != (declared.small, declared.big):
        said["pair"] = f"The pair was chosen {after}; {declared.small} against {declared.big} had been declared before."
    if decided.metric != declared.metric:
        said["metric"] = f"The metric was set to {decided.metric} {after}; {declared.metric} had been declared before."
    elif decided.metric == "average_precision" and declared.positive and wish.positive not in (None, declared.positive):
        said["class"] = (
            f"The class that is looked for was set to {wish.positive} {after}; {declared.positive} had been declared "
            "before."
        )
    if decided.paired_seeds != declared.paired_seeds:
        ways = "paired", "independent"
        now, before = ways if decided.paired_seeds else ways[::-1]
        said["pairing"] = f"The seeds were taken as {now} {after}; {before} seeds had been declared before."
    if wish.group_column not in (None, declared.group_column or "group"):
        said["grouping"] = f"The groups were taken from the column {wish.group_column} {after}."
    chosen_on = decided.scale_chosen_on
    if wish.scale is not None and wish.scale != declared.scale:
        chosen_on = "test"
        said["scale"] = f"The scale of {decided.scale} px was chosen {after}."
    unit = small_margin(wish, decided.metric)
    caveats = [*said.values(), *unit, *_of_looks(decided, list(said)), *decided.caveats]
    return replace(decided, scale_chosen_on=chosen_on, caveats=caveats)


def _of_looks(decided: Verdict, changed: list[str]) -> list[str]:
    if decided.looks is None or not changed:
        return []
    return [
        f"When to stop was decided as declared before; with another {' or '.join(changed)} the study might have "
        f"stopped at another look. Its intervals stay at {round(100 * decided.level, 2):g} %, at which all looks hold "
        "together."
    ]
