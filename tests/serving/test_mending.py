"""Pictures mended by a model whose answer is known, from files to files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from deepenough.errors import InputError
from deepenough.serving import About, find, mend

ABOUT = About(
    contender="made_up",
    network="resnet50",
    seed=0,
    scale=64,
    sides=(64,),
    classes=(),
    task={"name": "denoise"},
    preprocessing={"mean": (0.5,) * 3, "std": (0.5,) * 3, "interpolation": "bicubic", "crop": 1.0, "fit": "cut"},
    weights_sha256="",
)


@dataclass
class Lighter:
    """Adds so many grey levels, and remembers the largest picture that it was shown."""

    levels: float = 10.0
    about: About = ABOUT
    title: str = "made up"
    largest: int = 0

    def __call__(self, squares):
        (pixels,) = squares
        assert (pixels.dtype, pixels.shape[1] % 32, pixels.shape[2] % 32) == (np.uint8, 0, 0)
        self.largest = max(self.largest, *pixels.shape[1:3])
        return (np.full((len(pixels), 3, *pixels.shape[1:3]), self.levels / 255, np.float32),)


def written(path):
    with Image.open(path) as opened:
        return np.array(opened)


@pytest.mark.parametrize("size", [(5, 7), (64, 64), (300, 517)])
def test_picture_of_any_size_gets_what_the_model_adds_to_every_pixel(tmp_path, size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    model = Lighter()
    (answer,) = mend(find([str(tmp_path / "a.png")]), model, tmp_path / "out")
    expected = np.minimum(pixels.astype(int) + 10, 255)
    np.testing.assert_array_equal(written(tmp_path / "out" / "a.png"), expected)
    assert (answer.written, answer.asked[:2]) == (tmp_path / "out" / "a.png", size[::-1])
    assert model.largest <= 256


def test_pictures_lie_as_they_lay_and_none_takes_another_s_place(tmp_path, encode, photo):
    root = tmp_path / "in"
    (root / "sub").mkdir(parents=True)
    for name, form in (("a.png", "PNG"), ("a.jpg", "JPEG"), ("sub/a.png", "PNG")):
        (root / name).write_bytes(encode(photo(1), form))
    answers = list(mend(find([str(root), str(root / "a.png")]), Lighter(), tmp_path / "out"))
    assert [answer.error for answer in answers] == [""] * 4
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png"))
    assert found == ["a-2.png", "a-3.png", "a.png", "sub/a.png"]


def test_a_file_that_is_no_picture_gets_its_reason_and_the_others_go_on(tmp_path, encode, photo):
    (tmp_path / "a.txt").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "b.png").write_bytes(encode(photo(1)))
    answers = list(mend(find([str(tmp_path / name) for name in ("a.txt", "b.png")]), Lighter(), tmp_path / "out"))
    assert [answer.error for answer in answers] == ["not_an_image", ""]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.png"]


def test_what_is_not_finite_is_an_error_and_no_picture(tmp_path, encode, photo):
    (tmp_path / "b.png").write_bytes(encode(photo(1)))
    (answer,) = mend(find([str(tmp_path / "b.png")]), Lighter(levels=float("nan")), tmp_path / "out")
    assert (answer.error, answer.written) == ("not_finite", None)


def test_a_folder_with_files_in_it_is_refused_before_anything_is_written(tmp_path, encode, photo):
    (tmp_path / "b.png").write_bytes(encode(photo(1)))
    before = (tmp_path / "b.png").read_bytes()
    with pytest.raises(InputError, match="a folder that is new or empty"):
        mend(find([str(tmp_path)]), Lighter(), tmp_path)
    assert (tmp_path / "b.png").read_bytes() == before
