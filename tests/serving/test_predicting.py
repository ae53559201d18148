from __future__ import annotations

import io
import os
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest

from deepenough.data import Preprocessing, resize_and_crop
from deepenough.errors import InputError
from deepenough.serving import About, find, predict

ABOUT = About(
    contender="made_up",
    network="resnet50",
    seed=0,
    scale=32,
    sides=(32,),
    classes=("dark", "light"),
    preprocessing={"mean": (0.5,) * 3, "std": (0.5,) * 3, "interpolation": "bicubic", "crop": 1.0},
    weights_sha256="",
)


@dataclass
class Brightness:
    """A model whose answer is known: how light the square is on the whole."""

    about: About = ABOUT
    title: str = "made up"
    largest: int = 0

    def __call__(self, squares):
        assert squares[0].dtype == np.uint8
        self.largest = max(self.largest, len(squares[0]))
        light = squares[0].mean(axis=(1, 2, 3)).astype(np.float32) / 255
        probability = np.stack([1 - light, light], axis=1)
        return probability, probability.argmax(1)


def write(path, encoded):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded)
    return path


@pytest.fixture
def mixed(tmp_path, encode, photo):
    """A folder with two pictures, a torn one, an empty one, a text and a hidden file."""
    root = tmp_path / "mixed"
    write(root / "a" / "black.png", encode(np.zeros((20, 30, 3), np.uint8)))
    write(root / "b.png", encode(np.full((30, 20, 3), 255, np.uint8)))
    write(root / "c.jpg", encode(photo(1, 200, 200), "JPEG")[:900])
    write(root / "d.png", b"")
    write(root / "e.txt", b"no picture")
    write(root / ".hidden.png", encode(photo(2)))
    return root


def names(found):
    return [os.path.basename(each.path) for each in found]  # noqa: PTH119


def test_every_file_gets_an_answer_or_its_reason_in_order(mixed):
    answers = list(predict(find([str(mixed)]), Brightness()))
    assert [(os.path.basename(a.path), int(a.said[1]) if a.said else -1, a.error) for a in answers] == [  # noqa: PTH119
        ("b.png", 1, ""),
        ("c.jpg", -1, "truncated"),
        ("d.png", -1, "empty"),
        ("e.txt", -1, "not_an_image"),
        ("black.png", 0, ""),
    ]
    assert answers[0].said[0].max() == 1.0


@pytest.mark.parametrize("workers", [0, 3])
def test_answers_are_those_of_the_studys_own_squares(tmp_path, photo, encode, workers):
    images = [photo(seed, 40 + seed, 90) for seed in range(7)]
    paths = [write(tmp_path / f"{i}.png", encode(image)) for i, image in enumerate(images)]
    answers = list(predict(find(map(str, paths)), Brightness(), workers=workers, batch=3))
    squares = np.stack([resize_and_crop(image, 32, Preprocessing()) for image in images])
    expected = squares.mean(axis=(1, 2, 3)) / 255
    assert [a.said[0][1] for a in answers] == pytest.approx(expected, abs=1e-6)


def test_memory_does_not_grow_with_the_number_of_files(tmp_path, encode):
    path = write(tmp_path / "one.png", encode(np.full((200, 300, 3), 9, np.uint8)))

    def peak(number):
        tracemalloc.start()
        model = Brightness()
        assert sum(1 for _ in predict(find([str(path)] * number), model, batch=4)) == number
        assert model.largest == 4
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few = peak(8)
    assert peak(160) < few + 200_000


def test_an_answer_that_is_not_finite_is_an_error_and_no_label(tmp_path, encode, photo):
    class Broken(Brightness):
        def __call__(self, squares):
            return np.full((len(squares[0]), 2), np.nan, np.float32), np.zeros(len(squares[0]), np.int64)

    path = write(tmp_path / "a.png", encode(photo(1)))
    (answer,) = predict(find([str(path)]), Broken())
    assert (answer.error, answer.said) == ("not_finite", ())


def test_names_come_from_standard_input_and_need_not_be_there(mixed):
    lines = io.BytesIO(f"{mixed / 'b.png'}\n{mixed / 'nowhere.png'}\n\n".encode())
    answers = list(predict(find(["-"], lines), Brightness()))
    assert [a.error for a in answers] == ["", "missing"]


def test_patterns_match_at_any_depth_and_give_files_alone(mixed):
    assert names(find([str(mixed / "**" / "*.png")])) == ["black.png", "b.png", "d.png"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path, encode, photo):
    path = write(tmp_path / "a[1].png", encode(photo(1)))
    assert names(find([str(path)])) == ["a[1].png"]


def test_a_pattern_that_matches_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="a pattern that matches files; got none"):
        list(find([str(tmp_path / "*.png")]))


def test_links_to_folders_are_followed_once(tmp_path, encode, photo):
    write(tmp_path / "root" / "a.png", encode(photo(1)))
    (tmp_path / "root" / "again").symlink_to(tmp_path / "root")
    assert names(find([str(tmp_path / "root")])) == ["a.png"]
