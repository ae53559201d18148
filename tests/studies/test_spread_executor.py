"""Studies whose trainings are shared by two processes, as a user starts them."""

from __future__ import annotations

import signal
import subprocess
import sys

import polars as pl
import psutil
import pytest

from deepenough.records import read_json
from deepenough.studies import run_study
from deepenough.studies.study import make_study

pytestmark = pytest.mark.slow
SMALL = ["resnet50+width=0.125+blocks=1-1-1-1", "resnet101+width=0.125+blocks=1-1-2-1"]
SETTINGS = {"seeds": 1, "train_scale": 32, "scales": [32], "epochs": 3, "batch": 11, "threads": 1, "workers": 0}
SETTINGS |= {"precision": "fp32", "margin": 5.0, "contenders": SMALL, "images": False}
SETTINGS |= {"recipe": {"optimizer": "sgd", "learning_rate": 0.05}}


@pytest.fixture(scope="module")
def study_file(tmp_path_factory, photo, encode):
    root = tmp_path_factory.mktemp("spread")
    for number in range(72):
        path = root / "pictures" / ("cat", "dog", "owl")[number % 3] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(photo(number)))
    from deepenough.studies.study import save_study

    save_study(make_study({"source": str(root / "pictures"), **SETTINGS}), root / "study.yaml")
    return root / "study.yaml"


def begun(study_file, folder, *more):
    command = [sys.executable, "-m", "deepenough", "compare", str(study_file), "--devices", "2", "--out", str(folder)]
    return subprocess.Popen([*command, *more], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def errors(said):
    return [line for line in said.splitlines() if line.startswith(("error:", "Traceback"))]


def test_a_study_by_two_processes_is_that_of_one_and_goes_on_when_one_is_killed(study_file, tmp_path):
    running = begun(study_file, tmp_path / "two")
    for line in running.stderr:
        if line.startswith("seed 0: training"):
            break
    ranks = psutil.Process(running.pid).children()
    assert len(ranks) == 2
    ranks[-1].kill()
    said = running.communicate(timeout=120)[1]
    assert running.returncode == 3
    assert len(errors(said)) == 1
    assert "ended by signal 9, so all did); what was saved is kept; go on with: deepenough compare" in said
    assert not psutil.pid_exists(ranks[0].pid)
    assert not list((tmp_path / "two").glob("cells/*/cell.json"))

    running = begun(study_file, tmp_path / "two")
    said = running.communicate(timeout=240)[1]
    assert running.returncode == 0, said
    alone = run_study(make_study({"source": str(study_file.parent / "pictures"), **SETTINGS}), tmp_path / "one")
    ours, theirs = (pl.read_parquet(tmp_path / name / "scores.parquet") for name in ("two", "one"))
    assert ours.drop("confidence").equals(theirs.drop("confidence"))
    assert (ours["confidence"] - theirs["confidence"]).abs().max() < 1e-3
    assert read_json(tmp_path / "two" / "verdict.json")["difference"] == alone.difference
    for name in SMALL:
        note = read_json(tmp_path / "two" / "cells" / f"{name}-seed0" / "cell.json")
        assert (note["processes"], note["batch_norm"], note["status"]) == (2, "synced", "trained")
    assert read_json(tmp_path / "two" / "environment.json")["processes"] == 2


def test_a_stop_by_a_signal_is_saved_and_said_once(study_file, tmp_path):
    running = begun(study_file, tmp_path / "two")
    for line in running.stderr:
        if line.startswith("seed 0: training"):
            break
    for each in psutil.Process(running.pid).children():
        each.send_signal(signal.SIGINT)  # as a terminal does for the whole group
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=120)[1]
    assert running.returncode == 3
    assert len(errors(said)) == 1
    assert "stopped (Ctrl-C)" in said
    assert list((tmp_path / "two").glob("cells/*/resume.safetensors"))


def test_what_the_user_can_mend_is_one_line(study_file, tmp_path):
    running = begun(study_file, tmp_path / "two", "--batch", "3")
    said = running.communicate(timeout=120)[1]
    assert running.returncode == 2
    assert errors(said) == [
        "error: --batch: expected batches of at least 4 images, 2 for each of 2 processes; got one of 3; give a larger "
        "batch, or fewer processes"
    ]
