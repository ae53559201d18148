"""Contenders by treatment in a whole study: what is trained, what is shared, what each costs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from deepenough.errors import InputError, Interrupted
from deepenough.records import COSTS, HISTORY, SAMPLES, SCORES, read_json, read_table
from deepenough.studies import run_study

NAMES = [
    "resnet50",
    "resnet50@mixed=32-48",
    "resnet50@progressive=32-48",
    "resnet50@fixres=48",
    "resnet50@average",
    "resnet50@fixres=48@average=32-48",
]


@pytest.fixture
def treated(request_of):
    return request_of(contenders=NAMES, seeds=1, train_scale=48)


@pytest.fixture
def finished(treated, told, tmp_path):
    listener = told()
    run_study(treated, tmp_path / "s", listener=listener)
    return tmp_path / "s"


def note(folder, name):
    return read_json(folder / "cells" / f"{name}-seed0" / "cell.json")


def weights(folder, name):
    return load_file(folder / "cells" / f"{name}-seed0" / "weights.safetensors")


def test_each_treatment_does_what_it_says_and_no_more(finished):
    plain, tuned = weights(finished, "resnet50"), weights(finished, "resnet50@fixres=48")
    changed = {name for name in plain if not torch.equal(plain[name], tuned[name])}
    assert {"fc.weight", "fc.bias", "bn1.running_mean", "layer1.0.bn1.weight"} <= changed
    assert not {name for name in changed if ".conv" in name or name == "conv1.weight" or "downsample.0" in name}

    shared = weights(finished, "resnet50@average")
    assert all(torch.equal(plain[name], shared[name]) for name in plain)
    assert note(finished, "resnet50@average")["made_from"] == "resnet50"
    assert note(finished, "resnet50@fixres=48@average=32-48")["made_from"] == "resnet50@fixres=48"
    for name in ("resnet50@average", "resnet50@fixres=48@average=32-48"):
        assert note(finished, name)["training_s"] == 0.0
    for name in NAMES[1:4]:
        assert not torch.equal(weights(finished, name)["fc.weight"], plain["fc.weight"])
        assert note(finished, name)["training_s"] > 0.0


def test_the_contenders_of_all_schedules_start_from_their_own_fresh_weights_and_see_their_own_sides(finished):
    steps = {name: note(finished, name)["steps"] for name in NAMES[:3]}
    train = read_table(finished / "samples.parquet", SAMPLES).filter(pl.col("split") == "train").height
    assert steps["resnet50"] == 2 * (train // 8)
    assert steps["resnet50@progressive=32-48"] < steps["resnet50"]  # the first epoch has 18 pictures a step
    for name in NAMES[:3]:
        history = read_table(finished / "cells" / f"{name}-seed0" / "history.parquet", HISTORY)
        assert history["epoch"].max() == pytest.approx(2.0, abs=0.51)


def test_an_average_has_the_same_scores_at_every_scale(finished):
    scores = read_table(finished / "scores.parquet", SCORES)
    averaged = scores.filter(pl.col("contender") == "resnet50@average").sort("scale", "sample_id")
    at = {scale: part.drop("scale") for (scale,), part in averaged.group_by("scale")}
    assert set(at) == {32, 48}
    assert at[32].equals(at[48])


def test_an_average_costs_the_sum_of_its_scales(finished):
    costs = read_table(finished / "costs.parquet", COSTS).filter(pl.col("batch") == 1)
    macs = {(row["contender"], row["scale"]): row["macs"] for row in costs.iter_rows(named=True)}
    for scale in (32, 48):
        assert macs["resnet50@average", scale] == macs["resnet50", 32] + macs["resnet50", 48]
        assert macs["resnet50@fixres=48", scale] == macs["resnet50", scale]


def test_the_verdict_says_which_contenders_share_their_trainings(finished):
    said = [text for text in read_json(finished / "verdict.json")["caveats"] if "same trainings" in text]
    assert len(said) == 1
    assert all(name in said[0] for name in ("resnet50@fixres=48,", "resnet50@average ", "=48@average=32-48"))
    assert "mixed" not in said[0]


def test_a_study_of_treatments_goes_on_after_a_stop_to_the_same_numbers(treated, told, finished, tmp_path):
    folder, at = tmp_path / "again", 3
    while True:  # stopped in every phase: each schedule's training, the tuning, the tests
        try:
            run_study(treated, folder, listener=told(stop_at=at))
            break
        except (KeyboardInterrupt, Interrupted):
            at += 4
            assert at < 400
    for name in NAMES:
        own, other = weights(folder, name), weights(finished, name)
        assert all(torch.equal(own[key], other[key]) for key in own)
    own, other = (read_table(each / "scores.parquet", SCORES) for each in (folder, finished))
    assert own.equals(other)
    assert np.isfinite(own["score"].to_numpy()).all()


def test_one_contender_under_two_names_is_refused_before_anything_is_read(request_of, tmp_path):
    study = request_of(contenders=["resnet50@average=32-48", "resnet50@average=48-32"])
    with pytest.raises(InputError, match="which are the same"):
        run_study(study, tmp_path / "s")
    assert not (tmp_path / "s").exists()
