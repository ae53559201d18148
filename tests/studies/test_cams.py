"""Where both networks found their answers, as a study keeps it for its report."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from deepenough.records import CAMS, SCORES, read_json, read_table
from deepenough.studies import run_study
from deepenough.studies.cams import SIDE, drawn

ORANGE = (230, 97, 1)


def pixels_of(encoded):
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"), float)


def test_square_is_grey_where_nothing_speaks_and_orange_where_all_does():
    square = np.full((64, 64, 3), (10, 200, 90), np.uint8)
    found = np.zeros((4, 4))
    found[:, 2:] = 1.0
    shown = pixels_of(drawn(square, found))

    assert shown.shape == (SIDE, SIDE, 3)
    left, right = shown[:, :20].mean(axis=(0, 1)), shown[:, -20:].mean(axis=(0, 1))
    grey = np.asarray(Image.fromarray(square).convert("L"))[0, 0]
    assert left == pytest.approx([grey] * 3, abs=4)
    assert right == pytest.approx(0.7 * np.array(ORANGE) + 0.3 * grey, abs=6)


def test_study_keeps_both_networks_squares_of_pictures_that_divide_them(request_of, tmp_path):
    request = request_of(seeds=1, epochs=1, train_scale=64, scales=[64])
    run_study(request, tmp_path / "one")
    cams, scores = (
        read_table(tmp_path / "one" / n, kind) for n, kind in (("cams.parquet", CAMS), ("scores.parquet", SCORES))
    )
    answers = scores.pivot("contender", index="sample_id", values="prediction")
    divided = set(answers.filter(answers["resnet50"] != answers["resnet101"])["sample_id"])

    assert divided
    assert set(cams["sample_id"]) <= divided
    assert cams.group_by("sample_id").len()["len"].unique().to_list() == [2]
    assert {pixels_of(image).shape for image in cams["image"]} == {(SIDE, SIDE, 3)}

    run_study(request.model_copy(update={"images": False}), tmp_path / "private")
    assert not (tmp_path / "private" / "cams.parquet").is_file()
    assert read_json(tmp_path / "private" / "verdict.json") == read_json(tmp_path / "one" / "verdict.json")
