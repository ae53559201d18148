"""What doctor sees and advises."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from deepenough import cli
from deepenough.cli import _machine
from deepenough.cli.doctor import GIB, notes

GOOD = _machine.Machine(
    python="3.12.1",
    system="Linux x86_64",
    versions=dict.fromkeys(_machine.PACKAGES, "1.0"),
    processor="a processor",
    cores=8,
    load=0.1,
    threads=8,
    threads_set_by=None,
    instructions=["avx2"],
    memory_bytes=32 * GIB,
    memory_free_bytes=30 * GIB,
    disk_free_bytes=100 * GIB,
    shared_memory_bytes=8 * GIB,
    unwritable=[],
    torch_cuda=None,
    nvidia_driver=False,
    devices=[],
    convolutions=[_machine.Convolution(device="cpu", fp32_macs_per_s=2e10, bf16_macs_per_s=2e10)],
)


def advice(machine):
    """Subject -> message of all that should be changed."""
    return {note.subject: note.message for note in notes(machine) if note.state == "change"}


def test_notes_ask_for_no_change_on_a_good_machine():
    assert advice(GOOD) == {}


@pytest.mark.parametrize(
    ("change", "subject", "remedy"),
    [
        ({"load": 6.0}, "cores", "wait for them before costs are measured"),
        ({"threads": 16}, "threads", "set OMP_NUM_THREADS=8"),
        ({"threads": 1, "threads_set_by": "OMP_NUM_THREADS"}, "threads", "unset it to use all 8 cores"),
        ({"memory_free_bytes": GIB}, "memory", "train at a smaller scale"),
        ({"disk_free_bytes": GIB}, "disk", "write elsewhere with --out"),
        ({"shared_memory_bytes": 64 << 20}, "/dev/shm", "--shm-size=2g"),
        ({"unwritable": ["/mnt"]}, "folder", "/mnt cannot be written to"),
        ({"nvidia_driver": True}, "cuda", "install the CUDA build of torch"),
        ({"nvidia_driver": True, "torch_cuda": "13.0"}, "cuda", "see what nvidia-smi says"),
    ],
)
def test_notes_name_the_remedy_when_something_is_amiss(change, subject, remedy):
    found = advice(replace(GOOD, **change))
    assert list(found) == [subject]
    assert remedy in found[subject]


@pytest.mark.parametrize(("gain", "advised"), [(3.0, "bf16 is 3.0 times as fast here"), (1.1, "fp32 it is")])
def test_notes_advise_the_precision_that_was_measured_faster(gain, advised):
    speed = _machine.Convolution(device="cpu", fp32_macs_per_s=1e10, bf16_macs_per_s=gain * 1e10)
    messages = [note.message for note in notes(replace(GOOD, convolutions=[speed])) if note.subject == "precision"]
    assert len(messages) == 1
    assert messages[0].endswith(advised)


def test_usable_cores_are_those_this_process_may_run_on():
    assert 1 <= _machine.usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("content", "number"), [("200000 100000\n", 2.0), ("max 100000\n", None), ("max\n", None), ("4096\n", 4096.0)]
)
def test_container_limit_is_read_when_there_is_one(monkeypatch, tmp_path, content, number):
    (tmp_path / "limit").write_text(content)
    monkeypatch.setattr(_machine, "Path", lambda _, name: tmp_path / name)
    assert _machine._cgroup_number("limit") == number


def test_doctor_prints_what_it_measured_as_json(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["doctor", "--folder", str(tmp_path), "--json"])
    assert left.value.code == 0
    found = json.loads(capsys.readouterr().out)
    speed = found["machine"]["convolutions"][0]
    assert speed["device"] == "cpu"
    assert min(speed["fp32_macs_per_s"], speed["bf16_macs_per_s"]) > 1e6
    assert {note["subject"] for note in found["notes"]} >= {"cores", "threads", "memory", "disk", "cuda", "precision"}


def test_doctor_keeps_to_80_columns(tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["doctor", "--folder", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= 80


def test_doctor_takes_the_folder_for_input_when_it_is_missing(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["doctor", "--folder", str(tmp_path / "none")])
    assert left.value.code == 2
    assert "does not exist" in capsys.readouterr().err
