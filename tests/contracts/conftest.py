"""A tiny source of each task; a new task adds its own."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from deepenough.studies import run_study
from deepenough.studies.study import make_study
from deepenough.tasks.registry import TASKS

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


def boxes(root, count=48):
    """Pictures with a bright and a dark rectangle in them, and COCO's file of where."""
    (root / "images").mkdir(parents=True)
    images, marked = [], []
    for number in range(count):
        rng = np.random.default_rng(number)
        pixels = rng.integers(90, 160, (24, 32, 3), dtype=np.uint8)
        for label in (1, 2):
            width, height = (int(side) for side in rng.integers(6, 12, 2))
            left, top = int(rng.integers(0, 32 - width)), int(rng.integers(0, 24 - height))
            pixels[top : top + height, left : left + width] = 255 if label == 1 else 0
            box = {"bbox": [left, top, width, height], "area": width * height, "iscrowd": int(number == 3)}
            marked.append({"id": len(marked) + 1, "image_id": number, "category_id": label, **box})
        Image.fromarray(pixels).save(root / "images" / f"{number:03d}.png")
        images.append({"id": number, "file_name": f"{number:03d}.png", "width": 32, "height": 24})
    kinds = [{"id": 1, "name": "bright"}, {"id": 2, "name": "dark"}]
    (root / "annotations.json").write_text(json.dumps({"images": images, "annotations": marked, "categories": kinds}))
    return root


def people(root):
    """Ten of four pictures each, the last three of them tested."""
    names = [f"p{number}" for number in range(10)]
    pictures(root / "all", names, each=4)
    for name, split in zip(names, ["train"] * 4 + ["val"] * 3 + ["test"] * 3, strict=True):
        (root / split).mkdir(exist_ok=True)
        (root / "all" / name).rename(root / split / name)
    (root / "all").rmdir()
    return root


def loose(root):
    """Pictures without classes, some in a folder of their own and some beside it."""
    pictures(root, names=("album",), each=20, side=(48, 40))
    pictures(root / "more", names=("old",), each=20, side=(36, 64))
    for path in (root / "more" / "old").iterdir():
        path.rename(root / f"old{path.name}")
    (root / "more" / "old").rmdir()
    return root


ENHANCEMENT = ("deblur", "denoise", "lowlight", "superresolution")
SOURCES = {"detection": boxes, "classification": classes, "multilabel": labels, "verification": people}
SOURCES |= dict.fromkeys(ENHANCEMENT, loose)


@pytest.fixture(scope="session")
def source_of(tmp_path_factory):
    """The tiny source of a task by name, made once."""
    made = {}

    def get(task):
        if task not in made:
            made[task] = SOURCES[task](tmp_path_factory.mktemp(task) / "source")
        return made[task]

    return get


@pytest.fixture(params=sorted(TASKS), scope="session")
def name(request):
    """Of each task in turn."""
    return request.param


@pytest.fixture(scope="session")
def finished(name, source_of, shrink, tmp_path_factory):
    """The folder of a finished study of a task, of two tiny networks and two seeds, and its verdict."""
    folder = tmp_path_factory.mktemp("studies") / name
    values = {"source": str(source_of(name)), "task": name, "seeds": 2, "train_scale": 32, "scales": [32], "epochs": 1}
    if name in ENHANCEMENT:
        values["task_options"] = {"views": 8}  # crops of a picture; by itself as many as make a thousand
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        request = make_study({**values, "batch": 8, "workers": 0, "threads": 1, "precision": "fp32", "margin": 1.0})
        verdict = run_study(request, folder)
    return folder, verdict
