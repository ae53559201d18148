"""The design: a resolved study in the values that code passes on, with nothing left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from deepenough.data.augment import Augmentation
from deepenough.errors import StudyError
from deepenough.evaluation import batch_at
from deepenough.stats import Look, schedule
from deepenough.studies.choices import AugmentationChoice
from deepenough.studies.contenders import Lineage, contender, lineage, sides_at_test, sides_in_training
from deepenough.studies.recipes import WEIGHT_DECAYS, all_start_from_weights, augmentation_at, default_rate
from deepenough.studies.study import Study
from deepenough.tasks.registry import kind_of
from deepenough.training import Recipe

_AS_THEY_ARE = 1 << 30  # pixels, more than a picture may have
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
    recipes: Mapping[str, Recipe] = field(default_factory=dict)  # of what is trained otherwise, by its name
    augmentations: Mapping[str, Augmentation] = field(default_factory=dict)  # likewise
    own_resolution: bool = False  # pictures are cut, never resized

    def epochs_of(self, name: str) -> int:
        """Passes over its training pictures that a contender makes; fewer pictures are seen more often."""
        regime = contender(name).regime
        return max(1, round(self.epochs * regime.time / regime.share))

    def augmentation_of(self, name: str) -> Augmentation:
        """What is done to a contender's training pictures."""
        return self.augmentations.get(contender(name).trained, self.augmentation)

    @property
    def declares_looks(self) -> bool:
        """Whether it is looked at more than once."""
        return len(self.looks) > 1

    @property
    def short_side(self) -> int:
        """Short side in pixels to which training pictures may be reduced: the smallest crop still has every side."""
        if self.own_resolution:
            return _AS_THEY_ARE
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
    recipe = study.recipe
    seeds = _given("seeds", study.seeds)
    if study.recipe.train == "head":
        return _design_of_probe(study)
    design = Design(
        contenders=study.contenders,
        seeds=seeds,
        epochs=_given("epochs", study.epochs),
        batch=_batch(study),
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
            teacher_temperature=recipe.teacher_temperature,
            teacher_weight=recipe.teacher_weight,
        ),
        augmentation=_augmentation(study.augmentation),
        looks=(Look(seeds=seeds),) if study.looks is None else schedule(study.looks),
        own_resolution=kind_of(study.task).fit == "cut",
    )
    trained = design.lineage.trained
    return replace(
        design,
        recipes={name: own for name in trained if (own := _recipe_of(study, design, name)) != design.recipe},
        augmentations={name: own for name in trained if (own := _augmentation_of(study, design, name)) is not None},
    )


def _recipe_of(study: Study, design: Design, name: str) -> Recipe:
    """How a contender is trained: the study's recipe, changed as its name says."""
    regime, recipe = contender(name).regime, design.recipe
    if regime.optimizer is not None and regime.optimizer != recipe.optimizer:
        rate = default_rate(regime.optimizer, design.batch, tuned=all_start_from_weights(study))
        decay = WEIGHT_DECAYS[regime.optimizer]
        recipe = replace(recipe, optimizer=regime.optimizer, learning_rate=rate, weight_decay=decay)
    warmup = recipe.warmup_epochs * design.epochs_of(name) / design.epochs
    rate, decay = regime.rate * recipe.learning_rate, regime.decay * recipe.weight_decay
    return replace(recipe, learning_rate=rate, weight_decay=decay, warmup_epochs=warmup)


def _augmentation_of(study: Study, design: Design, name: str) -> Augmentation | None:
    """What is done to its pictures where its name says so, else None."""
    strength, kept = contender(name).regime.augmentation, study.augmentation
    if strength is None:
        return None
    fresh = AugmentationChoice(strength=strength, min_area=kept.min_area, flip=kept.flip)
    return _augmentation(augmentation_at(fresh, design.epochs))


def _augmentation(choice: AugmentationChoice) -> Augmentation:
    return Augmentation(
        min_area=choice.min_area,
        flip=choice.flip,
        trivial_augment=_given("augmentation.trivial_augment", choice.trivial_augment),
        erasing=_given("augmentation.erasing", choice.erasing),
        mixup=_given("augmentation.mixup", choice.mixup),
        cutmix=_given("augmentation.cutmix", choice.cutmix),
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
    return default_rate(study.recipe.optimizer, _batch(study), tuned=all_start_from_weights(study))


def _batch(study: Study) -> int:
    return study.batch if isinstance(study.batch, int) else _given("batch", None)


def _given(name: str, value: _Value | None) -> _Value:
    if value is None:
        raise StudyError(f"study.yaml: {name}", "a value, since a stored study is resolved", "nothing")
    return value
