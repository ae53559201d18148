"""An ablation from its study to its record and its page."""

from __future__ import annotations

import json

import polars as pl
import pytest

from deepenough import report
from deepenough.errors import StudyError
from deepenough.records import SCORES, read_json, read_table
from deepenough.report import proof
from deepenough.search.levers import chosen
from deepenough.studies import run_study
from deepenough.studies.ablating import ablation_of, conclude
from deepenough.studies.study import SCALE_FACTORS, make_study


@pytest.mark.slow
def test_ablation_of_both_depths_says_effects_costs_and_interactions(request_of, tmp_path):
    levers = chosen("depth,width,time,diversity")
    study, settings = ablation_of(request_of(scales=[32], epochs=1), None, levers)
    run_study(study, tmp_path / "a")
    record = conclude(tmp_path / "a", settings, levers)
    report.write(tmp_path / "a")

    assert record["bases"] == ["resnet50", "resnet101"]
    assert len(record["effects"]) == 1 + 2 * 6
    assert len(record["interactions"]) == 6
    scores = read_table(tmp_path / "a" / "scores.parquet", SCORES)
    means = dict(scores.group_by("contender").agg(pl.col("score").mean()).iter_rows())
    for each in record["effects"]:
        assert each["difference"] == pytest.approx(100 * (means[each["contender"]] - means[each["base"]]))
    macs = {each["label"]: each["costs"]["macs"] for each in record["effects"]}
    assert macs["half as wide"] < 1 < macs["1.5 times as wide"]
    assert macs["twice the time"] == 1
    steps = {path.name: read_json(path / "cell.json")["steps"] for path in (tmp_path / "a" / "cells").iterdir()}
    assert steps["resnet50@time=2-seed0"] == 2 * steps["resnet50-seed0"]
    assert [fault for look in proof.looks(tmp_path / "a" / "report.html") for fault in look.wrong] == []
    page = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    assert page.index("What each lever buys") < page.index("Does it buy more at the larger depth?")


def test_ablation_of_one_seed_is_refused(request_of):
    with pytest.raises(StudyError, match="--seeds: expected at least 2 to tell an effect from luck; got 1"):
        ablation_of(request_of(seeds=1), None, chosen("all"))


def test_ablation_of_what_the_contender_settles_already_is_refused(request_of):
    with pytest.raises(StudyError, match="--levers: expected one that the contender has a setting of; got kernel"):
        ablation_of(request_of(), ["resnet50+kernels=5-3-3-3"], ("kernel",))


def test_both_depths_of_a_narrow_network_are_two_bases_the_shallower_first(request_of):
    study, settings = ablation_of(request_of(), ["resnet101+width=0.25", "resnet50+width=0.25"], ("depth", "time"))
    assert study.contenders[:2] == ("resnet50+width=0.25", "resnet101+width=0.25")
    assert [each.base for each in settings] == [study.contenders[0]] * 2 + [study.contenders[1]] * 2


def test_two_contenders_that_differ_in_more_than_depth_are_refused(request_of):
    for other in ("resnet101+width=0.5", "resnet101@mixed", "resnet50-fpn"):
        with pytest.raises(StudyError, match="--contender: expected one contender, or the same at both depths"):
            ablation_of(request_of(), ["resnet50", other], ("time",))


def test_two_names_of_one_network_are_no_two_depths(request_of):
    pair = ["resnet50+blocks=2-2-2-2", "resnet101+blocks=2-2-2-2"]
    with pytest.raises(StudyError, match="--contender: expected one contender, or the same at both depths"):
        ablation_of(request_of(), pair, ("time",))
    study, _ = ablation_of(request_of(), pair[:1], ("depth", "time"))
    assert pair[1] not in study.contenders


def test_levers_in_another_order_are_the_same_network(request_of):
    pair = ["resnet101+width=0.5+stem=deep", "resnet50+stem=deep+width=0.5"]
    assert ablation_of(request_of(), pair, ("time",))[0].contenders[:2] == (pair[1], pair[0])


def test_looks_do_not_end_an_ablation_and_its_request_is_read_again(request_of):
    study, _ = ablation_of(request_of(seeds=None, looks=[3, 5]), None, ("time",))
    assert (study.looks, study.seeds, study.scales, study.scale_factors) == (None, 5, None, ())
    assert make_study(json.loads(study.model_dump_json())) == study


def test_a_contender_that_takes_several_scales_keeps_them(request_of):
    study, _ = ablation_of(request_of(), ["resnet50@average"], ("time",))
    assert study.scale_factors == SCALE_FACTORS


def test_a_linear_probe_has_no_levers(request_of):
    with pytest.raises(StudyError, match=r"recipe\.train: expected all, since levers are of networks"):
        ablation_of(request_of(recipe={"train": "head"}, epochs=None, seeds=None, batch=None), None, ("time",))
