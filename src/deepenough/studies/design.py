"""The design: a resolved study in the values that code passes on, with nothing left open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from deepenough.data.augment import Augmentation
from deepenough.errors import StudyError
from deepenough.evaluation import batch_at
from deepenough.stats import Look, schedule
from deepenough.studies.contenders import Lineage, lineage, sides_at_test, sides_in_training
from deepenough.studies.resolve import all_start_from_weights, default_rate
from deepenough.studies.study import Study
from deepenough.training import Recipe

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What is trained and tested; see `Study` for each entry."""

    contenders: tuple[str, ...]
    seeds: int
    epochs: int
    batch: int
    train_scale: int
    scales: tuple[int, ...]
    recipe: Recipe
    augmentation: Augmentation
    looks: tuple[Look, ...]  # one, after all seeds, where none were declared

    @property
    def declares_looks(self) -> bool:
        """Whether it is looked at more than once."""
        return len(self.looks) > 1

    @property
    def short_side(self) -> int:
        """Short side in pixels to which training pictures may be reduced: the smallest crop still has every side."""
        sides = sides_in_training(self.contenders, self.train_scale, self.scales)
        return round(max(sides) / self.augmentation.min_area**0.5)

    @property
    def lineage(self) -> Lineage:
        """What is trained, and what is made from it."""
        return lineage(self.contenders)

    @property
    def sides(self) -> tuple[int, ...]:
        """Image sides at which validation and test pictures are needed."""
        return tuple(sorted({self.train_scale, *sides_at_test(self.contenders, self.scales)}))


def design_of(study: Study) -> Design:
    """The design of a resolved study.

    Raises:
        StudyError: the study is not resolved.
    """
    recipe, augmentation = study.recipe, study.augmentation
    seeds = _given("seeds", study.seeds)
    if study.recipe.train == "head":
        return _design_of_probe(study)
    return Design(
        contenders=study.contenders,
        seeds=seeds,
        epochs=_given("epochs", study.epochs),
        batch=_given("batch", study.batch),
        train_scale=_given("train_scale", study.train_scale),
        scales=_given("scales", study.scales),
        recipe=Recipe(
            optimizer=recipe.optimizer,
            learning_rate=_rate(study),
            weight_decay=_given("recipe.weight_decay", recipe.weight_decay),
            momentum=recipe.momentum,
            warmup_epochs=_given("recipe.warmup_epochs", recipe.warmup_epochs),
            label_smoothing=recipe.label_smoothing,
            ema_decay=recipe.ema_decay,
            clip_norm=recipe.clip_norm,
            layer_decay=recipe.layer_decay,
        ),
        augmentation=Augmentation(
            min_area=augmentation.min_area,
            flip=augmentation.flip,
            trivial_augment=_given("augmentation.trivial_augment", augmentation.trivial_augment),
            erasing=_given("augmentation.erasing", augmentation.erasing),
            mixup=_given("augmentation.mixup", augmentation.mixup),
            cutmix=_given("augmentation.cutmix", augmentation.cutmix),
        ),
        looks=(Look(seeds=seeds),) if study.looks is None else schedule(study.looks),
    )


def _design_of_probe(study: Study) -> Design:
    """A head learns from one look at every training picture as it is; what belongs to steps has no say."""
    train_scale = _given("train_scale", study.train_scale)
    return Design(
        contenders=study.contenders,
        seeds=1,
        epochs=1,
        batch=batch_at(train_scale),
        train_scale=train_scale,
        scales=_given("scales", study.scales),
        recipe=Recipe(),
        augmentation=Augmentation(),
        looks=(Look(seeds=1),),
    )


def _rate(study: Study) -> float:
    """The peak for all contenders; under `auto` the default, until each has its own (`studies.rates`)."""
    rate = _given("recipe.learning_rate", study.recipe.learning_rate)
    if not isinstance(rate, str):
        return rate
    return default_rate(study.recipe.optimizer, _given("batch", study.batch), tuned=all_start_from_weights(study))


def _given(name: str, value: _Value | None) -> _Value:
    if value is None:
        raise StudyError(f"study.yaml: {name}", "a value, since a stored study is resolved", "nothing")
    return value
