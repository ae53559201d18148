"""The parts of a study file: each checked by itself when it is read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from deepenough.errors import InputError
from deepenough.stats.claims import MOST_RUNS, audit
from deepenough.stats.pairings import MOST_IMAGES


class Part(BaseModel):
    """A part: its values cannot be changed, and keys that it does not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RecipeChoice(Part):
    """How the networks are trained; see `training.Recipe` for what each entry means, `studies.head` for `train`.

    `class_weights: balanced` lets every class count alike in the loss, `focal` is gamma of the focal loss: see
    `tasks.losses`.
    """

    optimizer: Literal["adamw", "sgd", "lamb"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto"] | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    warmup_epochs: Annotated[float, Field(ge=0)] | None = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    layer_decay: Annotated[float, Field(gt=0, le=1)] | None = None
    class_weights: Literal["none", "balanced"] = "none"
    focal: Annotated[float, Field(gt=0, le=10)] | None = None
    teacher_temperature: Annotated[float, Field(ge=1, le=100)] = 4.0
    teacher_weight: Annotated[float, Field(gt=0, le=1)] = 0.9
    train: Literal["all", "head"] = "all"

    @field_validator("learning_rate", mode="before")
    @classmethod
    def _rate(cls, value: object) -> object:
        number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        if value is not None and value != "auto" and not number:
            raise ValueError("a number above 0, or auto")
        return value


class AugmentationChoice(Part):
    """What is done to training pictures; a strength sets what is left out.

    `light` crops and mirrors, for runs of fewer than 30 epochs; `standard` adds TrivialAugment and erasing; `strong`
    adds mixup and CutMix, for 100 epochs and more. `auto` goes by the epochs.
    """

    strength: Literal["auto", "light", "standard", "strong"] = "auto"
    min_area: Annotated[float, Field(gt=0, le=1)] = 0.35
    flip: Annotated[float, Field(ge=0, le=1)] = 0.5
    trivial_augment: bool | None = None
    erasing: Annotated[float, Field(ge=0, le=1)] | None = None
    mixup: Annotated[float, Field(ge=0)] | None = None
    cutmix: Annotated[float, Field(ge=0)] | None = None


class Published(Part):
    """Two accuracies as they were printed; nothing is decided by them.

    Args:
        figures: accuracy in percent by contender, exactly two; text, since the decimals count.
        images: test images, where known.
        runs: trainings of each, whose mean a figure is.
        source: who says so, in words.
    """

    figures: dict[str, str]
    images: Annotated[int, Field(ge=1, le=MOST_IMAGES)] | None = None
    runs: Annotated[int, Field(ge=1, le=MOST_RUNS)] = 1
    source: Annotated[str, Field(max_length=200)] = "another study"

    @field_validator("figures")
    @classmethod
    def _figures(cls, value: dict[str, str]) -> dict[str, str]:
        if len(value) != 2:
            raise ValueError("two contenders with an accuracy in percent each")
        try:
            first, second = value.values()
            audit(first, second)
        except InputError as error:
            raise ValueError(f"{error.expected} (in percent, in quotes)") from None
        return value
