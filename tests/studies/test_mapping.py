"""The map of a study's test pictures, as it is written."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from PIL import Image

from deepenough.comparison.embedding import mapping
from deepenough.errors import RecordError
from deepenough.records import read_json
from deepenough.records.embedding import map_from_json
from deepenough.studies.mapping import write_map

PAIR = ("resnet50", "resnet101")


@pytest.fixture
def written(monkeypatch, tmp_path):
    """Writes a map of so many pictures of three classes, the last of which has no answer."""
    monkeypatch.setattr(mapping, "method_here", lambda: "pca")

    def write(count, *, images=True):
        rng = np.random.default_rng(0)
        ids = [f"{place:05d}" for place in range(count)]
        order = pl.DataFrame({"sample_id": ids, "target": [("cat", "dog", "owl")[place % 3] for place in range(count)]})
        rows = [
            {"contender": name, "seed": seed, "scale": 32, "sample_id": sample, "prediction": answer}
            for name, answer in zip(PAIR, ("cat", "emu"), strict=True)
            for seed in (0, 1)
            for sample in ids[:-1]
        ]
        scores = pl.DataFrame(rows).with_columns(
            prediction=pl.when(pl.col("seed") == 0).then("prediction").otherwise(pl.lit("dog"))
        )
        squares = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 32, 32, 3))
        vectors = {name: rng.normal(size=(count, 6)) for name in PAIR}
        place = tmp_path / "embed"
        place.mkdir(exist_ok=True)
        return write_map(vectors, order, squares if images else None, place, seed=0, scale=32, scores=scores), place

    return write


def test_map_holds_labels_and_the_answers_of_its_seed_and_is_read_back(written):
    found, folder = written(9)
    assert found.classes == ["cat", "dog", "emu", "owl"]
    assert found.labels == [0, 1, 3] * 3
    assert found.answers == {"resnet50": [0] * 8 + [-1], "resnet101": [2] * 8 + [-1]}
    assert map_from_json(read_json(folder / "map.json")) == found
    assert all(len(each) == 18 and min(each) == 0 and max(each) == 1000 for each in found.places.values())


def test_small_copies_stand_row_by_row_in_one_picture(written):
    found, folder = written(9)
    with Image.open(folder / "map.jpg") as sheet:
        pixels = np.asarray(sheet, dtype=int)
    assert pixels.shape[:2] == (3 * found.tile, 3 * found.tile)
    centres = pixels[found.tile // 2 :: found.tile, found.tile // 2 :: found.tile, 0]
    assert np.abs(centres - np.arange(9).reshape(3, 3)).max() <= 2


def test_more_pictures_have_smaller_copies(written):
    assert [written(count)[0].tile for count in (9, 1200)] == [64, 32]


def test_study_that_keeps_no_pictures_has_a_map_without_copies(written):
    written(9)
    found, folder = written(9, images=False)
    assert (found.tile, found.columns) == (0, 0)
    assert not (folder / "map.jpg").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [("labels", [0, 9]), ("places", {"resnet50": [1, 2], "resnet101": [1, 2]}), ("trust", {}), ("answers", None)],
)
def test_map_whose_lists_do_not_fit_is_refused(written, key, value):
    _, folder = written(9)
    plain = json.loads((folder / "map.json").read_text("utf-8")) | {key: value}
    with pytest.raises(RecordError, match="run `deepenough embed FOLDER`"):
        map_from_json(plain)
