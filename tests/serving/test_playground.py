"""The playground of a real, tiny study: its answers are those that the study recorded."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys

import polars as pl
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from starlette.testclient import TestClient

from deepenough.cli.demo import _bound, application
from deepenough.errors import InputError, RecordError


@pytest.fixture
def client(study):
    return TestClient(application(study, seed=1, threads=1), base_url="http://127.0.0.1")


def test_answers_are_those_that_the_study_recorded(client, study, pictures):
    samples = pl.read_parquet(study / "samples.parquet").filter(pl.col("split") == "test")
    scores = pl.read_parquet(study / "scores.parquet").filter(pl.col("seed") == 1)
    recorded = {row[:3]: row[3:] for row in scores.select(
        "contender", "scale", "sample_id", "prediction", "confidence").iter_rows()}  # fmt: skip
    for sample, path in samples.select("sample_id", "path").head(4).iter_rows():
        told = client.post("/answer", content=(pictures / path).read_bytes()).json()
        assert len(told["answers"]) == 4
        for answer in told["answers"]:
            label, sure = recorded[answer["contender"], answer["scale"], sample]
            assert answer["said"]["prediction"] == label
            assert answer["said"]["confidence"] == pytest.approx(sure, abs=1e-4)
            assert [len(row) for row in answer["map"]] == [len(answer["map"])] * len(answer["map"])


def test_facts_are_the_study_s_own(client, study):
    facts = client.get("/facts").json()
    scores = pl.read_parquet(study / "scores.parquet").filter(pl.col("seed") == 1)
    wide = scores.filter(pl.col("scale") == 32).pivot("contender", index="sample_id", values="prediction")
    (at,) = [one for one in facts["agreement"] if one["scale"] == 32]
    assert (facts["small"], facts["big"], facts["scales"]) == ("resnet50", "resnet101", [32, 48])
    assert at["same"] == (wide["resnet50"] == wide["resnet101"]).sum()
    assert at["samples"] == wide.height
    assert {(one["contender"], one["scale"]) for one in facts["points"]} == {
        (name, scale) for name in ("resnet50", "resnet101") for scale in (32, 48)
    }


def test_a_file_that_is_no_picture_is_refused_in_words(client):
    told = client.post("/answer", content=b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert told.status_code == 422
    assert "got a file that is no picture of a known format" in told.json()["refused"]


def test_a_folder_without_weights_is_refused(study):
    (study / "cells" / "resnet50-seed1" / "weights.safetensors").unlink()
    with pytest.raises(RecordError, match="expected the weights that were tested; got no such file"):
        application(study, seed=1)


def test_a_port_that_is_taken_is_refused():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"--port {port}: expected one that is free"):
            _bound(port)


def test_the_page_is_reached_from_this_machine_only():
    with _bound(None) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


@pytest.mark.slow
def test_ctrl_c_ends_it_without_a_fault(tmp_path, study):
    shutil.copytree(study, tmp_path / "s")
    code = (
        "import sys; from deepenough.networks import config; "
        "config.STEM_CHANNELS, config.STAGE_WIDTHS = 8, (4, 4, 8, 8); "
        "config.STAGE_BLOCKS = {50: (1, 1, 1, 1), 101: (1, 1, 2, 1)}; "
        "from deepenough.cli import main; main()"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code, "demo", str(tmp_path / "s"), "--threads", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline().startswith("http://127.0.0.1:")
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert (run.returncode, said) == (0, "")
