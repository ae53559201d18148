"""A small source and a study of it that takes seconds."""

from __future__ import annotations

import shutil

import pytest

from deepenough.studies.study import make_study


class Told:
    """A listener that keeps what it was told; at a step it may raise, which is a kill as far as the folder knows."""

    def __init__(self, stop_at=None, error=KeyboardInterrupt):
        self.notes, self.stages, self.steps, self.plans, self.cells = [], [], [], [], []
        self.stop_at, self.error = stop_at, error

    def note(self, text):
        self.notes.append(text)

    def plan(self, plan):
        self.plans.append(plan)

    def stage(self, name, total=None, done=0):
        self.stages.append((name, total, done))

    def advance(self, amount):
        pass

    def trained(self, cell, *, step, steps, loss, accuracy, images_per_s):
        self.steps.append((cell, step))
        if len(self.steps) == self.stop_at:
            raise self.error

    def finished(self, cell, folder):
        self.cells.append(cell)

    def close(self):
        pass


@pytest.fixture
def told():
    return Told


@pytest.fixture
def photos(folder_of):
    return folder_of({"cat": 24, "dog": 24, "owl": 24})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of all tests of a file."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture
def photos_put_back(place, photo, encode):
    """The pictures in one place for all tests of a file, as they were after each."""
    pictures, kept_back = place / "pictures", place / "kept back"
    if not pictures.exists():
        for number in range(72):
            path = pictures / ("cat", "dog", "owl")[number // 24] / f"{number % 24:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(photo(number)))
        shutil.copytree(pictures, kept_back)
    yield pictures
    shutil.rmtree(pictures, ignore_errors=True)
    shutil.copytree(kept_back, pictures)


@pytest.fixture
def request_of(photos, tiny_networks):
    def make(**values):
        plain = {
            "source": str(photos),
            "seeds": 2,
            "train_scale": 32,
            "scales": [32, 48],
            "epochs": 2,
            "batch": 8,
            "workers": 0,
            "threads": 1,
            "precision": "fp32",
            "margin": 5.0,
        }
        return make_study({**plain, **values})

    return make
