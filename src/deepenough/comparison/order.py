"""Which contender is the small one, which the big one, and at which scale the question is decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import polars as pl

from deepenough.comparison.pairing import Aligned
from deepenough.errors import StudyError

TAUGHT_BY = "@teacher="  # in a contender's name, before its teacher's


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key under which numbers in names count as numbers.

    >>> sorted(["resnet101", "resnet50"], key=natural_key)
    ['resnet50', 'resnet101']
    """
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name) if part)


def from_small_to_big(contenders: Iterable[str], costs: pl.DataFrame | None) -> list[str]:
    """Contenders by multiply-accumulates, else parameters, else name; the first two only where known for all."""
    names = sorted(contenders, key=natural_key)
    if costs is None:
        return names
    costs = costs.filter(pl.col("contender").is_in(names))
    for column in ("macs", "parameters"):
        if column not in costs.columns:
            continue
        largest = dict(costs.group_by("contender").agg(pl.col(column).max()).iter_rows())
        if all(largest.get(name) is not None for name in names):
            return sorted(names, key=lambda name: largest[name])
    return names


def teacher_of(contender: str) -> str | None:
    """The contender that one learned from, as its name says.

    >>> teacher_of("resnet50@teacher=resnet101@average"), teacher_of("resnet50")
    ('resnet101', None)
    """
    named = re.search(f"{TAUGHT_BY}([^@]+)", contender)
    return None if named is None else named[1]


def taught_pairs(ordered: Sequence[str]) -> list[tuple[str, str]]:
    """Every pupil with its teacher where both are there, the smaller one first.

    >>> taught_pairs(["resnet50", "resnet50@teacher=resnet101", "resnet101"])
    [('resnet50@teacher=resnet101', 'resnet101')]
    """
    pairs = [(name, teacher) for name in ordered if (teacher := teacher_of(name)) is not None and teacher in ordered]
    return [(one, two) if ordered.index(one) < ordered.index(two) else (two, one) for one, two in pairs]


def deciding_pair(ordered: Sequence[str], small: str | None, big: str | None) -> tuple[str, str]:
    """The pair that the verdict is about: as declared, else the smallest and the biggest.

    Raises:
        StudyError: if there are fewer than two contenders, or a declared one is unknown or stands on both sides.
    """
    if len(ordered) < 2:
        raise StudyError("contenders", "at least two to compare", f"only {', '.join(ordered)}", "add another contender")
    for option, name in (("--small", small), ("--big", big)):
        if name is not None and name not in ordered:
            raise StudyError(option, f"one of {', '.join(ordered)}", name)
    if small is None:
        small = next(name for name in ordered if name != big)
    if big is None:
        big = next(name for name in reversed(ordered) if name != small)
    if small == big:
        raise StudyError("--big", "another contender than --small", big)
    return small, big


def deciding_scale(
    aligned: Aligned, pair: tuple[str, str], validation: pl.DataFrame | None, declared: int | None
) -> tuple[int, str]:
    """The scale of the verdict and what it was chosen on: `declared`, `only_scale`, `validation` or `test`.

    The scale with the highest mean score, averaged over both contenders of the pair; ties go to the smaller scale.

    Raises:
        StudyError: if the pair was never tested at one scale, or not at the declared one.
    """
    shared = [scale for scale in aligned.scales if all((name, scale) in aligned.cells for name in pair)]
    if not shared:
        raise StudyError("scores", f"a scale at which both {pair[0]} and {pair[1]} were tested", "none")
    if declared is not None:
        if declared not in shared:
            raise StudyError("--scale", f"one of {', '.join(map(str, shared))}", str(declared))
        return declared, "declared"
    if len(shared) == 1:
        return shared[0], "only_scale"
    seen = validation_means(validation)
    if all((name, scale) in seen for name in pair for scale in shared):
        return _best(shared, {scale: sum(seen[name, scale] for name in pair) for scale in shared}), "validation"
    tested = {scale: sum(float(aligned.cells[name, scale].seed_means().mean()) for name in pair) for scale in shared}
    return _best(shared, tested), "test"


def validation_means(validation: pl.DataFrame | None) -> dict[tuple[str, int], float]:
    """Mean score by (contender, scale), seeds weighing alike; empty where there is no validation."""
    if validation is None or validation.is_empty():
        return {}
    by_seed = validation.group_by("contender", "scale", "seed").agg(pl.col("score").mean())
    means = by_seed.group_by("contender", "scale").agg(pl.col("score").mean())
    return {(contender, scale): score for contender, scale, score in means.iter_rows() if score is not None}


def _best(scales: Sequence[int], totals: dict[int, float]) -> int:
    """The highest total; totals that differ by rounding only are tied, and the smaller scale wins."""
    return max(sorted(scales), key=lambda scale: round(totals[scale], 12))
