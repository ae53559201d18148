"""Fill what a study leaves open: from the pictures, from the machine, and from the time that there is.

Every choice made here is printed with the plan and stored in the resolved study; nothing is chosen in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from deepenough.evaluation.precision import checked
from deepenough.search.ranges import MOST_STEPS
from deepenough.studies.plan import Probe, Sizes, forecast, forecast_probe
from deepenough.studies.recipes import augmentation_at, settled_recipe
from deepenough.studies.study import LARGEST_SIDE, SCALE_FACTORS, Study, seconds

if TYPE_CHECKING:
    from deepenough.tasks.contract import Task

LARGEST_CROP = 128  # px, of pictures cut at their own resolution: pixels teach there, not pictures
DEFAULT_SEEDS = 3  # the fewest with which a verdict on architectures keeps its error rates
DEFAULT_BUDGET = "1h"
SIDES = (224, 192, 160, 128, 96, 64, 48, 32)
EPOCHS = (60, 40, 30, 24, 20, 16, 12, 10, 8, 6, 5, 4, 3, 2, 1)
ENOUGH_EPOCHS = 16  # a larger scale is taken only while at least so many epochs fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A study with nothing left open, what was probed for it, and what the budget did not allow."""

    study: Study
    probe: Probe
    gave_up: list[str]


def resolve(
    request: Study, samples: pl.DataFrame, probe_at: Callable[[Study, int], Probe], task: Task | None = None
) -> Resolved:
    """Fill everything that is None.

    Args:
        request: the study as a person wrote it.
        samples: the columns of `records.SAMPLES`.
        probe_at: measures at an image side; called once or twice.
        task: of the study; None for one that sees every picture once an epoch, resized.
    """
    sizes = split_sizes(samples, request, 1 if task is None else task.views_an_epoch)
    native = _native(samples)
    if task is not None and task.fit == "cut":
        native = min(native, LARGEST_CROP)
        request = request.model_copy(update={"scales": request.scales or (_whole_side(samples),)})
    if request.recipe.train == "head":
        return _resolve_probe(request, native, sizes, probe_at)
    if request.looks is not None:
        request = request.model_copy(update={"seeds": request.looks[-1]})  # the budget must hold the last look
    asked = request.model_copy(update={"batch": _batch(sizes) if request.batch in (None, "auto") else request.batch})
    if request.source == "digits":
        asked = asked.model_copy(update=_digits(request))
    if asked.budget is None and asked.epochs is None:
        asked = asked.model_copy(update={"budget": DEFAULT_BUDGET})
    measured = probe_at(asked, asked.train_scale or min(64, _side_below(native)))
    study, short = _fit(asked, native, sizes, measured)
    if study.train_scale is not None and study.train_scale != measured.side:
        measured = probe_at(asked, study.train_scale)
        study, short = _fit(asked.model_copy(update={"train_scale": study.train_scale}), native, sizes, measured)
    gave_up = [*short, *_gave_up(asked, study, native)]
    study = study.model_copy(
        update={
            "recipe": settled_recipe(study),
            "parts": study.parts or (measured.parts if request.batch == "auto" else None),
            "augmentation": augmentation_at(study.augmentation, study.epochs or 1, mixes=task is None or task.mixes),
        }
    )
    return Resolved(study=study, probe=measured, gave_up=gave_up)


def _resolve_probe(request: Study, native: int, sizes: Sizes, probe_at: Callable[[Study, int], Probe]) -> Resolved:
    """A linear probe has one seed and no epochs; only the scale is open: the largest that keeps within the budget."""
    own = 32 if request.source == "digits" and request.budget is None else None
    given = request.train_scale or own
    budget = request.budget or (None if given else DEFAULT_BUDGET)
    asked = request.model_copy(update={"seeds": 1, "budget": budget})
    measured = probe_at(asked.model_copy(update={"batch": _batch(sizes)}), given or min(64, _side_below(native)))
    sides = [given] if given else [side for side in SIDES if side <= max(native, SIDES[-1])]

    def total_s(side: int) -> float:
        scales = _scales(request, side)
        return forecast_probe(measured, sizes, train_scale=side, scales=scales).total_s

    side = next((side for side in sides if budget is None or total_s(side) <= seconds(budget)), sides[-1])
    study = asked.model_copy(update={"train_scale": side, "scales": _scales(request, side)})
    short = budget is not None and total_s(side) > seconds(budget)
    over = f"the budget of {budget} is too short: even the smallest plan takes about {total_s(side) / 60:.0f} minutes"
    lost = f"fits the head at {side} px, though the pictures would allow {sides[0]} px"
    gave_up = [*([over] if short else []), *([lost] if side < sides[0] else [])]
    return Resolved(study=study, probe=measured, gave_up=gave_up)


def _native(samples: pl.DataFrame) -> int:
    """The pictures' own short side, pixels, at the median."""
    return int(samples.select(pl.min_horizontal("width", "height")).to_series().median())  # pyright: ignore


