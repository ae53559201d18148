"""The main job from the command line: what it prints, and what bad input gets."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import polars as pl
import psutil
import pytest
import torch
from safetensors.torch import load_file

from deepenough.records import QUARANTINE, SCORES, read_table

QUICK = ["--seeds", "2", "--train-scale", "32", "--scales", "32", "--epochs", "1", "--batch", "8", "--threads", "1"]
QUICK += ["--workers", "0", "--precision", "fp32", "--margin", "5"]


@pytest.fixture
def photos(folder_of):
    return folder_of({"cat": 24, "dog": 24})


@pytest.fixture
def run(tiny_networks, invoke):
    """Run a command in an empty folder: exit code, standard output, standard error."""
    return invoke


def next_commands(out):
    """The arguments of each command that is proposed at the end."""
    text = " ".join(line.strip() for line in out.split("Next:")[1].splitlines())
    return [shlex.split(part, comments=True) for part in text.split("deepenough ")[1:]]


def one_line(code, out, err):
    """The error line of a run that the input was at fault for."""
    line = err.strip().splitlines()[-1]
    assert (code, out) == (2, "")
    assert line.startswith("error: ")
    assert "Traceback" not in err
    return line


def test_compare_prints_plan_verdict_report_and_two_next_steps_that_are_commands(run, photos, tmp_path):
    code, out, err = run("compare", photos, *QUICK)
    assert code == 0
    assert "Plan      resnet50 against resnet101, 2 seeds each: 4 trainings" in err
    assert "forecast  about" in err
    lines = out.splitlines()
    assert max(len(line) for line in [*lines, *err.splitlines()]) <= 80
    assert any(word in lines[1] for word in ("Undecided", "is enough", "is better"))
    assert "Report: runs/pictures/report.html" in lines
    assert (tmp_path / "runs" / "pictures" / "report.html").is_file()
    assert [command[0] for command in next_commands(out)] == ["compare", "verdict"]


def test_next_steps_run_as_printed(run, photos):
    _, out, _ = run("compare", photos, *QUICK)
    for command in next_commands(out):
        if command[0] == "compare":
            command[command.index("--seeds") + 1] = "3"
        assert run(*command)[0] == 0, command


def test_compare_prints_json_alone_when_asked(run, photos):
    code, out, err = run("compare", photos, *QUICK, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["small"] == "resnet50"


def test_compare_goes_on_with_the_same_command_and_refuses_another(run, photos):
    assert run("compare", photos, *QUICK, "--out", "s")[0] == 0
    assert run("compare", photos, *QUICK, "--out", "s", "--resume")[0] == 0
    line = one_line(*run("compare", photos, *QUICK, "--epochs", "2", "--out", "s"))
    assert "epochs 2 (was 1); choose another --out" in line
    assert "no study there; leave --resume out" in one_line(*run("compare", photos, "--out", "new", "--resume"))


def test_compare_reads_a_study_file_and_options_override_it(run, photos, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        f"source: {photos}\nseeds: 2\ntrain_scale: 32\nscales: [32]\nepochs: 1\nbatch: 8\nworkers: 0\nthreads: 1\n"
    )
    code, _, err = run("compare", "mine.yaml", "--epochs", "2")
    assert code == 0
    assert "2 epochs, batch 8" in err
    assert (tmp_path / "runs" / "mine" / "verdict.json").is_file()


def test_compare_in_looks_says_what_was_declared_spent_and_saved(run, photos, tmp_path):
    often = [*QUICK[2:-1], "99", "--looks", "2,4"]
    code, out, err = run("compare", photos, *often, "--out", "s")
    assert code == 0
    said, told = " ".join(out.split()), " ".join(err.split())
    assert "up to 4 seeds each: 8 trainings looks after 2 and 4 seeds; stops at the first that settles it" in told
    assert "to the first look, for all about" in told
    assert "look 1 of 2, after 2 seeds: gain" in told
    assert "Stopped at look 1 of 2, as declared: 2 of 4 seeds of each network were trained, 2 were not needed." in said
    assert "the intervals are at 96.67 %" in said
    assert "(96.67 % interval" in said
    assert "at most 5 % of the time, of which 3.33 % are spent" in said
    assert "all 4 seeds were forecast at" in said
    assert max(len(line) for line in [*out.splitlines(), *err.splitlines()]) <= 80
    page = (tmp_path / "s" / "report.md").read_text()
    assert "## Looks" in page
    assert "not taken" in page
    assert "(95 % interval" not in page

    # an option wins over the file: a number of seeds stands in the place of its looks, and looks in that of its seeds
    (tmp_path / "mine.yaml").write_text((tmp_path / "s" / "study.yaml").read_text())
    assert "2 seeds each: 4 trainings" in run("compare", "mine.yaml", "--seeds", "2", "--out", "fixed")[2]
    assert "after 2 and 3 seeds" in run("compare", "mine.yaml", "--looks", "2,3", "--out", "other")[2]


def test_compare_refuses_an_empty_folder(run, tmp_path):
    (tmp_path / "empty").mkdir()
    line = one_line(*run("compare", "empty"))
    assert "empty: expected" in line


def test_compare_refuses_one_class(run, folder_of):
    line = one_line(*run("compare", folder_of({"cat": 9}, name="one")))
    assert "class" in line


def test_compare_refuses_a_class_with_one_image_and_names_it(run, folder_of):
    line = one_line(*run("compare", folder_of({"cat": 20, "dog": 20, "lynx": 1}, name="few")))
    assert "lynx" in line


def test_compare_refuses_a_missing_path(run):
    line = one_line(*run("compare", "no/such/place"))
    assert "no/such/place" in line


def test_compare_lists_truncated_and_foreign_files_and_goes_on(run, photos, tmp_path):
    whole = (photos / "cat" / "000.png").read_bytes()
    (photos / "cat" / "torn.png").write_bytes(whole[: len(whole) // 2])
    (photos / "cat" / "empty.png").write_bytes(b"")
    (photos / "dog" / "page.jpg").write_text("<html>")
    (photos / "dog" / "notes.txt").write_text("hello")
    code, _, err = run("compare", photos, *QUICK)
    assert code == 0
    assert "Traceback" not in err
    quarantine = read_table(tmp_path / "runs" / "pictures" / "quarantine.parquet", QUARANTINE)
    assert {path.rsplit("/", 1)[1] for path in quarantine["path"]} >= {"torn.png", "empty.png", "page.jpg"}


def test_compare_refuses_classes_that_differ_in_letter_case_alone(run, folder_of):
    line = one_line(*run("compare", folder_of({"cat": 20, "Cat": 20}, name="case"), *QUICK))
    assert "class names that differ in more than letter case" in line
    assert "'Cat' and 'cat'" in line


@pytest.mark.parametrize("columns", [("file", "label"), ("path", "kind"), ("path", "target", "colour")])
def test_compare_of_a_manifest_with_unknown_columns_is_a_line_or_goes_on(columns, run, photos, tmp_path):
    rows = [(str(path), path.parent.name, "red") for path in sorted(photos.rglob("*.png"))]
    frame = pl.DataFrame(rows, schema=["a", "b", "c"], orient="row").select(
        pl.col(old).alias(new) for old, new in zip("abc", columns, strict=False)
    )
    frame.write_csv(tmp_path / "m.csv")
    code, out, err = run("compare", "m.csv", *QUICK)
    if columns[:2] == ("path", "target"):
        assert code == 0
        assert "colour" in err
    else:
        assert any(name in one_line(code, out, err) for name in ("path", "target"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scales", "64,big"], "--scales: expected whole numbers of pixels, such as 64,96,128; got '64,big'"),
        (["--scales", ""], "scales: expected at least one image side in pixels; got []"),
        (["--scales", "16"], "scales, entry 1: expected greater than or equal to 32; got 16"),
        (["--margin", "0"], "margin: expected greater than 0; got 0.0"),
        (["--budget", "soon"], "budget: expected a duration such as 90s, 30m or 2h"),
        (["--contenders", "resnet50,resnet999"], "resnet999"),
        (["--contenders", "resnet50"], "at least two contenders"),
        (["--optimizer", "adam"], "recipe.optimizer: expected 'adamw', 'sgd' or 'lamb'; got 'adam'"),
        (["--weights", "w.pt"], "--weights: expected NAME=FILE"),
        (
            ["--weights", "resnet50=missing.safetensors"],
            "missing.safetensors: expected a file with weights for resnet50",
        ),
        (["--weights", "vgg=missing.safetensors"], "weights: vgg: expected one of the contenders"),
        (["--precision", "fp8"], "precision: expected 'auto', 'fp32' or 'bf16'; got 'fp8'"),
        (["--looks", "3,many"], "--looks: expected whole numbers of seeds, such as 3,5,8,12; got '3,many'"),
        (["--looks", "3"], "looks: expected two or more numbers of seeds, each larger than the one before; got [3]"),
        (["--looks", "3,5", "--seeds", "4"], "looks: expected the last look after all 4 seeds, or seeds left out"),
        (["--pixels", "raw"], "pixels: expected 'reduced', 'exact', 'jpeg', 'draft' or 'off'; got 'raw'"),
        (["--cache-gb", "1"], "--cache-gb: expected a folder to bound; got none; name it with --cache"),
        (["--cache", "shared", "--cache-gb", "nan"], "'--cache-gb': Input should be greater than or equal to 0"),
        (["--cache", "shared", "--cache-gb", "inf"], "--cache-gb: expected a number of GB from 0; got inf"),
        (["--cache", "shared", "--cache-gb", "-1"], "'--cache-gb': Input should be greater than or equal to 0"),
        (["--cache", "shared", "--cache-gb", "much"], "'--cache-gb': Input should be a valid number"),
        (["--cache", "/proc/shared"], "/proc/shared: expected a folder that can be written; got"),
        (["--cache", "pictures/cat/000.png"], "000.png: expected a folder that can be written; got File exists"),
        (["--executor", "slurm"], "--executor: expected local or ray; got 'slurm'"),
        (["--ray-address", "auto"], "--ray-address: expected an executor that takes it; got the local one; add --exec"),
        (["--seeds", "0"], "Input should be greater than or equal to 1"),
    ],
)
def test_compare_names_a_wrong_option_before_anything_is_written(options, said, run, photos, tmp_path):
    assert said in one_line(*run("compare", photos, *options, "--out", "s"))
    assert not (tmp_path / "s").exists()


@pytest.mark.slow
def test_decoded_images_are_kept_where_cache_says_and_dropped_beyond_its_bound(run, photos, tmp_path):
    kept = ["--pixels", "jpeg", "--cache", "shared"]
    code, _, err = run("compare", photos, *QUICK, *kept, "--out", "a")
    assert code == 0, err
    assert "of decoded images on disk" in " ".join(err.split())
    assert "pixels: jpeg" in (tmp_path / "a" / "study.yaml").read_text()
    assert not list((tmp_path / "a").rglob("*.pixels"))
    made = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "shared").glob("*.pixels")}
    assert sorted(name.split("-")[0] for name in made) == ["test", "train", "val"]
    assert run("compare", photos, *QUICK, "--cache", "shared", "--cache-gb", "0", "--out", "b")[0] == 0
    left = [path.name for path in (tmp_path / "shared").glob("train-*.pixels")]
    assert len(left) == 1, "the training images of study a, which nobody uses any longer, are dropped"
    assert left[0] not in made


def test_compare_does_not_write_into_a_strangers_folder(run, photos, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    assert "expected an empty folder or a study's" in one_line(*run("compare", photos, *QUICK, "--out", "mine"))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


@pytest.mark.slow
def test_a_study_killed_in_training_goes_on_to_the_very_same_scores(tmp_path):
    """Both depths, an eighth as wide, on the embedded digits, with a worker process, `kill -9` between two saves."""
    names = ("resnet50+width=0.125", "resnet101+width=0.125")
    command = [sys.executable, "-m", "deepenough", "compare", "--seeds", "1", "--epochs", "1", "--scales", "32"]
    command += ["--batch", "64", "--threads", "2", "--contenders", ",".join(names)]
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    script = "from deepenough.studies import local; local.SAVE_EVERY_S = 0.5; from deepenough.cli import main; main()"
    often = [sys.executable, "-c", script, *command[3:]]
    subprocess.run([*command, "--out", str(tmp_path / "whole")], check=True, capture_output=True, env=environment)

    killed = subprocess.Popen(
        [*often, "--out", str(tmp_path / "killed")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    state = tmp_path / "killed" / "cells" / f"{names[1]}-seed0" / "resume.safetensors"
    until = time.monotonic() + 240
    while not state.exists() and time.monotonic() < until:
        time.sleep(0.05)
    workers = psutil.Process(killed.pid).children(recursive=True)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert workers
    assert psutil.wait_procs(workers, timeout=30)[1] == []  # none is left behind
    assert state.exists()
    assert not (tmp_path / "killed" / "scores.parquet").exists()

    subprocess.run([*command, "--out", str(tmp_path / "killed")], check=True, capture_output=True, env=environment)
    for name in ("scores", "validation"):
        whole, resumed = (read_table(tmp_path / f / f"{name}.parquet", SCORES) for f in ("whole", "killed"))
        assert resumed.equals(whole)
    for cell in (f"{name}-seed0" for name in names):
        whole, resumed = (load_file(tmp_path / f / "cells" / cell / "weights.safetensors") for f in ("whole", "killed"))
        assert all(torch.equal(resumed[name], value) for name, value in whole.items())


def test_compare_takes_sources_of_noise_and_refuses_what_is_none(run, photos, tmp_path):
    line = one_line(*run("compare", photos, *QUICK, "--noise", "order,weather"))
    allowed = "'initialisation', 'order', 'augmentation' or 'nondeterminism'"
    assert f"noise, entry 2: expected {allowed}; got 'weather'" in line
    assert "name them with --noise" in one_line(*run("compare", photos, *QUICK, "--noise-runs", "2"))
    code, _, err = run("compare", photos, *QUICK, "--seeds", "1", "--noise", "order", "--noise-runs", "1")
    assert code == 0
    assert "1 seed each: 4 trainings" in err
    assert sorted(path.name for path in (tmp_path / "runs" / "pictures" / "cells").iterdir()) == [
        "resnet101-order1",
        "resnet101-seed0",
        "resnet50-order1",
        "resnet50-seed0",
    ]
    assert "the order of the images" in (tmp_path / "runs" / "pictures" / "report.md").read_text(encoding="utf-8")
