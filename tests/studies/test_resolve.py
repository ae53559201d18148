"""What is left open is filled by rule, within the budget, and what was given is never changed."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepenough.records import SAMPLES
from deepenough.studies.ablating import ablation_of
from deepenough.studies.design import design_of
from deepenough.studies.plan import Probe, Sizes, forecast, validates_at
from deepenough.studies.recipes import describe_recipe
from deepenough.studies.resolve import default_scales, resolve, split_sizes
from deepenough.studies.study import Study, make_study, seconds

TRAIN_S, TEST_S = {"resnet50": 0.004, "resnet101": 0.008}, {"resnet50": 0.001, "resnet101": 0.002}


def samples(train=3000, val=300, test=400, width=500, height=400):
    rows = {"split": ["train"] * train + ["val"] * val + ["test"] * test, "width": width, "height": height}
    return pl.DataFrame(rows).cast({name: SAMPLES[name] for name in rows})


def probe_at(study, side):
    factor = (side / 64) ** 2
    scaled = ({name: value * factor for name, value in each.items()} for each in (TRAIN_S, TEST_S))
    return Probe(side=side, train_s=next(scaled), test_s=next(scaled), peak_bytes=10**9)


def resolved(values, pictures=None):
    return resolve(make_study({"source": "photos", **values}), samples() if pictures is None else pictures, probe_at)


def hours(study):
    total = forecast(
        probe_at(study, study.train_scale),
        Sizes(train=3000, val=300, test=400),
        seeds=study.seeds,
        epochs=study.epochs,
        train_scale=study.train_scale,
        scales=study.scales,
    )
    return total.total_s / 3600


def test_forecast_adds_up_what_the_probe_timed():
    # 2 seeds x 3 epochs x 1000 images x (4 + 8) ms x (32 / 64)^2, and 8 % for what surrounds the steps
    found = forecast(
        probe_at(None, 64),
        Sizes(train=1000, val=100, test=200),
        seeds=2,
        epochs=3,
        train_scale=32,
        scales=(32, 64),
    )
    # and per seed 100 validation images at each epoch's end
    assert found.training_s == pytest.approx(2 * (3 * 1000 * 0.012 / 4 * 1.08 + 3 * 100 * 0.003 / 4))
    assert found.evaluation_s == pytest.approx(2 * 300 * (0.003 / 4 + 0.003))  # per seed: 300 images at both scales
    assert found.cost_s == pytest.approx(2 * 2 * 4.0)
    assert found.total_s == pytest.approx(found.training_s + found.evaluation_s + found.cost_s)


def test_no_budget_takes_the_seeds_of_an_ablation_and_it_is_tested_where_it_trains():
    asked, _ = ablation_of(make_study({"source": "photos", "budget": "1s"}), None, ("time",))
    found = resolve(asked, samples(), probe_at)
    assert (found.study.seeds, found.study.scales) == (3, (32,))
    assert "the budget of 1s is too short: even the smallest plan takes about" in found.gave_up[0]


def test_scales_around_the_training_scale_are_the_factors_that_were_given():
    found = resolved({"train_scale": 128, "epochs": 1, "scale_factors": [0.5, 2.1]}).study
    assert found.scales == (64, 128, 256)  # in multiples of 16


def test_scales_end_where_a_study_file_ends_them():
    assert resolved({"train_scale": 512, "epochs": 1, "scale_factors": [8]}).study.scales == (512, 2048)


def test_digits_take_the_factors_that_were_given():
    assert resolved({"source": "digits", "scale_factors": []}).study.scales == (32,)
    assert resolved({"source": "digits"}).study.scales == (32, 48)


def test_forecast_counts_a_shifted_test_set_and_the_check_of_the_arithmetic():
    def foretold(**more):
        sizes = Sizes(train=1000, val=100, test=200, **more)
        return forecast(probe_at(None, 64), sizes, seeds=2, epochs=3, train_scale=32, scales=(32, 64))

    plain, more = foretold(), foretold(shifted=150, checked=32)
    assert more.evaluation_s == pytest.approx(plain.evaluation_s * (300 + 150 + 2 * 32) / 300)
    assert more.total_s - plain.total_s == pytest.approx(more.evaluation_s - plain.evaluation_s)


def test_arithmetic_is_checked_on_some_pictures_unless_it_is_exact():
    splits = pl.DataFrame({"split": ["train"] * 5 + ["test"] * 40 + ["test_shifted"] * 7 + ["val"] * 3})
    bf16, fp32 = (make_study({"source": "photos", "precision": precision}) for precision in ("bf16", "fp32"))
    assert split_sizes(splits, bf16) == Sizes(train=5, val=3, test=40, shifted=7, checked=32)
    for exact in (fp32, bf16.model_copy(update={"exact": True}), None):
        assert split_sizes(splits, exact) == Sizes(train=5, val=3, test=40, shifted=7)


@given(
    budget=st.integers(20, 3000),
    given_values=st.fixed_dictionaries(
        {},
        optional={
            "seeds": st.integers(1, 6),
            "epochs": st.integers(1, 90),
            "train_scale": st.sampled_from([32, 64, 128]),
            "scales": st.lists(st.sampled_from([32, 64, 96]), min_size=1),
            "batch": st.integers(2, 256),
            "margin": st.sampled_from([0.5, 2.0]),
        },
    ),
)
def test_a_budget_fills_what_is_open_keeps_what_is_given_and_is_kept_or_said_to_be_too_short(budget, given_values):
    found = resolved({**given_values, "budget": f"{budget}m"})
    study = found.study
    for name, value in given_values.items():
        expected = tuple(sorted(set(value))) if name == "scales" else value
        assert getattr(study, name) == expected
    design = design_of(study)  # nothing is open
    assert design.train_scale <= 400
    within = hours(study) <= budget / 60 * (1 + 1e-9)
    assert within == (not any("too short" in said for said in found.gave_up))


@pytest.mark.parametrize("values", [{"budget": "30m"}, {"budget": "20s"}, {"epochs": 2}, {"source": "digits"}])
def test_looks_fix_the_seeds_at_their_last_and_the_budget_holds_all_of_them(values):
    found = resolved({"looks": [2, 4, 6], **values})
    assert (found.study.seeds, found.study.looks) == (6, (2, 4, 6))
    assert [look.seeds for look in design_of(found.study).looks] == [2, 4, 6]
    if "budget" in values:
        said = any("too short: even the smallest plan" in each for each in found.gave_up)
        assert (hours(found.study) * 3600 <= seconds(values["budget"])) == (not said)
    assert not any("instead of 3 seeds" in each for each in found.gave_up)


def test_a_study_without_looks_is_looked_at_once_at_95_per_cent():
    [look] = design_of(resolved({"seeds": 4, "epochs": 1}).study).looks
    assert (look.seeds, look.level, look.guard) == (4, 0.95, 1)


@pytest.mark.parametrize("budget", ["5h", "20h", "100h"])
def test_more_time_never_gives_less(budget):
    less, more = resolved({"budget": "1h"}).study, resolved({"budget": budget}).study
    assert (more.seeds, more.train_scale * more.epochs) >= (less.seeds, less.train_scale * less.epochs)
    assert more.seeds == 3


def test_what_the_budget_did_not_allow_is_said():
    found = resolved({"budget": "60s", "epochs": 1})
    assert found.study.seeds < 3
    said = " ".join(found.gave_up)
    assert f"trains {found.study.seeds} instead of 3 seeds" in said
    assert f"trains at {found.study.train_scale} px, though the pictures would allow 224 px" in said
    assert resolved({"budget": "9999h"}).gave_up == []


def test_a_budget_that_nothing_fits_is_named_and_the_smallest_plan_is_made():
    found = resolved({"budget": "10s"})
    assert "the budget of 10s is too short: even the smallest plan takes about" in found.gave_up[0]
    assert (found.study.seeds, found.study.epochs, found.study.train_scale) == (1, 1, 32)
    asked = resolved({"budget": "10s", "seeds": 9, "epochs": 9, "train_scale": 64})
    assert "what was asked for takes about" in asked.gave_up[0]
    assert (asked.study.seeds, asked.study.epochs) == (9, 9)


def test_a_study_with_nothing_given_takes_three_seeds_within_the_hour():
    study = resolved({}).study
    assert (study.budget, study.seeds) == ("1h", 3)
    assert hours(study) <= 1


def test_given_epochs_ask_for_no_budget():
    study = resolved({"epochs": 15}).study
    assert (study.budget, study.seeds, study.epochs, study.train_scale) == (None, 3, 15, 64)
    assert study.scales == (48, 64, 96, 128)


def test_pictures_are_not_enlarged_in_training_without_being_asked():
    study = resolved({"budget": "9999h"}, samples(width=100, height=70)).study
    assert study.train_scale == 64
    assert resolved({"budget": "9999h"}, samples(width=8, height=8)).study.train_scale == 32
    assert resolved({"train_scale": 128, "epochs": 1}, samples(width=8, height=8)).study.train_scale == 128


def test_digits_are_planned_for_minutes_and_never_mirrored():
    study = resolve(Study(), samples(1259, 269, 269, 8, 8), probe_at).study
    assert (study.seeds, study.train_scale, study.scales, study.epochs) == (3, 32, (32, 48), 3)
    assert study.augmentation.flip == 0.0
    asked = make_study({"augmentation": {"strength": "standard"}})
    again = resolve(asked, samples(1259, 269, 269, 8, 8), probe_at).study.augmentation
    assert (again.flip, again.trivial_augment) == (0.0, True)
    budgeted = resolve(make_study({"budget": "30m"}), samples(1259, 269, 269, 8, 8), probe_at).study
    assert (budgeted.augmentation.flip, budgeted.augmentation.min_area) == (0.0, 0.7)
    flipped = make_study({"augmentation": {"flip": 0.5}})
    assert resolve(flipped, samples(1259, 269, 269, 8, 8), probe_at).study.augmentation.flip == 0.5


def test_a_resolved_study_resolves_to_itself():
    once = resolved({"budget": "2h", "recipe": {"optimizer": "sgd"}}).study
    assert resolve(once, samples(), probe_at).study == once


@pytest.mark.parametrize(("epochs", "strength"), [(1, "light"), (29, "light"), (30, "standard"), (100, "strong")])
def test_augmentation_grows_with_the_epochs(epochs, strength):
    augmentation = resolved({"epochs": epochs}).study.augmentation
    assert augmentation.strength == strength
    assert augmentation.trivial_augment == (strength != "light")
    assert (augmentation.mixup, augmentation.cutmix) == ((0.2, 1.0) if strength == "strong" else (0.0, 0.0))


def test_learning_rate_of_sgd_goes_with_the_batch():
    rates = [resolved({"batch": b, "epochs": 9, "recipe": {"optimizer": "sgd"}}).study.recipe for b in (64, 256)]
    assert [recipe.learning_rate for recipe in rates] == [0.025, 0.1]


def test_small_sets_take_small_batches_so_that_there_are_steps():
    assert resolved({"epochs": 1}, samples(train=3000)).study.batch == 64
    assert resolved({"epochs": 1}, samples(train=700)).study.batch == 32
    assert resolved({"epochs": 1}, samples(train=40)).study.batch == 8


def test_recipe_in_words_names_what_is_used_and_nothing_else():
    light = describe_recipe(resolved({"epochs": 15}).study)
    assert light.startswith("adamw, learning rate 0.001, weight decay 0.05, warm-up 2 epochs, cosine")
    assert "mixup" not in light
    strong = describe_recipe(resolved({"epochs": 100, "recipe": {"ema_decay": 0.999}}).study)
    assert all(part in strong for part in ("TrivialAugment", "mixup 0.2", "CutMix 1.0", "averaged weights 0.999"))


@given(scale=st.integers(32, 1024))
def test_default_scales_hold_the_training_scale_and_neighbours(scale):
    found = default_scales(scale)
    assert scale in found
    assert list(found) == sorted(set(found))
    assert min(found) >= 32
    assert all(other == scale or other % 16 == 0 for other in found)


@given(epochs=st.integers(1, 200))
def test_a_training_is_validated_at_its_end_and_at_most_five_times(epochs):
    when = [epoch for epoch in range(1, epochs + 1) if validates_at(epoch, epochs)]
    assert when[-1] == epochs
    assert len(when) == min(5, epochs)


def test_budget_in_the_plan_is_in_seconds():
    assert seconds("30m") == 1800


def test_a_batch_by_itself_is_the_usual_one_in_as_many_parts_as_the_probe_found():
    def in_four(study, side):
        return replace(probe_at(study, side), parts=4)

    asked = make_study({"source": "photos", "batch": "auto"})
    found = resolve(asked, samples(), in_four).study
    assert (found.batch, found.parts) == (64, 4)
    assert resolve(make_study({"source": "photos"}), samples(), in_four).study.parts is None
    assert resolve(asked.model_copy(update={"parts": 2}), samples(), in_four).study.parts == 2
    assert found.recipe.learning_rate == resolved({}).study.recipe.learning_rate  # the recipe's batch stays