def _whole_side(samples: pl.DataFrame) -> int:
    """Side of a square that hardly any tested picture is smaller than, in multiples of 16, 32 to 512 px."""
    tested = samples.filter(pl.col("split") != "train").select(pl.min_horizontal("width", "height")).to_series()
    most = tested.quantile(0.05, "lower")
    return max(32, min(512, int(most or 32) // 16 * 16))


def split_sizes(samples: pl.DataFrame, study: Study | None = None, views: int = 1) -> Sizes:
    """How many samples each split has, and on how many a study's arithmetic is checked; none where it is fp32.

    An epoch shows `views` random views of each training picture.
    """
    counts = dict(samples.group_by("split").len().iter_rows())
    train, val, test, shifted = (counts.get(split, 0) for split in ("train", "val", "test", "test_shifted"))
    rounds = study is not None and not study.exact and study.precision != "fp32"
    held = len(checked(test)) if rounds else 0
    return Sizes(train=train, val=val, test=test, shifted=shifted, views=views, checked=held)


def default_scales(train_scale: int, factors: Sequence[float] = SCALE_FACTORS) -> tuple[int, ...]:
    """Test scales around a training scale, and itself: so many times that, in multiples of 16, from 32 to 2048 px.

    >>> default_scales(64), default_scales(224), default_scales(64, [])
    ((48, 64, 96, 128), (160, 224, 336, 448), (64,))
    """
    near = (min(LARGEST_SIDE, max(32, int(train_scale * factor) // 16 * 16)) for factor in factors)
    return tuple(sorted({train_scale, *near}))


def _scales(study: Study, train_scale: int) -> tuple[int, ...]:
    return study.scales or default_scales(train_scale, study.scale_factors)


def _batch(sizes: Sizes) -> int:
    """64, or less where an epoch would have fewer than 20 steps, since steps are what trains."""
    return next((batch for batch in (64, 32, 16, 8) if sizes.shown // batch >= 20), 8)


def _digits(request: Study) -> dict[str, object]:
    """The embedded pictures are 8 x 8 pixels: 32 px and few epochs do, and a mirrored 2 is no 2."""
    given = request.augmentation.model_fields_set
    own = {name: value for name, value in (("min_area", 0.7), ("flip", 0.0)) if name not in given}
    chosen: dict[str, object] = {"augmentation": request.augmentation.model_copy(update=own)}
    if request.budget is None:
        chosen |= {
            "train_scale": request.train_scale or 32,
            "scales": request.scales or ((32, 48) if request.scale_factors == SCALE_FACTORS else None),
            "epochs": request.epochs or 3,
            "batch": 64 if request.batch in (None, "auto") else request.batch,
            "seeds": request.seeds or DEFAULT_SEEDS,
        }
    return chosen


def _side_below(native: int) -> int:
    return next((side for side in SIDES if side <= native), SIDES[-1])


def _fit(study: Study, native: int, sizes: Sizes, measured: Probe) -> tuple[Study, list[str]]:
    """Choose scale, epochs and seeds that are not given so that the forecast keeps within the budget, or say it cannot.

    Rule: three seeds; then the largest scale, up to the pictures' own, at which enough epochs fit; then as many epochs
    as fit. Only where one epoch at the smallest scale does not fit do seeds go.
    """
    if study.budget is None:
        epochs, scale = study.epochs or ENOUGH_EPOCHS, study.train_scale or measured.side
        filled = {"epochs": epochs, "train_scale": scale, "scales": _scales(study, scale)}
        return study.model_copy(update={**filled, "seeds": study.seeds or DEFAULT_SEEDS}), []
    limit = seconds(study.budget)
    sides = [study.train_scale] if study.train_scale else [side for side in SIDES if side <= max(native, SIDES[-1])]
    choices = [study.epochs] if study.epochs else list(EPOCHS)
    for seeds in [study.seeds] if study.seeds else [3, 2, 1]:
        fitting = [
            (side, epochs)
            for side in sides
            for epochs in choices
            if _total(study, side, seeds, epochs, sizes, measured) <= limit
        ]
        if fitting:
            ample = [pair for pair in fitting if pair[1] >= ENOUGH_EPOCHS]
            side, epochs = max(ample) if ample else max(fitting, key=lambda pair: (pair[1], pair[0]))
            return _filled(study, side, seeds, epochs), []
    side, epochs, seeds = sides[-1], choices[-1], study.seeds or 1
    total = _total(study, side, seeds, epochs, sizes, measured)
    what = "what was asked for" if study.train_scale and study.epochs and study.seeds else "even the smallest plan"
    over = f"the budget of {study.budget} is too short: {what} takes about {total / 60:.0f} minutes"
    return _filled(study, side, seeds, epochs), [over]


def _total(study: Study, side: int, seeds: int, epochs: int, sizes: Sizes, measured: Probe) -> float:
    return forecast(
        measured,
        sizes,
        seeds=seeds,
        epochs=epochs,
        train_scale=side,
        scales=_scales(study, side),
        extra=study.noise_trainings,
        tested_images=range_test_images(study),
    ).total_s


def range_test_images(study: Study) -> int:
    """Images on which a learning rate is sought for each contender at most; none where the study has one."""
    return MOST_STEPS * study.settled_batch if study.recipe.learning_rate == "auto" else 0


def _filled(study: Study, side: int, seeds: int, epochs: int) -> Study:
    filled = {"train_scale": side, "scales": _scales(study, side), "seeds": seeds, "epochs": epochs}
    return study.model_copy(update=filled)


def _gave_up(asked: Study, study: Study, native: int) -> list[str]:
    """What a longer budget would have allowed, in sentences; nothing where no budget was set."""
    if asked.budget is None:
        return []
    wanted, side, epochs, seeds = _side_below(native), study.train_scale or 0, study.epochs or 0, study.seeds or 0
    lost = []
    if not asked.train_scale and side < wanted:
        lost.append(f"trains at {side} px, though the pictures would allow {wanted} px")
    if not asked.epochs and epochs < EPOCHS[0]:
        lost.append(f"trains {epochs} of up to {EPOCHS[0]} epochs that would have been taken")
    if not asked.seeds and seeds < DEFAULT_SEEDS:
        said = "one seed allows no claim about the architectures" if seeds == 1 else "two seeds make wide intervals"
        lost.append(f"trains {seeds} instead of {DEFAULT_SEEDS} seeds: {said}")
    return lost
