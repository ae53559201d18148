"""How well two networks' maps explain their own answers, and how far around a place each looks, as one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from deepenough.errors import RecordError
from deepenough.records.known import known_to
from deepenough.records.measures import Measure, measure_from_json

ERASED: dict[str, Any] = {  # one row a picture and run; areas under the curves, in [0, 1]
    "contender": pl.String,
    "seed": pl.Int64,
    "scale": pl.Int32,
    "sample_id": pl.String,
    "prediction": pl.String,
    "deletion": pl.Float64,
    "insertion": pl.Float64,
    "deletion_by_chance": pl.Float64,  # the same pixels in an order drawn from the picture's id
    "insertion_by_chance": pl.Float64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptiveField:
    """Of one contender's stage: the side in pixels of the square that holds a share of what its centre looks at."""

    contender: str
    stage: int
    sides: list[int]  # by seed, ascending


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedAt:
    """The same two networks and pictures at a further scale."""

    scale: int
    stage: int  # whose map is looked at
    measures: list[Measure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanations:
    """The verdict's two networks at its scale, and in `further` at others.

    The intervals of the first two measures, those beyond chance, hold at all scales at once.
    """

    small: str
    big: str
    scale: int
    method: str
    stage: int  # whose map is looked at
    steps: int
    samples: int
    seeds: dict[str, list[int]]
    level: float  # of every interval
    measures: list[Measure]  # higher explains better
    held: float  # share of the slopes within a field
    receptive: list[ReceptiveField] = field(default_factory=list)
    further: list[ExplainedAt] = field(default_factory=list)  # by scale, ascending


def explanations_from_json(plain: Mapping[str, Any]) -> Explanations:
    """The inverse of `to_json`; unknown keys, which a later version may add, are ignored.

    Raises:
        RecordError: it has another form.
    """
    values = known_to(Explanations, plain)
    try:
        values["measures"] = [measure_from_json(each) for each in values["measures"]]
        values["receptive"] = [ReceptiveField(**each) for each in values.get("receptive", ())]
        values["further"] = [
            ExplainedAt(**{**each, "measures": [measure_from_json(one) for one in each["measures"]]})
            for each in values.get("further", ())
        ]
        return Explanations(**values)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        remedy = "run `deepenough explain FOLDER`"
        raise RecordError("explanations.json", "explanations", f"another form ({error})", remedy) from error
