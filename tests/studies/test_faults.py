"""What happens to a file as it is written, and to the clock meanwhile, changes no number of a study."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time

import polars as pl
import pytest

from deepenough.cli import _progress
from deepenough.errors import Interrupted, StudyError
from deepenough.networks import build, save_weights
from deepenough.records import writing
from deepenough.studies import run_study
from deepenough.studies.store import hold

SMALL = {"seeds": 1, "epochs": 1, "scales": [32], "train_scale": 32, "margin": 5.0}
MADE = ("scores.parquet", "validation.parquet", "slices.parquet", "thumbnails.parquet")
NAMES = ("resnet50", "resnet101")
YEARS_S = 10 * 365 * 86_400


def same(one, other):
    return all(pl.read_parquet(one / name).equals(pl.read_parquet(other / name)) for name in MADE)


class Killed(BaseException):
    """A kill, as far as the folder knows."""


def denied(_temporary, _path):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def killed_before(temporary, path):
    shutil.copy(temporary, path.with_name(f".{path.name}.killed.tmp"))  # a kill sweeps nothing away
    raise Killed


def halved(temporary, path):
    """What is left where a disk lost its cache: the new name, and half of what was written."""
    content = temporary.read_bytes()
    temporary.unlink()
    path.unlink(missing_ok=True)  # others may have the old one mapped
    path.write_bytes(content[: len(content) // 2])
    raise Killed


def killed_after(temporary, path):
    temporary.replace(path)
    raise Killed


class Once:
    """In the place of the rename: the fault, the first time that a file of the pattern is written."""

    def __init__(self, pattern, fault):
        self.pattern, self.fault, self.rename, self.hit = pattern, fault, writing._rename, False

    def __call__(self, temporary, path):
        if path.match(self.pattern) and not self.hit:
            self.hit = True
            self.fault(temporary, path)
        self.rename(temporary, path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("train", "patterns"),
    [
        ("all", ("train-*.pixels", "test-*.pixels", "slices.parquet", "thumbnails.parquet")),
        ("head", ("features-*.npy", "features-*.json")),
    ],
)
def test_whatever_happens_to_a_file_as_it_is_written_the_study_goes_on_to_the_same(
    train, patterns, request_of, tmp_path, monkeypatch
):
    values = SMALL
    if train == "head":
        starts = {name: str(tmp_path / f"{name}.safetensors") for name in NAMES}
        for name, path in starts.items():
            save_weights(build(name, 3, seed=5), path)
        settled = dict.fromkeys(("seeds", "epochs", "batch"))
        values = {**SMALL, **settled, "weights": starts, "recipe": {"train": "head"}}
    run_study(request_of(**values), tmp_path / "calm")
    for pattern in patterns:
        for fault in (denied, killed_before, halved, killed_after):
            folder = tmp_path / f"{pattern.partition('-')[0]} {fault.__name__}"
            with monkeypatch.context() as patch:
                patch.setattr(writing, "_rename", once := Once(pattern, fault))
                with contextlib.suppress(Killed, Interrupted):
                    run_study(request_of(**values), folder)
            assert once.hit, pattern
            run_study(request_of(**values), folder)
            assert same(folder, tmp_path / "calm"), folder.name
            assert not list(folder.rglob("*.tmp"))
            shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("jump_s", [-YEARS_S, YEARS_S])
def test_a_clock_that_jumps_changes_no_number_and_trains_nothing_anew(jump_s, request_of, told, tmp_path, monkeypatch):
    now = time.time
    run_study(request_of(**SMALL), tmp_path / "calm")

    class Jumping(told):
        """The clock jumps in mid-training, and all that is on disk is then of another time; then a kill."""

        def trained(self, *arguments, **how):
            if len(self.steps) == 4:
                monkeypatch.setattr(time, "time", lambda: now() + jump_s)
            super().trained(*arguments, **how)

    with pytest.raises(KeyboardInterrupt):
        run_study(request_of(**SMALL), tmp_path / "s", listener=Jumping(stop_at=8))
    for path in (tmp_path / "s").rglob("*"):
        os.utime(path, (now() - jump_s, now() - jump_s))
    run_study(request_of(**SMALL), tmp_path / "s", listener=told())
    assert same(tmp_path / "s", tmp_path / "calm")
    for path in (tmp_path / "s").rglob("*"):
        os.utime(path, (now() + jump_s, now() + jump_s))
    again = told()
    run_study(request_of(**SMALL), tmp_path / "s", listener=again)
    assert again.steps == []  # what is sealed is whole, whenever it was written


@pytest.mark.parametrize("jump_s", [-YEARS_S, YEARS_S])
def test_a_folder_is_held_however_old_its_lock_seems(jump_s, tmp_path):
    with hold(tmp_path):
        os.utime(tmp_path / ".lock", (time.time() + jump_s,) * 2)
        with pytest.raises(StudyError, match="expected a folder of our own"), hold(tmp_path):
            pass
    with hold(tmp_path):  # and is free again once nobody holds it
        pass


@pytest.mark.parametrize("jump_s", [-YEARS_S, YEARS_S])
def test_the_time_that_is_left_is_not_the_wall_clocks(jump_s, capsys, monkeypatch):
    seconds = iter(range(0, 10_000, 100))
    monkeypatch.setattr(_progress.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(_progress.time, "time", lambda: jump_s)
    terminal = _progress.Terminal()
    terminal.stage("training", total=10)
    terminal.advance(5)
    terminal.trained("resnet50-seed0", step=5, steps=10, loss=1.0, accuracy=None, images_per_s=9.0)
    said = capsys.readouterr().err
    assert " left" in said
    assert "year" not in said
    assert " d " not in said
