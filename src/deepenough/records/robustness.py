"""What is left of what two networks reach on corrupted copies of the test images, as one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from deepenough.errors import RecordError
from deepenough.records.known import known_to
from deepenough.records.results import PairResult
from deepenough.records.tables import SCORES

CORRUPTED: dict[str, Any] = {"corruption": pl.String, "severity": pl.Int32, **SCORES}
ALL = "all"  # the mean over every corruption asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderCorruption:
    """One corruption, its severities averaged image by image; means and differences in the record's unit.

    `gain` is big minus small under it. `kept` is that gain minus the gain on the images as they are: above 0, the big
    network loses less.
    """

    corruption: str
    means: dict[str, float]  # by contender
    by_severity: dict[str, list[float]]  # by contender, in the order of the record's severities
    gain: PairResult
    kept: PairResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """The verdict's two networks under corruptions, at its scale.

    p-values (Holm) and simultaneous intervals (Bonferroni) of the gains are corrected for the corruptions; `overall`,
    the mean of them all, stands alone.
    """

    small: str
    big: str
    scale: int
    metric: str
    unit: str
    margin: float
    level: float
    samples: int
    seeds: dict[str, list[int]]
    severities: list[int]
    clean: dict[str, float]  # mean by contender on the images as they are
    corruptions: list[UnderCorruption]
    overall: UnderCorruption
    sample: str = "image"  # what one sample is
    notes: list[str] = field(default_factory=list)


def robustness_from_json(plain: Mapping[str, Any]) -> Robustness:
    """The inverse of `to_json`; unknown keys, which a later version may add, are ignored.

    Raises:
        RecordError: it has another form.
    """
    values = known_to(Robustness, plain)
    try:
        values["corruptions"] = [_under(entry) for entry in values["corruptions"]]
        values["overall"] = _under(values["overall"])
        return Robustness(**values)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        remedy = "run `deepenough evaluate FOLDER --corruptions all`"
        raise RecordError("robustness.json", "results under corruptions", f"another form ({error})", remedy) from error


def _under(entry: Mapping[str, Any]) -> UnderCorruption:
    from deepenough.records.files import pair_from_json

    return UnderCorruption(**{**entry, "gain": pair_from_json(entry["gain"]), "kept": pair_from_json(entry["kept"])})
