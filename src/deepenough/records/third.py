"""Third answers: what two trained networks are worth together, as one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deepenough.errors import RecordError
from deepenough.records.known import known_to
from deepenough.records.results import ContenderResult, PairResult

CASCADE, AVERAGE = "cascade", "average"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One seed's threshold of confidence, as chosen on validation, and what it did; shares are of images passed on."""

    seed: int
    threshold: float  # an image is passed on where the first network's confidence is below it
    validation_share: float
    validation_mean: float  # in the record's unit
    share: float  # of the test images
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeTiming:
    """The cascade timed end to end beside both networks alone: means over images of the median over rounds, seconds.

    `predicted_s` is `small_s` + `share` x `big_s`, all three timed by turns in the same minute.
    """

    seed: int
    device: str
    precision: str
    images: int
    rounds: int
    share: float
    small_s: float
    big_s: float
    kept_s: float | None  # a call of the cascade that ended at the first network; None where none did
    passed_s: float | None
    predicted_s: float
    measured_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdAnswers:
    """A cascade and an average of the verdict's two networks; means and differences in its unit.

    `costs` holds, by contender, seconds and multiply-accumulates an image as recorded in costs.parquet; of the cascade
    those expected at its mean share. `curve` is descriptive: the mean on test where the least sure share of the test
    images is passed on.
    """

    small: str
    big: str
    scale: int
    metric: str
    unit: str
    margin: float
    level: float
    within: float | None  # how the threshold was chosen: within so much of the best on validation,
    declared_share: float | None  # or by this share
    thresholds: list[Threshold]
    contenders: list[ContenderResult]
    pairs: list[PairResult]
    costs: dict[str, dict[str, float]]
    curve: list[dict[str, float]]
    timing: CascadeTiming | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Of the test images, how many are passed on: the mean over seeds."""
        return sum(each.share for each in self.thresholds) / len(self.thresholds)

    def result(self, name: str) -> ContenderResult | None:
        """What a contender reached, or None where it is not in the record."""
        return next((each for each in self.contenders if each.contender == name), None)


def third_from_json(plain: Mapping[str, Any]) -> ThirdAnswers:
    """The inverse of `to_json`; unknown keys, which a later version may add, are ignored.

    Raises:
        RecordError: it has another form.
    """
    from deepenough.records.files import contender_from_json, pair_from_json

    values = known_to(ThirdAnswers, plain)
    try:
        values["thresholds"] = [Threshold(**entry) for entry in values["thresholds"]]
        values["contenders"] = [contender_from_json(entry) for entry in values["contenders"]]
        values["pairs"] = [pair_from_json(entry) for entry in values["pairs"]]
        values["timing"] = None if values.get("timing") is None else CascadeTiming(**values["timing"])
        return ThirdAnswers(**values)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        remedy = "run `deepenough cascade FOLDER`"
        raise RecordError("third.json", "third answers", f"another form ({error})", remedy) from error
