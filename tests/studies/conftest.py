"""A small source and a study of it that takes seconds."""

from __future__ import annotations

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
