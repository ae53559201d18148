"""The plan: which cells, how many steps, and a forecast of time and memory from a short probe on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OVERHEAD = 1.08  # decoding, augmentation, history and saving beside the bare steps; see docs/log.md
VALIDATIONS = 5  # times that a training is validated on its way
COST_S = 4.0  # measuring one contender at one scale, two batch sizes, where calls are quick
COST_IMAGES = 120  # images that a measurement shows at least; they decide where calls are slow
HEAD_S = 3e-7  # seconds to fit a head, all penalties, by training image and weight, on one thread; see docs/log.md


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a short probe measured, per contender, at one image side.

    Args:
        side: image side, pixels.
        train_s: seconds to train on one image, by what is trained or tuned, its schedule of sides counted in.
        test_s: seconds to test one image, by contender.
        peak_bytes: memory of the process during the probe with all contenders in it.
        head_weights: weights of all contenders' heads; the time to fit a linear head goes with them.
        parts: in which a batch was taken, so that memory held it with every contender, and no way was clearly faster.
    """

    side: int
    train_s: Mapping[str, float]
    test_s: Mapping[str, float]
    peak_bytes: int
    head_weights: int = 0
    parts: int = 1

    def train_image_s(self, side: int) -> float:
        """Seconds to train all contenders on one image of another side; time goes with the number of pixels."""
        return sum(self.train_s.values()) * (side / self.side) ** 2

    def test_image_s(self, side: int) -> float:
        """Seconds to test all contenders on one image of another side."""
        return sum(self.test_s.values()) * (side / self.side) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many pictures each split has, and how often an epoch shows each of training."""

    train: int
    val: int
    test: int
    shifted: int = 0  # test images from elsewhere
    views: int = 1  # of each training picture in an epoch
    checked: int = 0  # of test, those on which each training's own arithmetic is held against fp32

    @property
    def asked(self) -> int:
        """Pictures that a training is asked about at each scale; those that are checked, twice more."""
        return self.val + self.test + self.shifted + 2 * self.checked

    @property
    def shown(self) -> int:
        """Views of training pictures in an epoch."""
        return self.train * self.views


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Seconds by part, and memory."""

    training_s: float
    evaluation_s: float
    cost_s: float
    total_s: float
    peak_bytes: int
    noise_s: float = 0.0  # the extra trainings of `studies.noise`
    range_tests_s: float = 0.0  # the range tests of `studies.rates`


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be done. `gave_up` says in sentences what the budget did not allow."""

    source: str
    contenders: Sequence[str]
    seeds: int
    cells: Sequence[str]
    sizes: Sizes
    train_scale: int
    scales: Sequence[int]
    epochs: int
    batch: int
    steps_per_cell: int
    recipe: str
    precision: str
    budget_s: float | None
    forecast: Forecast
    gave_up: Sequence[str] = field(default_factory=list)
    looks: Sequence[int] | None = None  # numbers of seeds, the last is `seeds`; None where there is one look
    first_look: Forecast | None = None  # up to the first look, where the study may stop; `forecast` is for all
    start: str = ""  # what the networks start from, and how pictures are prepared for it
    cache_bytes: int = 0  # of decoded pictures on disk
    train: str = "all"  # or `head`: a linear probe

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Plan:
        """The plan that `plan.json` holds, beside what it took."""
        known = {name: plain[name] for name in cls.__slots__ if name in plain}
        first = plain.get("first_look")
        known |= {"sizes": Sizes(**plain["sizes"]), "forecast": Forecast(**plain["forecast"])}
        return cls(**{**known, "first_look": None if first is None else Forecast(**first)})


def forecast(
    probe: Probe,
    sizes: Sizes,
    *,
    seeds: int,
    epochs: int,
    train_scale: int,
    scales: Sequence[int],
    extra: int = 0,
    tested_images: int = 0,
) -> Forecast:
    """Time and memory of a study from a probe, in seconds and bytes.

    Validation at the training scale runs about five times in a training, and at every scale at its end. `extra`
    trainings of each contender are tested at one scale, taken to be the largest. `tested_images` are those on which
    range tests of the learning rate train each contender.
    """
    steps = epochs * sizes.shown * probe.train_image_s(train_scale) * OVERHEAD
    during = min(VALIDATIONS, epochs) * sizes.val * probe.test_image_s(train_scale)
    training = seeds * (steps + during)
    evaluation = seeds * sum(probe.test_image_s(scale) for scale in scales) * sizes.asked
    cost = _cost_s(probe, scales)
    noise = extra * (steps + during + probe.test_image_s(max(scales)) * (sizes.test + sizes.val))
    rates = tested_images * probe.train_image_s(train_scale) * OVERHEAD
    return Forecast(
        training_s=training,
        evaluation_s=evaluation,
        cost_s=cost,
        total_s=training + evaluation + cost + noise + rates,
        peak_bytes=probe.peak_bytes,
        noise_s=noise,
        range_tests_s=rates,
    )


def forecast_probe(probe: Probe, sizes: Sizes, *, train_scale: int, scales: Sequence[int]) -> Forecast:
    """Time and memory of a linear probe: each picture once at each scale, and fitting the heads."""
    training = sizes.train * (probe.test_image_s(train_scale) * OVERHEAD + HEAD_S * probe.head_weights)
    evaluation = sum(probe.test_image_s(scale) for scale in scales) * sizes.asked
    cost = _cost_s(probe, scales)
    return Forecast(
        training_s=training,
        evaluation_s=evaluation,
        cost_s=cost,
        total_s=training + evaluation + cost,
        peak_bytes=probe.peak_bytes,
    )


def _cost_s(probe: Probe, scales: Sequence[int]) -> float:
    return sum(max(COST_S * len(probe.train_s), COST_IMAGES * probe.test_image_s(scale)) for scale in scales)


def validates_at(epoch: int, epochs: int) -> bool:
    """Whether the end of an epoch (counted from 1) is one of the about five at which a training is validated.

    >>> [epoch for epoch in range(1, 13) if validates_at(epoch, 12)]
    [3, 5, 8, 10, 12]
    """
    return epoch == epochs or epoch * VALIDATIONS // epochs > (epoch - 1) * VALIDATIONS // epochs
