"""What the open entries of a recipe become, by its optimizer, its epochs and its start; and a recipe in words."""

from __future__ import annotations

from deepenough.studies.choices import AugmentationChoice, RecipeChoice
from deepenough.studies.starting import start_of
from deepenough.studies.study import Study

LEARNING_RATES = {"adamw": 1e-3, "sgd": 0.1, "lamb": 5e-3}  # sgd's is for a batch of 256, scaled (Goyal et al. 2017)
FINE_TUNING = 0.1  # of the rate from scratch, as in Kolesnikov et al. 2020, "Big Transfer", arXiv 1912.11370, section 3
WEIGHT_DECAYS = {"adamw": 0.05, "sgd": 1e-4, "lamb": 0.02}


def describe_recipe(study: Study) -> str:
    """The recipe in one line for people."""
    recipe, augmentation = study.recipe, study.augmentation
    if recipe.train == "head":
        return "logistic regression on standardised features, its penalty chosen on validation; centre crop"
    rate = "found for each network" if recipe.learning_rate == "auto" else f"{recipe.learning_rate:g}"
    extras = {
        "TrivialAugment": augmentation.trivial_augment,
        f"erasing {augmentation.erasing}": augmentation.erasing,
        f"mixup {augmentation.mixup}": augmentation.mixup,
        f"CutMix {augmentation.cutmix}": augmentation.cutmix,
        f"averaged weights {recipe.ema_decay}": recipe.ema_decay,
        f"each part at {recipe.layer_decay} of the next one's rate": recipe.layer_decay,
        "classes weighted alike": recipe.class_weights == "balanced",
        f"focal loss {recipe.focal}": recipe.focal,
        f"teachers at {recipe.teacher_weight:g}, temperature {recipe.teacher_temperature:g}": study.has_pupils,
    }
    return (
        f"{recipe.optimizer}, learning rate {rate}, weight decay {recipe.weight_decay:g}, "
        f"warm-up {recipe.warmup_epochs:g} epochs, cosine, label smoothing {recipe.label_smoothing:g}, "
        + ", ".join(["random crop", *(["mirror"] if augmentation.flip else []), *(n for n, on in extras.items() if on)])
    )


def all_start_from_weights(study: Study) -> bool:
    """Whether no contender starts fresh."""
    return all(start_of(study, name) is not None for name in study.contenders)


def default_rate(optimizer: str, batch: int, *, tuned: bool) -> float:
    """The peak learning rate where none is given; `tuned` says that all contenders start from weights.

    >>> default_rate("adamw", 64, tuned=False), default_rate("sgd", 64, tuned=False)
    (0.001, 0.025)
    """
    rate = LEARNING_RATES[optimizer] * (batch / 256 if optimizer == "sgd" else 1.0)
    return rate * (FINE_TUNING if tuned else 1.0)


def settled_recipe(study: Study) -> RecipeChoice:
    """The recipe with nothing left open."""
    choice, epochs = study.recipe, study.epochs or 1
    rate = default_rate(choice.optimizer, study.settled_batch, tuned=all_start_from_weights(study))
    return choice.model_copy(
        update={
            "learning_rate": choice.learning_rate or rate,
            "weight_decay": WEIGHT_DECAYS[choice.optimizer] if choice.weight_decay is None else choice.weight_decay,
            "warmup_epochs": min(5.0, round(epochs / 7.5, 1)) if choice.warmup_epochs is None else choice.warmup_epochs,
        }
    )


def augmentation_at(choice: AugmentationChoice, epochs: int, *, mixes: bool = True) -> AugmentationChoice:
    """What a strength sets where nothing else is given; `auto` goes by the epochs, and by whether pictures may mix."""
    by_epochs = "light" if epochs < 30 else "standard" if epochs < 100 or not mixes else "strong"
    strength = by_epochs if choice.strength == "auto" else choice.strength
    standard, strong = strength != "light", strength == "strong"
    return choice.model_copy(
        update={
            "strength": strength,
            "trivial_augment": standard if choice.trivial_augment is None else choice.trivial_augment,
            "erasing": (0.1 if standard else 0.0) if choice.erasing is None else choice.erasing,
            "mixup": (0.2 if strong else 0.0) if choice.mixup is None else choice.mixup,
            "cutmix": (1.0 if strong else 0.0) if choice.cutmix is None else choice.cutmix,
        }
    )
