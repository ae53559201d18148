"""Two models' scores on the same samples, from study folders or files of predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deepenough.cli._options import LOSS
from deepenough.errors import InputError, RecordError

if TYPE_CHECKING:
    import polars as pl

    from deepenough.comparison.noninferior import NoWorse


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of `gate`."""

    margin: float
    scale: int | None = None
    targets: Path | None = None
    classes: Path | None = None
    form: str | None = None
    group_column: str | None = None
    common: bool = False


@dataclass(frozen=True, slots=True)
class _Side:
    """One model's scores, and how they were read."""

    scores: pl.DataFrame
    read_as: str
    study: Path | None


def hold(old: str, new: str, asked: Asked) -> tuple[NoWorse, tuple[str, str]]:
    """Whether the new model is no worse, and how both sides were read.

    Raises:
        InputError: (of its kinds) a side cannot be read, or samples or targets do not match.
    """
    import polars as pl

    from deepenough.comparison import groups_of
    from deepenough.comparison.noninferior import no_worse
    from deepenough.comparison.predictions import Gathered, settle
    from deepenough.comparison.predictions.checking import refuse_contradictions
    from deepenough.stats import check_margin

    check_margin(asked.margin, "--margin", LOSS)
    places = [_folder(side) for side in (old, new)]
    known = next((folder / "samples.parquet" for folder, _ in filter(None, places)), None)
    sides = [_read(text, place, asked, known) for text, place in zip((old, new), places, strict=True)]
    named = [
        side.scores.with_columns(pl.lit(name).alias("contender"), pl.lit(0, dtype=pl.Int32).alias("scale"))
        for name, side in zip(("old", "new"), sides, strict=True)
    ]
    both = pl.concat(named, how="diagonal")
    refuse_contradictions(both.filter(pl.col("target").is_not_null()), "target", f"{old} and {new}")
    gathered = Gathered(both, pl.Series([], dtype=pl.String), (), f"{old} and {new}")
    scores, caveats = settle(gathered, common=asked.common)
    groups = groups_of(scores) if "group" in scores.columns else None
    parts = [scores.filter(pl.col("contender") == name) for name in ("old", "new")]
    found = no_worse(*parts, margin=asked.margin, groups=groups, caveats=tuple(caveats))
    return found, (sides[0].read_as, sides[1].read_as)


def _folder(text: str) -> tuple[Path, str] | None:
    """A study's folder and the contender in it, None for a file of predictions."""
    if Path(text).is_dir():
        return Path(text), "winner"
    place, colon, contender = text.rpartition(":")
    return (Path(place), contender) if colon and contender and Path(place).is_dir() else None


def _read(text: str, place: tuple[Path, str] | None, asked: Asked, known: Path | None) -> _Side:
    return _of_file(text, asked, known) if place is None else _of_study(*place, asked)


def _of_study(folder: Path, contender: str, asked: Asked) -> _Side:
    """Every run of a contender at one scale."""
    import polars as pl

    from deepenough.comparison import read_groups
    from deepenough.records import SCORES, read_table
    from deepenough.serving import choose

    choice = choose(folder, contender=contender, scale=asked.scale, named=f"{folder}:{contender}")
    scores = read_table(folder / "scores.parquet", SCORES).filter(
        pl.col("contender") == choice.contender, pl.col("scale") == choice.scale
    )
    groups = read_groups(folder / "samples.parquet", asked.group_column)
    if groups:
        known = pl.DataFrame(list(groups.items()), {"sample_id": pl.String, "group": pl.String}, orient="row")
        scores = scores.join(known, on="sample_id", how="left")
    seeds = scores["seed"].n_unique()
    runs = "1 run" if seeds == 1 else f"{seeds} runs"
    return _Side(scores, f"{folder}: {choice.contender} at {choice.scale} px, {runs}", folder)


def _of_file(text: str, asked: Asked, known: Path | None) -> _Side:
    """The one contender of a file of predictions; `FILE:CONTENDER` where it holds several."""
    import polars as pl

    from deepenough.comparison.predictions import Reading, gather

    path, contender = Path(text), None
    if not path.exists():
        place, colon, named = text.rpartition(":")
        if colon and Path(place).is_file():
            path, contender = Path(place), named
    reading = Reading(
        form=asked.form, targets=asked.targets or known, classes=asked.classes, group_column=asked.group_column
    )
    gathered = gather([path], reading)
    if len(gathered.targetless):
        got = f"none for {len(gathered.targetless)}, first {gathered.targetless[0]}"
        raise RecordError(text, "the target of each sample", got, "give them with --targets")
    scores, there = gathered.scores, sorted(gathered.scores["contender"].unique())
    if contender is None and len(there) > 1:
        raise InputError(text, "the predictions of one contender", ", ".join(there), f"name it: {path}:{there[0]}")
    if contender is not None and contender not in there:
        raise InputError(text, f"one of {', '.join(there)} after the colon", contender)
    scores = scores.filter(pl.col("contender") == (contender or there[0]))
    if scores["scale"].n_unique() > 1:
        scales = sorted(scores["scale"].unique())
        if asked.scale not in scales:
            raise InputError(text, f"one scale: --scale {' or '.join(map(str, scales))}", str(asked.scale))
        scores = scores.filter(pl.col("scale") == asked.scale)
    return _Side(scores, gathered.read_as[0], None)
