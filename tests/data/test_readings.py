"""What a source says of each picture: many labels, identities, and a test set from elsewhere."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from PIL import Image

from deepenough.data import Preprocessing, open_source, prepare, squared
from deepenough.data.preprocess import padded_scale
from deepenough.data.readings import READINGS
from deepenough.errors import SourceError


def labelled(folder_of, rows):
    root = folder_of({"p": len(rows)})
    lines = [f"p/{number:03d}.png,{target}" for number, target in enumerate(rows)]
    (root / "m.csv").write_text("\n".join(["path,target", *lines]) + "\n")
    return str(root / "m.csv")


def test_many_labels_are_dealt_by_the_rarest_and_counted_each(folder_of):
    source = labelled(folder_of, ["a"] * 14 + ["a|rare"] * 7 + ["rare"] * 3 + [""] * 10)
    prepared = prepare(open_source(source, reads="labels"))
    assert prepared.classes == ("a", "rare")
    assert prepared.audit.used == 34
    counts = prepared.audit.classes
    assert sum(counts["a"].values()) == 21
    assert sum(counts["rare"].values()) == 10
    assert min(counts["rare"].values()) >= 1
    assert sum(prepared.audit.splits.values()) == 34
    assert (prepared.samples.filter(pl.col("target") == "")["split"] == "test").sum() in (1, 2)


def test_a_row_without_a_label_is_a_picture_without_any_only_where_labels_are_read(folder_of):
    source = labelled(folder_of, ["a", "b", ""] * 4)
    assert prepare(open_source(source)).audit.reasons == {"no_target": 4}
    assert prepare(open_source(source, reads="labels")).audit.reasons == {}


def test_one_label_is_enough_where_labels_are_read_and_none_is_refused(folder_of):
    assert prepare(open_source(labelled(folder_of, ["a", ""] * 8), reads="labels")).classes == ("a",)
    with pytest.raises(SourceError, match="labelled pictures"):
        open_source(labelled(folder_of, [""] * 8), reads="labels")


def test_identities_and_pictures_are_one_stratum():
    assert READINGS["identities"].strata(["ann", "bob"]) == ["", ""]
    assert READINGS["pictures"].strata(["x", "y"]) == ["", ""]
    assert READINGS["pictures"].names("x") == ()


def with_shifted(folder_of, splits):
    counts = {"train": 12, "val": 4, "test": 4, "test_shifted": 3}
    chosen = {split: counts[split] for split in splits}
    counts = {f"{split}/{name}": n for split, n in chosen.items() for name in ("cat", "dog")}
    return str(folder_of(counts, name="-".join(splits)))


@pytest.mark.parametrize(
    "splits", [("train", "val", "test"), ("train", "test"), ("train", "val"), ("train",)], ids="/".join
)
def test_a_test_set_from_elsewhere_stays_apart_whatever_else_is_declared(folder_of, splits):
    prepared = prepare(open_source(with_shifted(folder_of, (*splits, "test_shifted"))))
    there = prepared.audit.splits
    assert there["test_shifted"] == 6
    assert min(there.values()) >= 1
    paths = prepared.samples.filter(pl.col("split") == "test_shifted")["path"]
    assert paths.str.starts_with("test_shifted/").all()
    assert len(prepared.samples) == sum(there.values())
    alone = prepare(open_source(with_shifted(folder_of, splits)))
    assert "test_shifted" not in alone.audit.splits


def test_a_class_that_only_the_shifted_set_has_is_refused(folder_of):
    root = folder_of({"train/cat": 6, "train/dog": 6, "test_shifted/owl": 2})
    with pytest.raises(SourceError, match="owl"):
        prepare(open_source(str(root)))


def test_padded_square_holds_the_whole_picture_in_its_corner():
    picture = np.full((20, 40, 3), 200, np.uint8)
    square = squared(picture, 32, Preprocessing(fit="pad"))
    assert square.shape == (32, 32, 3)
    assert padded_scale(20, 40, 32) == 0.8
    assert (square[:16] == 200).all()
    assert (square[16:] == 0).all()


@pytest.mark.parametrize(("height", "width"), [(10, 50), (50, 10), (40, 40), (9, 9)])
def test_cut_square_keeps_the_pixels_of_the_centre(height, width):
    picture = np.random.default_rng(0).integers(1, 256, (height, width, 3), dtype=np.uint8)
    square = squared(Image.fromarray(picture), 16, Preprocessing(fit="cut"))
    top, left, rows, columns = max(0, (height - 16) // 2), max(0, (width - 16) // 2), min(16, height), min(16, width)
    assert (square[:rows, :columns] == picture[top : top + rows, left : left + columns]).all()
    assert (square > 0).all(2).sum() == rows * columns


def test_a_validation_split_that_is_cut_from_train_has_every_label(folder_of):
    root = folder_of({"p": 40})
    rows = [f"p/{number:03d}.png,{'rare' if number % 10 == 0 else 'a'},train" for number in range(30)]
    rows += [f"p/{number:03d}.png,a|rare,test" for number in range(30, 40)]
    (root / "m.csv").write_text("\n".join(["path,target,split", *rows]) + "\n")
    for reads in ("labels", "classes"):
        chosen = rows if reads == "labels" else [row.replace("a|rare", "a") for row in rows]
        (root / "m.csv").write_text("\n".join(["path,target,split", *chosen]) + "\n")
        counts = prepare(open_source(str(root / "m.csv"), reads=reads)).audit.classes
        assert counts["rare"]["val"] == 1
        assert counts["a"]["val"] == 4
