"""Sources of pictures that bear no class: a folder at any depth, or a manifest of paths."""

import polars as pl
import pytest
from PIL import Image

from deepenough.data import open_source, prepare
from deepenough.errors import SourceError


@pytest.fixture
def folder(tmp_path):
    """Makes pictures that differ under these paths, and returns their root."""

    def make(*paths):
        for number, path in enumerate(paths):
            place = tmp_path / "photos" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            rough = Image.effect_noise((6, 6), 90 + number).convert("RGB")
            rough.resize((48, 40)).save(place)
        return tmp_path / "photos"

    return make


def seen(source):
    return {entry.path: (entry.split, entry.further) for entry in source.entries}


def test_loose_pictures_at_any_depth_are_read_with_their_folder(folder):
    source = open_source(str(folder("a.png", "old/b.png", "old/sea/c.png")), reads="pictures")
    assert seen(source) == {
        "a.png": (None, (None,)),
        "old/b.png": (None, ("old",)),
        "old/sea/c.png": (None, ("old/sea",)),
    }
    assert source.columns == {"folder": pl.String}
    assert {entry.target for entry in source.entries} == {""}


def test_split_folders_of_loose_pictures_are_splits_and_others_are_left_out(folder):
    root = folder("train/a.png", "valid/sea/b.png", "test/c.png", "attic/d.png")
    source = open_source(str(root), reads="pictures")
    assert seen(source) == {
        "train/a.png": ("train", (None,)),
        "valid/sea/b.png": ("val", ("sea",)),
        "test/c.png": ("test", (None,)),
    }
    assert [(left.path, left.reason) for left in source.skipped] == [("attic/d.png", "unused_folder")]


def test_loose_pictures_are_dealt_out_without_classes(folder):
    root = folder(*(f"{number:02d}.png" for number in range(20)))
    prepared = prepare(open_source(str(root), reads="pictures"))
    assert prepared.classes == ()
    assert prepared.audit.splits == {"train": 14, "val": 3, "test": 3}


def test_the_same_bytes_in_two_folders_are_one_picture_and_no_contradiction(folder):
    root = folder(*(f"a/{number:02d}.png" for number in range(12)))
    (root / "b").mkdir()
    (root / "b" / "copy.png").write_bytes((root / "a" / "03.png").read_bytes())
    prepared = prepare(open_source(str(root), reads="pictures"))
    assert prepared.audit.reasons == {"duplicate": 1}
    assert prepared.audit.used == 12


def test_manifest_of_pictures_needs_paths_alone(folder):
    root = folder("a.png", "b.png")
    (root / "m.csv").write_text("path,split,scene\na.png,train,sea\nb.png,test,wood\n")
    source = open_source(str(root / "m.csv"), reads="pictures")
    assert seen(source) == {"a.png": ("train", ("sea",)), "b.png": ("test", ("wood",))}
    with pytest.raises(SourceError, match="missing: target"):
        open_source(str(root / "m.csv"))


def test_splits_of_loose_pictures_without_train_and_an_empty_folder_are_refused(folder, tmp_path):
    with pytest.raises(SourceError, match="'train' folder"):
        open_source(str(folder("val/a.png", "test/b.png")), reads="pictures")
    (tmp_path / "none").mkdir()
    with pytest.raises(SourceError, match="none"):
        prepare(open_source(str(tmp_path / "none"), reads="pictures"))
