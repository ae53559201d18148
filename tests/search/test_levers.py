"""The article's levers as contenders: each setting one change, under a name that a study takes."""

from __future__ import annotations

import pytest

from deepenough.errors import InputError, StudyError
from deepenough.networks import build
from deepenough.search.levers import LEVERS, chosen, settings_of, twin
from deepenough.studies.contenders import contender, require_contenders
from deepenough.studies.design import design_of
from deepenough.studies.regimes import Regime

STUDY = {"optimizer": "adamw", "augmentation": "auto"}


def test_every_lever_of_the_article_has_two_to_four_settings_that_a_study_takes():
    settings = settings_of("resnet50", LEVERS, **STUDY)
    counts = {lever: sum(each.lever == lever for each in settings) for lever in LEVERS}
    assert counts.pop("depth") == 0
    assert all(2 <= count <= 4 for count in counts.values()), counts
    names = require_contenders(["resnet50", *(each.contender for each in settings)])
    assert len(set(names)) == len(settings) + 1


def test_setting_of_the_network_changes_what_its_name_says_alone():
    base = build("resnet50", 3, seed=0)
    wide = build(next(each.contender for each in settings_of("resnet50", ["width"], **STUDY)), 3, seed=0)
    assert wide.layer1[0].conv1.out_channels * 2 == base.layer1[0].conv1.out_channels
    assert [len(getattr(wide, f"layer{stage}")) for stage in (1, 2, 3, 4)] == [3, 4, 6, 3]


def test_what_the_base_settles_already_is_not_set_again():
    left = settings_of("resnet50+kernels=5-3-3-3@time=2", LEVERS, **STUDY)
    assert {"kernel", "time"} & {each.lever for each in left} == set()
    assert all("sgd" in each.contender or "lamb" in each.contender for each in left if each.lever == "algorithm")


def test_widths_kernels_and_layers_are_factors_of_what_the_base_has():
    base = "resnet50+width=0.25+blocks=1-1-4-1+bottleneck_width=32"
    found = {
        each.label: build(each.contender, 3) for each in settings_of(base, ["layers", "width", "kernels"], **STUDY)
    }
    own = build(base, 3)
    assert found["half as wide"].layer1[0].conv3.out_channels * 2 == own.layer1[0].conv3.out_channels
    assert found["1.5 times as wide"].layer1[0].conv3.out_channels == 1.5 * own.layer1[0].conv3.out_channels
    assert found["half the kernels"].layer1[0].conv2.out_channels * 2 == own.layer1[0].conv2.out_channels
    assert [len(found[label].layer3) for label in ("half of stage 3", "1.5 times stage 3")] == [2, 6]


@pytest.mark.parametrize(
    ("base", "lever", "labels"),
    [
        ("resnet50+width=0.125", "width", ["1.5 times as wide"]),
        ("resnet50+width=8", "width", ["half as wide"]),
        ("resnet50+bottleneck_width=1024", "kernels", ["half the kernels"]),
        ("resnet50+blocks=1-1-1-1", "layers", ["1.5 times stage 3"]),
    ],
)
def test_what_no_network_has_or_what_changes_nothing_is_no_setting(base, lever, labels):
    assert [each.label for each in settings_of(base, [lever], **STUDY)] == labels


def test_res2net_is_no_setting_of_a_base_with_kernels_of_its_own():
    labels = [each.label for each in settings_of("resnet50+bottleneck_width=32", ["structure"], **STUDY)]
    assert "Res2Net, four scales" not in labels
    assert len(labels) == 3


@pytest.mark.parametrize("text", ["wdth", "", "width,colour"])
def test_lever_that_there_is_not_is_refused(text):
    with pytest.raises(StudyError, match="--levers: expected all, or some of depth, layers, width"):
        chosen(text)


def test_twin_is_the_other_depth():
    assert (twin("resnet101"), twin("resnet50+width=0.5@mixed")) == ("resnet50", "resnet101+width=0.5@mixed")


def test_regime_stands_in_a_contenders_name_in_one_order():
    found = contender("resnet50@optimizer=sgd@time=2@mixed")
    assert found.name == "resnet50@mixed@time=2@optimizer=sgd"
    assert found.regime == Regime(time=2.0, optimizer="sgd")
    assert found.trained == found.name


@pytest.mark.parametrize("name", ["resnet50@time=0", "resnet50@share=2", "resnet50@rate=x", "resnet50@optimizer=adam"])
def test_regime_out_of_range_is_refused(name):
    with pytest.raises(InputError, match=f"contender {name}: expected @"):
        contender(name)


def test_two_names_of_the_same_regime_are_one_contender():
    with pytest.raises(InputError, match="each once"):
        require_contenders(["resnet50@time=2@rate=3", "resnet50@rate=3.0@time=2.0"])


def test_design_changes_length_rate_and_optimiser_as_the_name_says():
    from deepenough.studies.study import make_study

    names = ["resnet50", "resnet50@time=2", "resnet50@share=0.5", "resnet50@rate=3", "resnet50@optimizer=sgd"]
    plain = {"source": "digits", "contenders": names, "seeds": 1, "train_scale": 32, "scales": [32], "epochs": 4}
    recipe = {"learning_rate": 0.001, "weight_decay": 0.05, "warmup_epochs": 1}
    strength = {"trivial_augment": False, "erasing": 0.0, "mixup": 0.0, "cutmix": 0.0}
    design = design_of(make_study({**plain, "batch": 8, "recipe": recipe, "augmentation": strength}))

    assert [design.epochs_of(name) for name in names] == [4, 8, 8, 4, 4]
    assert design.recipes["resnet50@time=2"].warmup_epochs == 2
    assert design.recipes["resnet50@rate=3"].learning_rate == pytest.approx(0.003)
    assert design.recipes["resnet50@optimizer=sgd"].optimizer == "sgd"
    assert "resnet50" not in design.recipes
