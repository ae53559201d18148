"""Which network wins where, from a study's folder and from predictions."""

from __future__ import annotations

import json
import shutil

import numpy as np
import polars as pl
import pytest

from deepenough import cli, records


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Scores of 600 images, three seeds, one scale; the big network gains 30 points where the camera is `web`."""
    root, rng, size = tmp_path_factory.mktemp("study"), np.random.default_rng(5), 600
    ids, targets = [f"t{i:03d}" for i in range(size)], ["cat", "dog"] * (size // 2)
    cameras = np.array(["web", "phone", "studio"])[np.arange(size) // 2 % 3]
    parts = []
    for contender, gain in (("resnet50", 0.0), ("resnet101", 0.3)):
        for seed in range(3):
            right = rng.random(size) < 0.6 + gain * (cameras == "web")
            parts.append(
                pl.DataFrame(
                    {
                        "contender": contender,
                        "seed": seed,
                        "scale": 64,
                        "sample_id": ids,
                        "target": targets,
                        "prediction": np.where(right, targets, "owl"),
                        "score": right.astype(float),
                        "confidence": 0.5,
                    },
                    schema=records.SCORES,
                )
            )
    samples = pl.DataFrame(
        {"sample_id": ids, "path": ids, "target": targets, "split": "test", "group": None, "width": 64, "height": 64}
    ).with_columns(camera=pl.Series(cameras))
    records.write_table(root / "scores.parquet", pl.concat(parts), records.SCORES)
    records.write_table(root / "samples.parquet", samples, records.SAMPLES)
    run(["verdict", str(root), "--margin", "1"])
    return root


def run(arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    return left.value.code


def said(capsys, *arguments):
    assert run(["slices", *map(str, arguments), "--json"]) == 0
    return {(row["column"], row["level"]): row for row in json.loads(capsys.readouterr().out)["slices"]}


def test_slices_find_the_one_where_the_big_network_gains(folder, capsys):
    rows = said(capsys, folder)
    assert set(rows) == {("class", "cat"), ("class", "dog"), *(("camera", c) for c in ("web", "phone", "studio"))}
    assert {key for key, row in rows.items() if row["q_value"] <= 0.05 and row["column"] == "camera"} == {
        ("camera", "web")
    }
    web = rows["camera", "web"]
    assert len(web["sample_ids"]) == min(20, web["only_big"] + web["only_small"])


def test_verdict_writes_the_slices_of_its_pair(folder, capsys):
    written = records.read_table(folder / "slices.parquet", records.SLICES)
    rows = said(capsys, folder)
    assert written["q_value"].to_list() == pytest.approx([row["q_value"] for row in rows.values()])
    assert set(written["big"]) == {"resnet101"}


def test_showing_fewer_columns_changes_no_q_value(folder, capsys):
    every, some = said(capsys, folder), said(capsys, folder, "--by", "camera")
    assert {key[0] for key in some} == {"camera"}
    assert all(row["q_value"] == every[key]["q_value"] for key, row in some.items())


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--by", "confidence"], "which the networks themselves bring about"),
        (
            ["--by", "size"],
            "got size, by which these images do not divide: all are alike in it, or no two are; slice by",
        ),
        (["--by", "hospital"], "expected one of class, camera; got hospital"),
        (["--scale", "96"], "--scale: expected one of 64; got 96"),
        (["--big", "resnet152"], "none of resnet152"),
        (["--small", "resnet50", "--big", "resnet50"], "expected two contenders; got resnet50 on both sides"),
        (["--small", "resnet101"], "resnet101 on both sides"),
    ],
)
def test_slices_refuse_what_is_not_there_in_one_line(folder, capsys, arguments, error):
    assert run(["slices", str(folder), *arguments]) == 2
    printed = capsys.readouterr().err
    assert error in printed
    assert printed.count("\n") == 1


def test_slices_of_a_study_with_looks_name_both_levels(folder, capsys):
    plain = records.read_json(folder / "verdict.json")
    assert run(["slices", str(folder)]) == 0
    assert "verdict's intervals are at" not in capsys.readouterr().out
    records.write_json(folder / "verdict.json", {**plain, "level": 0.98})
    assert run(["slices", str(folder)]) == 0
    assert "The verdict's intervals are at 98 %" in " ".join(capsys.readouterr().out.split())


def test_slices_refuse_a_folder_without_a_verdict(tmp_path, capsys):
    assert run(["slices", str(tmp_path)]) == 2
    assert "verdict.json" in capsys.readouterr().err


def test_slices_speak_in_lines_of_80_columns(folder, capsys):
    assert run(["slices", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "web" in printed


def test_predictions_are_sliced_by_their_own_columns(folder, tmp_path, capsys):
    scores, samples = pl.read_parquet(folder / "scores.parquet"), pl.read_parquet(folder / "samples.parquet")
    table = scores.join(samples.select("sample_id", "camera"), on="sample_id").drop("score", "confidence")
    table.write_csv(tmp_path / "p.csv")
    ours, theirs = said(capsys, tmp_path / "p.csv"), said(capsys, folder)
    assert set(ours) == set(theirs)
    assert all(ours[key]["q_value"] == pytest.approx(row["q_value"]) for key, row in theirs.items())


def as_wide(frame):
    runs = frame.with_columns(run=pl.format("{}_s{}", "contender", "seed"))
    return runs.pivot("run", index=["sample_id", "target"], values="prediction")


def test_runs_of_a_wide_table_are_no_slices(folder, tmp_path, capsys):
    scores = pl.read_parquet(folder / "scores.parquet")
    as_wide(scores).write_csv(tmp_path / "wide.csv")
    scores.select("sample_id", "target", "contender", "seed", "prediction").write_csv(tmp_path / "long.csv")
    ours, theirs = said(capsys, tmp_path / "wide.csv"), said(capsys, tmp_path / "long.csv")
    assert set(ours) == {("class", "cat"), ("class", "dog")}
    assert {key: row["q_value"] for key, row in ours.items()} == {key: row["q_value"] for key, row in theirs.items()}
    assert run(["slices", str(tmp_path / "wide.csv"), "--by", "resnet50_s0"]) == 2


def test_a_file_a_run_and_targets_beside_are_sliced_as_one_table(folder, tmp_path, capsys):
    scores, samples = pl.read_parquet(folder / "scores.parquet"), pl.read_parquet(folder / "samples.parquet")
    table = scores.join(samples.select("sample_id", "camera"), on="sample_id").drop("score", "confidence", "scale")
    arguments = ["--targets", folder / "samples.parquet"]
    for (contender, seed), part in table.partition_by("contender", "seed", as_dict=True).items():
        path = tmp_path / f"{seed}-of-{contender}.csv"
        part.drop("contender", "seed", "target").write_csv(path)
        arguments += ["--run", f"{contender}:{seed}={path}"]
    ours, theirs = said(capsys, *arguments), said(capsys, folder)
    assert set(ours) == set(theirs)
    assert all(ours[key]["q_value"] == pytest.approx(row["q_value"]) for key, row in theirs.items())


def test_real_valued_scores_are_sliced_in_their_unit_as_the_verdict_has_it(tmp_path, capsys):
    rng, ids = np.random.default_rng(7), [f"s{i}" for i in range(60)]
    frame = pl.concat(
        pl.DataFrame(
            {"sample_id": ids, "target": "a", "contender": name, "seed": seed, "site": ["x", "y"] * 30}
        ).with_columns(score=rng.normal(0.8 + gain, 0.01, 60))
        for name, gain in (("resnet50", 0.0), ("resnet101", 0.012))
        for seed in range(3)
    )
    path = tmp_path / "real.csv"
    frame.write_csv(path)
    assert run(["verdict", str(path), "--margin", "0.1", "--json"]) == 0
    decided = json.loads(capsys.readouterr().out)
    assert run(["slices", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["unit"] == decided["unit"] == "units"
    assert np.mean([row["difference"] for row in found["slices"]]) == pytest.approx(decided["difference"])
    assert run(["slices", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "+0.01" in printed
    assert "right" not in printed
    assert "on which ResNet-101 scores higher" in " ".join(printed.split())


def test_slices_of_a_folder_refuse_how_to_read_predictions(folder, capsys):
    assert run(["slices", str(folder), "--form", "wide"]) == 2
    assert "--form: expected files of predictions" in capsys.readouterr().err


def test_predictions_with_nothing_to_slice_by_say_so(tmp_path, capsys):
    rows = {"sample_id": ["1", "2"] * 2, "target": "a", "prediction": ["a", "b"] * 2, "contender": ["x", "x", "y", "y"]}
    pl.DataFrame(rows).write_csv(tmp_path / "p.csv")
    assert run(["slices", str(tmp_path / "p.csv")]) == 0
    assert "Nothing to slice by" in capsys.readouterr().out


def test_slices_are_in_accuracy_and_say_so_whatever_metric_decides(folder, tmp_path, capsys):
    study = tmp_path / "study"
    shutil.copytree(folder, study)
    scores = pl.read_parquet(study / "scores.parquet")
    before = said(capsys, study)
    scores.with_columns(pl.col("prediction").replace("owl", "cat")).write_parquet(study / "scores.parquet")
    assert run(["verdict", str(study), "--metric", "macro_f1"]) == 0
    capsys.readouterr()
    assert run(["slices", str(study)]) == 0
    assert "points of accuracy" in " ".join(capsys.readouterr().out.split())
    assert run(["slices", str(study), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metric"] == "accuracy"
    assert said(capsys, study)["camera", "web"]["difference"] == before["camera", "web"]["difference"]


def test_slices_of_another_pair_keep_the_groups_that_were_declared(folder, tmp_path, capsys):
    study = tmp_path / "study"
    shutil.copytree(folder, study)
    for name in ("verdict.json", "slices.parquet"):
        (study / name).unlink()
    samples = pl.read_parquet(study / "samples.parquet").with_columns(room=pl.int_range(pl.len()) // 5 % 50)
    samples.write_parquet(study / "samples.parquet")
    assert run(["verdict", str(study), "--margin", "1", "--group-column", "room"]) == 0
    first = pl.read_parquet(study / "slices.parquet").filter(column="camera")
    assert run(["verdict", str(study), "--small", "resnet101", "--big", "resnet50", "--group-column", "camera"]) == 0
    second = pl.read_parquet(study / "slices.parquet").filter(column="camera")
    assert first["low"].to_list() == pytest.approx([-high for high in second["high"]])
    alone = pl.read_parquet(folder / "slices.parquet").filter(column="camera")
    assert first["low"].to_list() != pytest.approx(alone["low"].to_list())
