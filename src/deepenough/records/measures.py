"""What a study measured beside its verdict: the same runs by further metrics, and how temperature mends confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deepenough.errors import RecordError


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric of the deciding pair on one split, at the deciding scale; means, intervals and gain in `unit`.

    Intervals are at the verdict's level, each by itself.
    """

    split: str  # test or test_shifted
    metric: str
    unit: str
    samples: int
    means: dict[str, float]  # by contender
    intervals: dict[str, tuple[float, float] | None]
    difference: float  # big minus small
    interval: tuple[float, float]
    baselines: dict[str, float] = field(default_factory=dict)  # what methods without a trained network reach, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempered:
    """Confidence of one contender on one split before and after its temperature, fitted on validation; means of seeds.

    Errors are expected calibration errors, shares; `by_chance` is what they would be if every confidence were right.
    """

    split: str  # validation, test or test_shifted
    contender: str
    samples: int
    temperatures: list[float]  # by seed, ascending
    error: float
    error_after: float
    by_chance: float
    by_chance_after: float
    interval: tuple[float, float]  # of the error before, and after: percentiles over resampled images
    interval_after: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """All of it."""

    small: str
    big: str
    scale: int
    level: float
    measures: list[Measure] = field(default_factory=list)
    tempered: list[Tempered] = field(default_factory=list)


def measures_from_json(plain: Mapping[str, Any]) -> Measures:
    """The inverse of `to_json`.

    Raises:
        RecordError: it has another form.
    """
    try:
        return Measures(
            small=plain["small"],
            big=plain["big"],
            scale=plain["scale"],
            level=plain["level"],
            measures=[measure_from_json(each) for each in plain["measures"]],
            tempered=[Tempered(**_paired(each, "interval", "interval_after")) for each in plain["tempered"]],
        )
    except (KeyError, TypeError) as error:
        raise RecordError("measures.json", "measures", f"another form ({error})", "run the study again") from error


def measure_from_json(plain: Mapping[str, Any]) -> Measure:
    """A metric from plain values; TypeError or KeyError where it has another form."""
    intervals = {name: None if ends is None else tuple(ends) for name, ends in plain["intervals"].items()}
    return Measure(**{**_paired(plain, "interval"), "intervals": intervals})


def _paired(plain: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {**plain, **{name: tuple(plain[name]) for name in names}}
