from __future__ import annotations

import json
import pickle
import shutil

import numpy as np
import polars as pl
import pytest

from deepenough.data import (
    Preprocessing,
    build_test_pixels,
    build_train_pixels,
    cache,
    decode_rgb,
    kept,
    open_source,
    prepare,
    resize_and_crop,
)
from deepenough.data.preprocess import reduce_short_side
from deepenough.errors import SourceError


@pytest.fixture
def prepared(folder_of):
    return prepare(open_source(str(folder_of({"cat": 20, "dog": 20}))))


@pytest.fixture
def decodes(monkeypatch):
    """Counts the pictures that the cache decodes."""
    counted = []
    original = cache.decode_picture
    monkeypatch.setattr(cache, "decode_picture", lambda encoded: counted.append(1) or original(encoded))
    return counted


def decoded(prepared, sample_id) -> np.ndarray:
    return decode_rgb(prepared.entries[sample_id].read())


def ids_of(prepared, split) -> list[str]:
    return prepared.samples.filter(pl.col("split") == split)["sample_id"].to_list()


@pytest.mark.parametrize("workers", [0, 3])
def test_train_pixels_are_the_reduced_pictures_in_the_samples_order(workers, prepared, tmp_path):
    pixels = build_train_pixels(prepared, tmp_path / "c", short_side=12, workers=workers)
    assert pixels.sample_ids == ids_of(prepared, "train")
    assert len(pixels) == 28
    for index, sample_id in enumerate(pixels.sample_ids):
        np.testing.assert_array_equal(pixels[index], reduce_short_side(decoded(prepared, sample_id), 12))
    assert pixels[0].shape == (12, 16, 3)


def test_train_pixels_of_small_pictures_are_the_pictures(prepared, tmp_path):
    pixels = build_train_pixels(prepared, tmp_path, short_side=512)
    np.testing.assert_array_equal(pixels[3], decoded(prepared, pixels.sample_ids[3]))


def test_train_pixels_hand_out_copies_and_survive_pickling(prepared, tmp_path):
    pixels = build_train_pixels(prepared, tmp_path, short_side=12)
    before = pixels[0].copy()
    pixels[0][:] = 0
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(pixels))[0], before)
    assert len(pickle.dumps(pixels)) < 10_000


@pytest.mark.parametrize("workers", [0, 2])
def test_test_pixels_are_the_exact_crop_of_the_original_at_every_scale(workers, prepared, tmp_path):
    how = Preprocessing(crop=0.875, interpolation="bilinear")
    pixels = build_test_pixels(prepared, "test", tmp_path, scales=(32, 16, 32), preprocessing=how, workers=workers)
    assert pixels.sample_ids == ids_of(prepared, "test")
    for scale in (16, 32):
        squares = pixels.at(scale)
        assert squares.shape == (6, scale, scale, 3)
        for square, sample_id in zip(squares, pixels.sample_ids, strict=True):
            np.testing.assert_array_equal(square, resize_and_crop(decoded(prepared, sample_id), scale, how))


def test_test_pixels_refuse_a_scale_that_was_not_built(prepared, tmp_path):
    pixels = build_test_pixels(prepared, "val", tmp_path, scales=(16,), preprocessing=Preprocessing())
    with pytest.raises(ValueError, match="scale must be one of 16, but got 17"):
        pixels.at(17)


def test_a_cache_is_used_again_without_decoding(prepared, tmp_path, decodes):
    build_train_pixels(prepared, tmp_path, short_side=12)
    build_test_pixels(prepared, "test", tmp_path, scales=(16,), preprocessing=Preprocessing())
    assert len(decodes) == 28 + 6
    build_train_pixels(prepared, tmp_path, short_side=12)
    build_test_pixels(prepared, "test", tmp_path, scales=(16,), preprocessing=Preprocessing())
    assert len(decodes) == 28 + 6


