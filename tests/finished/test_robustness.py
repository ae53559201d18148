"""A finished study under corruption: the same copies for all, kept, decided by the verdict's estimators, reported."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import roc_auc_score

from deepenough import cli
from deepenough.data.corruptions import corrupted
from deepenough.errors import StudyError
from deepenough.records import read_json, read_table
from deepenough.records.robustness import CORRUPTED, robustness_from_json
from deepenough.report import bundle, evidence
from deepenough.report import robustness as words
from deepenough.stats import nested
from deepenough.studies import robustness
from deepenough.studies.finished import open_finished
from deepenough.studies.robustness import evaluate_corrupted


def scores_of(frame, name, seeds):
    means = frame.filter(pl.col("contender") == name).group_by("seed", "sample_id").agg(pl.col("score").mean())
    return np.stack([means.filter(pl.col("seed") == s).sort("sample_id")["score"].to_numpy() for s in seeds])


def test_gains_are_those_of_the_estimator_on_means_over_severities_and_the_report_has_them(study):
    found = evaluate_corrupted(open_finished(study), ["gaussian_noise", "contrast"], [1, 5])
    frames = {
        name: read_table(study / f"corruptions/{name}.parquet", CORRUPTED) for name in ("gaussian_noise", "contrast")
    }
    matrices = {
        name: {each: scores_of(frame, each, range(3)) for each in ("resnet50", "resnet101")}
        for name, frame in frames.items()
    }
    clean = {
        each: scores_of(pl.read_parquet(study / "scores.parquet"), each, range(3)) for each in ("resnet50", "resnet101")
    }
    for each in found.corruptions:
        both = matrices[each.corruption]
        truth = nested(both["resnet101"], both["resnet50"])
        assert each.gain.interval == pytest.approx([100 * end for end in truth.interval])
        kept = nested(both["resnet101"] - clean["resnet101"], both["resnet50"] - clean["resnet50"])
        assert each.kept.difference == pytest.approx(100 * kept.difference)
        assert each.kept.interval == pytest.approx([100 * end for end in kept.interval])
    mean = {each: (matrices["gaussian_noise"][each] + matrices["contrast"][each]) / 2 for each in clean}
    truth = nested(mean["resnet101"], mean["resnet50"])
    assert found.overall.gain.interval == pytest.approx([100 * end for end in truth.interval])
    assert robustness_from_json(read_json(study / "robustness.json")) == found
    packed = bundle.pack(evidence.load(study))
    again = bundle.unpack(packed.header, {block.name: block for block in packed.blocks}, None)
    assert again.robustness == found
    section = words.section(again)
    assert len(section.blocks[1].rows) == 3
    changed = replace(again, verdict=replace(again.verdict, margin=9.0))
    assert words.section(changed).blocks == ()


def test_networks_meet_the_very_copies_that_belong_to_the_ids(study):
    finished = open_finished(study)
    evaluate_corrupted(finished, ["fog"], [3])
    frame = read_table(study / "corruptions/fog.parquet", CORRUPTED)
    pixels, network = finished.pixels("test"), finished.network("resnet50", 1)
    squares = np.stack(
        [
            corrupted(np.asarray(square), "fog", 3, sample)
            for square, sample in zip(pixels.at(32), pixels.sample_ids, strict=True)
        ]
    )
    norm = finished.setting.preprocessing
    images = finished.setting.machine.images(torch.from_numpy(squares).permute(0, 3, 1, 2), norm.mean, norm.std)
    with torch.no_grad():
        sure = network(images).softmax(dim=1).amax(dim=1).numpy()
    own = frame.filter(pl.col("contender") == "resnet50", pl.col("seed") == 1)
    assert own["sample_id"].to_list() == pixels.sample_ids
    assert own["confidence"].to_numpy() == pytest.approx(sure, abs=1e-5)


def test_what_is_on_record_is_not_computed_again_unless_the_weights_are_others(study, monkeypatch):
    evaluate_corrupted(open_finished(study), ["contrast"], [1, 2])
    calls = []
    monkeypatch.setattr(robustness, "corrupted", lambda *asked: calls.append(asked) or corrupted(*asked))
    evaluate_corrupted(open_finished(study), ["contrast"], [2])
    assert calls == []
    evaluate_corrupted(open_finished(study), ["contrast"], [3])
    assert calls != []
    calls.clear()
    note = study / "cells/resnet50-seed0/cell.json"
    monkeypatch.setattr(robustness, "FORM", 2)
    assert note.is_file()
    evaluate_corrupted(open_finished(study), ["contrast"], [3])
    assert calls != []


@pytest.mark.parametrize("levels", [[], [0], [1, 6]])
def test_severities_out_of_range_are_refused(study, levels):
    with pytest.raises(StudyError, match="--severities"):
        evaluate_corrupted(open_finished(study), ["contrast"], levels)


def test_command_says_which_network_holds_up(study, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["evaluate", str(study), "--corruptions", "contrast,pixelate", "--severities", "2"])
    said = capsys.readouterr().out
    assert left.value.code == 0
    assert "under 2 corruptions at severities 2, 32 px" in " ".join(said.split())
    assert max(len(line) for line in said.splitlines() if str(study) not in line) <= 80
    with pytest.raises(SystemExit):
        cli.main(["evaluate", str(study), "--corruptions", "contrast", "--severities", "2", "--json"])
    assert json.loads(capsys.readouterr().out)["severities"] == [2]


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--corruptions", "rain"), "--corruptions"), (("--severities", "x"), "--severities")],
)
def test_command_refuses_what_it_does_not_know(study, capsys, options, said):
    with pytest.raises(SystemExit) as left:
        cli.main(["evaluate", str(study), *options])
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_compare_refuses_an_unknown_corruption_before_it_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        cli.main(["compare", "--corruptions", "rain"])
    assert left.value.code == 2
    assert list(tmp_path.iterdir()) == []


def test_compare_refuses_networks_that_see_several_scales_before_it_trains(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = ("--contenders", "resnet50@average,resnet101", "--corruptions", "fog", "--weights", "none")
    with pytest.raises(SystemExit) as left:
        cli.main(["compare", *asked])
    assert left.value.code == 2
    assert "contenders that see an image at one scale" in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_verdict_decided_anew_by_another_metric_is_refused(study):
    finished = open_finished(study)
    with pytest.raises(StudyError, match="accuracy"):
        evaluate_corrupted(replace(finished, verdict=replace(finished.verdict, metric="macro_f1")), ["fog"], [1])


def test_auroc_under_corruption_is_that_of_scikit_learn(graded):
    finished = open_finished(graded)
    found = evaluate_corrupted(finished, ["gaussian_noise"], [4])
    pixels, norm = finished.pixels("test"), finished.setting.preprocessing
    ids = pixels.sample_ids
    noisy = [corrupted(np.asarray(s), "gaussian_noise", 4, i) for s, i in zip(pixels.at(32), ids, strict=True)]
    squares = torch.from_numpy(np.stack(noisy)).permute(0, 3, 1, 2)
    images = finished.setting.machine.images(squares, norm.mean, norm.std)
    areas = []
    for seed in range(3):
        with torch.no_grad():
            chances = finished.network("resnet101", seed)(images).double().softmax(dim=1).numpy()
        areas.append(roc_auc_score(finished.shown(ids).targets, chances, multi_class="ovr", average="macro"))
    assert found.unit == "points"
    assert found.overall.means["resnet101"] == pytest.approx(100 * np.mean(areas), abs=0.2)


@pytest.mark.slow
def test_compare_tests_on_corrupted_images_at_its_end(pictures, tiny_networks, tmp_path, capsys):
    options = ("--seeds", "1", "--epochs", "1", "--train-scale", "32", "--scales", "32", "--weights", "none")
    more = ("--threads", "1", "--workers", "0", "--precision", "fp32", "--no-images", "--corruptions", "contrast")
    with pytest.raises(SystemExit) as left:
        cli.main(["compare", str(pictures), *options, *more, "--out", str(tmp_path / "new")])
    assert left.value.code == 0
    assert "under contrast at severities 1, 2, 3, 4, 5" in " ".join(capsys.readouterr().out.split())
    assert "## Under corruption" in (tmp_path / "new/report.md").read_text("utf-8")
