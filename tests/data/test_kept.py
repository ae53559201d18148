"""How training pictures are kept, and the folder of them that programs share."""

from __future__ import annotations

import os
import subprocess
import sys
from io import BytesIO

import numpy as np
import polars as pl
import pytest
from PIL import Image

from deepenough.data import (
    PixelFolder,
    Preprocessing,
    build_test_pixels,
    build_train_pixels,
    decode_rgb,
    kept,
    open_source,
    prepare,
)
from deepenough.data.decode import decode_picture, quiet
from deepenough.data.kept import bytes_on_disk
from deepenough.data.preprocess import reduce_short_side
from deepenough.errors import SourceError


@pytest.fixture
def prepared(folder_of):
    return prepare(open_source(str(folder_of({"cat": 6, "dog": 6}))))


@pytest.fixture
def shared(tmp_path):
    folders = []

    def make(limit_bytes=None) -> PixelFolder:
        folders.append(PixelFolder(tmp_path / "shared", limit_bytes))
        return folders[-1]

    yield make
    for folder in folders:
        folder.close()


def originals(prepared) -> list[np.ndarray]:
    ids = prepared.samples.filter(pl.col("split") == "train")["sample_id"]
    return [decode_rgb(prepared.entries[sample_id].read()) for sample_id in ids]


def test_exact_pixels_are_the_decoded_pictures(prepared, tmp_path):
    pixels = build_train_pixels(prepared, tmp_path / "c", short_side=8, keeping="exact")
    for index, picture in enumerate(originals(prepared)):
        np.testing.assert_array_equal(pixels[index], picture)


def test_pictures_that_are_not_kept_have_the_bits_of_reduced_ones_and_leave_nothing(prepared, tmp_path):
    pixels = build_train_pixels(prepared, tmp_path / "c", short_side=8, keeping="off")
    assert not (tmp_path / "c").exists()
    assert len(pixels) == len(originals(prepared))
    for index, picture in enumerate(originals(prepared)):
        np.testing.assert_array_equal(pixels[index], reduce_short_side(picture, 8))


def test_jpeg_pixels_are_those_of_pillow_at_the_declared_quality_and_again_when_opened(prepared, tmp_path):
    first, again = (build_train_pixels(prepared, tmp_path / "c", short_side=12, keeping="jpeg") for _ in range(2))
    for index, picture in enumerate(originals(prepared)):
        stream = BytesIO()
        Image.fromarray(reduce_short_side(picture, 12)).save(stream, "JPEG", quality=95, subsampling=0)
        np.testing.assert_array_equal(first[index], np.asarray(Image.open(stream)))
        np.testing.assert_array_equal(again[index], first[index])
    assert first[0].flags.writeable


def test_every_way_of_keeping_is_a_file_of_its_own(prepared, tmp_path):
    for keeping in ("reduced", "exact", "jpeg", "draft"):
        build_train_pixels(prepared, tmp_path / "c", short_side=12, keeping=keeping)
    assert len(list((tmp_path / "c").glob("*.pixels"))) == 4


@pytest.mark.parametrize(("at_least", "size"), [(40, (64, 48)), (24, (32, 24)), (25, (64, 48)), (7, (8, 6))])
def test_a_draft_is_the_smallest_part_that_still_has_the_pixels(at_least, size, photo):
    stream = BytesIO()
    Image.fromarray(photo(3, 48, 64)).save(stream, "JPEG")
    with quiet():
        found = decode_picture(stream.getvalue(), at_least=min(at_least, 6) if size == (8, 6) else at_least)
    assert found.image.size == size


def test_a_draft_leaves_other_formats_as_they_are(photo, encode):
    with quiet():
        assert decode_picture(encode(photo(3, 48, 64)), at_least=6).image.size == (64, 48)


def test_a_shared_folder_is_made_once_for_all_who_use_it(prepared, shared, monkeypatch):
    build_train_pixels(prepared, shared(), short_side=12)
    monkeypatch.setattr(kept, "write_indexed", None)  # which would fail if it were called
    assert len(build_train_pixels(prepared, shared(), short_side=12)) == len(originals(prepared))


def test_the_oldest_files_that_nobody_uses_are_dropped_beyond_the_bound(prepared, shared):
    size = None
    for age, short_side in enumerate((10, 11, 12)):
        folder = shared()
        path = build_train_pixels(prepared, folder, short_side=short_side).path
        size = size or path.stat().st_size
        os.utime(path, (1000 + age, 1000 + age))
        folder.close()
    user = shared()
    oldest = build_train_pixels(prepared, user, short_side=10)
    os.utime(oldest.path, (1, 1))  # the oldest of all, and in use
    build_train_pixels(prepared, shared(3 * size), short_side=9)
    left = list(oldest.path.parent.glob("*.pixels"))
    assert oldest.path in left
    assert len(left) == 2  # that one and the new one
    assert sorted(p.stem for p in oldest.path.parent.glob("*.json")) == sorted(p.stem for p in left)


ELSEWHERE = """
import sys
from pathlib import Path
from deepenough.data import PixelFolder, build_train_pixels, cache, open_source, prepare
decode, counted = cache.decode_picture, []
cache.decode_picture = lambda encoded: counted.append(1) or decode(encoded)
root = Path(sys.argv[1])
folder = PixelFolder(root / "shared")
build_train_pixels(prepare(open_source(str(root / "pictures"))), folder, short_side=12)
folder.close()
print(len(counted))
"""


@pytest.mark.slow
def test_programs_at_once_decode_every_picture_once(prepared, tmp_path):
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path)]
    programs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [program.communicate(timeout=120)[0] for program in programs]
    assert sorted(map(int, said)) == [0, 0, len(originals(prepared))]


def test_a_torn_file_that_another_uses_is_refused_in_one_line(prepared, shared, monkeypatch):
    path = build_train_pixels(prepared, shared(), short_side=12).path
    path.write_bytes(b"torn")
    monkeypatch.setattr("deepenough.data.shared._PATIENCE_S", 0.2)
    with pytest.raises(SourceError, match="a torn file that another program uses"):
        build_train_pixels(prepared, shared(), short_side=12)


def test_a_torn_file_that_nobody_uses_is_made_anew(prepared, shared):
    folder = shared()
    whole = build_train_pixels(prepared, folder, short_side=12)
    expected = whole[0].copy()
    folder.close()
    whole.path.write_bytes(b"torn")
    np.testing.assert_array_equal(build_train_pixels(prepared, shared(), short_side=12)[0], expected)


@pytest.mark.parametrize("keeping", ["reduced", "exact", "off"])
@pytest.mark.parametrize("short_side", [9, 500])
def test_the_forecast_is_what_the_files_take(keeping, short_side, prepared, tmp_path):
    build_train_pixels(prepared, tmp_path / "c", short_side=short_side, keeping=keeping)
    build_test_pixels(prepared, "val", tmp_path / "c", scales=(8, 16), preprocessing=Preprocessing())
    build_test_pixels(prepared, "test", tmp_path / "c", scales=(8, 16), preprocessing=Preprocessing())
    taken = sum(path.stat().st_size for path in (tmp_path / "c").glob("*.pixels"))
    foretold = bytes_on_disk(prepared.samples, [8, 16], [], short_side=short_side, keeping=keeping)
    assert foretold == pytest.approx(taken, rel=0.05)  # sides are rounded to whole pixels
