"""Pupils in a whole study: taught seed by seed, after their teachers, and held against both."""

from __future__ import annotations

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from deepenough.errors import InputError, Interrupted, StudyError
from deepenough.records import COSTS, SCORES, read_json, read_table
from deepenough.studies import run_study
from deepenough.studies.kinship import give_teachers
from deepenough.training import Cell, Recipe

PUPIL = "resnet50@teacher=resnet101"
NAMES = ["resnet50", "resnet101", PUPIL]


@pytest.fixture
def taught(request_of):
    return request_of(contenders=NAMES, seeds=1, scales=[32])


@pytest.fixture
def finished(taught, told, tmp_path):
    run_study(taught, tmp_path / "s", listener=told())
    return tmp_path / "s"


def weights(folder, name, seed=0):
    return load_file(folder / "cells" / f"{name}-seed{seed}" / "weights.safetensors")


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_pupil_takes_part_like_any_other_and_leaves_its_teacher_as_it_is_without_pupils(
    finished, request_of, told, tmp_path
):
    run_study(request_of(contenders=NAMES[:2], seeds=1, scales=[32]), tmp_path / "alone", listener=told())
    for name in NAMES[:2]:
        assert same(weights(finished, name), weights(tmp_path / "alone", name))
    verdict = read_json(finished / "verdict.json")
    assert [(pair["small"], pair["big"]) for pair in verdict["pairs"]] == [
        ("resnet50", PUPIL),
        ("resnet50", "resnet101"),
        (PUPIL, "resnet101"),
    ]
    assert any(f"{PUPIL} learned from resnet101's run" in text for text in verdict["caveats"])
    costs = read_table(finished / "costs.parquet", COSTS).select("contender", "batch", "macs", "latency_s")
    plain, pupil = (costs.filter(pl.col("contender") == name).drop("contender") for name in ("resnet50", PUPIL))
    assert pupil.equals(plain)


def test_pupil_learns_otherwise_from_another_teacher_and_with_another_weight(finished, request_of, told, tmp_path):
    other = "resnet50@teacher=resnet50"
    recipe = {"teacher_weight": 0.1, "teacher_temperature": 2.0}
    runs = {
        "weight": request_of(contenders=NAMES, seeds=1, scales=[32], recipe=recipe),
        "teacher": request_of(contenders=["resnet50", other], seeds=1, scales=[32]),
    }
    for name, study in runs.items():
        run_study(study, tmp_path / name, listener=told())
    assert same(weights(tmp_path / "weight", "resnet101"), weights(finished, "resnet101"))
    assert not same(weights(tmp_path / "weight", PUPIL), weights(finished, PUPIL))
    assert not same(weights(tmp_path / "teacher", other), weights(finished, PUPIL))
    assert same(weights(tmp_path / "teacher", "resnet50"), weights(finished, "resnet50"))


@pytest.mark.parametrize("at_once", [None, 1])
def test_study_with_a_pupil_goes_on_after_stops_to_the_same_numbers(taught, told, finished, tmp_path, at_once):
    folder, at = tmp_path / "again", 2
    study = taught.model_copy(update={"at_once": at_once})
    while True:  # stopped while the teacher is trained and while the pupil is
        try:
            run_study(study, folder, listener=told(stop_at=at))
            break
        except (KeyboardInterrupt, Interrupted):
            at += 11
            assert at < 400
    for name in NAMES:
        assert same(weights(folder, name), weights(finished, name))
    assert read_table(folder / "scores.parquet", SCORES).equals(read_table(finished / "scores.parquet", SCORES))


def test_pupil_of_a_teacher_that_diverged_is_not_trained():
    cells = {}
    for name in ("resnet101", PUPIL, "resnet50"):
        cells[name] = Cell.begin(name, 0, torch.nn.Linear(2, 2), Recipe())
    cells["resnet101"].status = "diverged"
    give_teachers([cells[PUPIL], cells["resnet50"]], cells)
    assert (cells[PUPIL].status, cells["resnet50"].status) == ("diverged", "training")
    assert cells[PUPIL].teacher is cells["resnet101"].network
    assert cells["resnet50"].teacher is None


def test_study_whose_pupil_has_no_teacher_is_refused_before_anything_is_read(request_of, tmp_path):
    with pytest.raises(InputError, match="add resnet101 to the contenders"):
        run_study(request_of(contenders=["resnet50", PUPIL]), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_task_in_which_nobody_teaches_refuses_a_pupil_in_one_line(request_of, tmp_path):
    with pytest.raises(StudyError, match="contenders: @teacher") as raised:
        run_study(request_of(contenders=NAMES, task="denoise"), tmp_path / "s")
    assert "\n" not in str(raised.value)