def test_another_reduction_or_other_content_is_another_cache(prepared, tmp_path, decodes, folder_of):
    first = build_train_pixels(prepared, tmp_path, short_side=12)
    build_train_pixels(prepared, tmp_path, short_side=13)
    build_train_pixels(prepare(open_source(str(folder_of({"a": 20, "b": 20}, "o", 900)))), tmp_path, short_side=12)
    assert len(decodes) == 3 * 28
    again = build_train_pixels(prepared, tmp_path, short_side=12)
    assert len(decodes) == 3 * 28
    np.testing.assert_array_equal(first[5], again[5])


def test_a_cache_does_not_depend_on_where_the_pictures_lie(prepared, tmp_path, decodes, folder_of):
    build_train_pixels(prepared, tmp_path / "c", short_side=12)
    moved = tmp_path / "moved"
    shutil.copytree(tmp_path / "pictures", moved)
    build_train_pixels(prepare(open_source(str(moved))), tmp_path / "c", short_side=12)
    assert len(decodes) == 28


def truncated(path):
    path.write_bytes(path.read_bytes()[:-2])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def emptied(path):
    path.write_bytes(b"")


def garbled(path):
    path.write_bytes(b"\xff{[")


def removed(path):
    path.unlink()


@pytest.mark.parametrize("damage", [truncated, flipped, emptied, garbled, removed])
@pytest.mark.parametrize("suffix", [".pixels", ".json"])
def test_a_torn_cache_is_built_anew(damage, suffix, prepared, tmp_path, decodes):
    whole = build_train_pixels(prepared, tmp_path / "c", short_side=12)
    expected = [whole[index] for index in range(len(whole))]
    (path,) = (tmp_path / "c").glob(f"*{suffix}")
    damage(path)
    again = build_train_pixels(prepared, tmp_path / "c", short_side=12)
    assert len(decodes) == 2 * 28
    for index, picture in enumerate(expected):
        np.testing.assert_array_equal(again[index], picture)


def test_an_index_that_promises_more_than_the_data_holds_is_not_believed(prepared, tmp_path, decodes):
    build_train_pixels(prepared, tmp_path / "c", short_side=12)
    (path,) = (tmp_path / "c").glob("*.json")
    index = json.loads(path.read_text())
    index["shapes"][0] = [1000, 1000]
    path.write_text(json.dumps(index))
    build_train_pixels(prepared, tmp_path / "c", short_side=12)
    assert len(decodes) == 2 * 28


def test_a_build_that_fails_half_way_leaves_no_cache_and_no_litter(prepared, tmp_path, monkeypatch):
    calls = []

    def fail(pixels, short_side):
        calls.append(1)
        if len(calls) == 5:
            raise OSError(28, "No space left on device")
        return reduce_short_side(pixels, short_side)

    with monkeypatch.context() as patched:
        patched.setattr(kept, "reduce_short_side", fail)
        with pytest.raises(OSError, match="No space left"):
            build_train_pixels(prepared, tmp_path / "c", short_side=12)
    assert list((tmp_path / "c").iterdir()) == []
    assert len(build_train_pixels(prepared, tmp_path / "c", short_side=12)) == 28


def test_a_picture_that_changed_since_the_check_is_refused(prepared, tmp_path):
    entry = prepared.entries[ids_of(prepared, "train")[0]]
    entry.location.write_bytes(entry.location.read_bytes() + b"x")
    with pytest.raises(SourceError, match="expected the file as it was when the data was checked; got other bytes"):
        build_train_pixels(prepared, tmp_path / "c", short_side=12)


def test_a_picture_that_vanished_since_the_check_is_refused(prepared, tmp_path):
    prepared.entries[ids_of(prepared, "test")[0]].location.unlink()
    with pytest.raises(SourceError, match="got No such file or directory"):
        build_test_pixels(prepared, "test", tmp_path / "c", scales=(16,), preprocessing=Preprocessing())
