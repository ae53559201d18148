"""A tiny source of each task; a new task adds its own."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

CLASSES, EACH = ("cat", "dog", "owl"), 16


def pictures(root, names=CLASSES, each=EACH, side=(24, 32)):
    """Smooth pictures that differ, `each` in a folder of every name."""
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for index in range(each):
            rng = np.random.default_rng((number, index))
            small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
            small.resize((side[1], side[0]), Image.Resampling.BICUBIC).save(root / name / f"{index:03d}.png")
    return root


def classes(root):
    return pictures(root)


def labels(root):
    pictures(root)
    rows = ["path,target"]
    for number, name in enumerate(CLASSES):
        for index in range(EACH):
            there = {"edge": (index + number) % 2, "blob": index % 4 < 2, "line": name == "owl" and index % 3 == 0}
            rows.append(f"{name}/{index:03d}.png,{'|'.join(label for label, has in there.items() if has)}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root / "labels.csv"


SOURCES = {"classification": classes, "multilabel": labels}


@pytest.fixture(scope="session")
def source_of(tmp_path_factory):
    """The tiny source of a task by name, made once."""
    made = {}

    def get(task):
        if task not in made:
            made[task] = SOURCES[task](tmp_path_factory.mktemp(task) / "source")
        return made[task]

    return get
