"""Where both networks found their answers, as a study keeps it for its report."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from deepenough.records import CAMS, SCORES, read_json, read_table
from deepenough.studies import run_study
from deepenough.studies.cams import SIDE, cams, drawn

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


class Sees(torch.nn.Module):
    """Class 0 by red, class 1 by green, each cell for itself: its class activation map is the mean colour of cells."""

    def features(self, images):
        return [torch.nn.functional.avg_pool2d(images, 2**stage)[:, :2].clamp(min=0) for stage in (2, 3, 4, 5)]

    def neck(self, maps):
        return maps[-1].mean(dim=(2, 3)) + maps[-2].mean(dim=(2, 3))

    def fc(self, seen):
        return seen


@pytest.mark.parametrize("method", ["gradcam", "hirescam", "layercam"])
def test_map_at_each_scale_is_the_closed_form_of_a_network_that_sees_colours(method):
    rng = np.random.default_rng(0)
    whole = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    squares = {side: np.asarray(whole.resize((side, side), Image.Resampling.NEAREST))[None] for side in (64, 128, 256)}
    pixels = SimpleNamespace(sample_ids=["x"], at=squares.__getitem__)
    rows = [
        {"contender": name, "seed": 0, "scale": 128, "sample_id": "x", "target": "red", "prediction": said}
        | {"score": float(said == "red"), "confidence": 1.0}
        for name, said in (("a", "red"), ("b", "green"))
    ]
    machine = SimpleNamespace(images=lambda squares, _mean, _std: squares.float() / 255)
    setting = SimpleNamespace(machine=machine, preprocessing=SimpleNamespace(mean=0, std=1))
    verdict = SimpleNamespace(small="a", big="b", scale=128)
    found = cams(
        setting,
        ("red", "green"),
        (pixels, [32, 64, 128, 256]),
        lambda _name: Sees().eval(),
        pl.DataFrame(rows, schema=SCORES),
        verdict,
        method,
    )
    cases = [(name, scale) for name in "ab" for scale in (64, 128, 256)]
    assert found.select("contender", "scale").rows() == cases
    assert set(found["method"]) == {method}
    for (name, scale), image in zip(cases, found["image"], strict=True):
        colour, cell = squares[scale][0, ..., "ab".index(name)].astype(float), 16 if scale == 64 else 32
        cells = colour.reshape(scale // cell, cell, scale // cell, cell).mean(axis=(1, 3))
        assert image == drawn(squares[scale][0], cells / cells.max())


def test_study_keeps_both_networks_squares_of_pictures_that_divide_them(request_of, tmp_path):
    request = request_of(seeds=1, epochs=1, train_scale=64, scales=[64, 96])
    run_study(request, tmp_path / "one")
    kept, scores = (
        read_table(tmp_path / "one" / n, kind) for n, kind in (("cams.parquet", CAMS), ("scores.parquet", SCORES))
    )
    scores = scores.filter(pl.col("scale") == read_json(tmp_path / "one" / "verdict.json")["scale"])
    answers = scores.pivot("contender", index="sample_id", values="prediction")
    divided = set(answers.filter(answers["resnet50"] != answers["resnet101"])["sample_id"])

    assert divided
    assert set(kept["sample_id"]) <= divided
    assert kept.group_by("sample_id").len()["len"].unique().to_list() == [4]
    assert set(kept.select("scale", "method").rows()) == {(64, "gradcam"), (96, "gradcam")}
    assert {pixels_of(image).shape for image in kept["image"]} == {(SIDE, SIDE, 3)}

    run_study(request.model_copy(update={"images": False}), tmp_path / "private")
    assert not (tmp_path / "private" / "cams.parquet").is_file()
    assert read_json(tmp_path / "private" / "verdict.json") == read_json(tmp_path / "one" / "verdict.json")
