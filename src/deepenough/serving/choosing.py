"""Which trained network of a study is exported: the contender by the verdict, the seed by validation, not by test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from deepenough.comparison import read_scores
from deepenough.errors import StudyError
from deepenough.records import Verdict, read_verdict

WINNER = "winner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One trained network of a study, and why it was taken, in sentences."""

    contender: str
    seed: int
    scale: int
    scales: tuple[int, ...]  # at which it was tested
    verdict: Verdict
    why: tuple[str, ...]


def choose(
    folder: Path,
    *,
    contender: str = WINNER,
    seed: int | None = None,
    scale: int | None = None,
    named: str = "--contender",
) -> Choice:
    """Choose in a finished study's folder.

    The winner is the network that the verdict calls better or enough; of an undecided pair the cheaper, since nothing
    shows that the dearer one pays. The scale is the verdict's. The seed is the best on validation at that scale (of
    equals the lowest), so that the accuracy on test stays an honest one.

    Args:
        folder: of the study.
        contender: `winner`, or a contender's name.
        seed: of the training; None for the best on validation.
        scale: image side, pixels; None for the verdict's.
        named: where the contender was named, for messages.

    Raises:
        RecordError: the folder holds no finished study.
        StudyError: no such contender, seed or scale in it.
    """
    verdict = read_verdict(folder)
    runs = read_scores(folder / "scores.parquet", ids=False).select("contender", "seed", "scale").unique()
    name, why = _named(verdict, contender)
    own = runs.filter(pl.col("contender") == name)
    if own.is_empty():
        there = ", ".join(sorted(runs["contender"].cast(pl.String).unique()))
        raise StudyError(named, f"{WINNER}, or one of {there}", contender)
    scales = tuple(sorted(own["scale"].unique()))
    at = verdict.scale if scale is None else scale
    if at not in scales:
        raise StudyError("--scale", f"one at which {name} was tested: {', '.join(map(str, scales))}", str(at))
    seeds = sorted(own.filter(pl.col("scale") == at)["seed"].unique())
    if seed is not None and seed not in seeds:
        raise StudyError("--seed", f"one of {', '.join(map(str, seeds))}", str(seed))
    of_scale = f"At {at} px, " + ("the verdict's scale." if at == verdict.scale else "as asked for.")
    if seed is None:
        seed, of_seed = _best(folder, name, at, seeds)
    else:
        of_seed = f"Seed {seed}, as asked for."
    return Choice(contender=name, seed=seed, scale=at, scales=scales, verdict=verdict, why=(why, of_scale, of_seed))


def _named(verdict: Verdict, contender: str) -> tuple[str, str]:
    if contender != WINNER:
        return contender, f"{contender}, as asked for."
    small, big = verdict.small, verdict.big
    return {
        "small_is_enough": (small, f"{small}, which the verdict calls enough."),
        "small_is_better": (small, f"{small}, which the verdict calls better."),
        "big_is_better": (big, f"{big}, which the verdict calls better."),
        "undecided": (small, f"{small}, the cheaper one: the verdict is undecided, so nothing shows that {big} pays."),
    }[verdict.answer]


def _best(folder: Path, name: str, scale: int, seeds: list[int]) -> tuple[int, str]:
    if len(seeds) == 1:
        return seeds[0], f"Seed {seeds[0]}, the only one."
    validation = read_scores(folder / "validation.parquet", ids=False)
    means = (
        validation.filter(pl.col("contender") == name, pl.col("scale") == scale, pl.col("seed").is_in(seeds))
        .group_by("seed")
        .agg(pl.col("score").mean())
        .sort(pl.col("score").round(12), "seed", descending=[True, False])
    )
    if means.is_empty():
        raise StudyError("--seed", "scores on validation to choose by", "none", "name a seed")
    return int(means["seed"][0]), f"Seed {means['seed'][0]}, the best of {len(seeds)} on validation."
