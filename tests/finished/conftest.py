"""One finished study of tiny networks, three seeds of each, for all that is asked of a study afterwards."""

from __future__ import annotations

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from deepenough.studies.run import run_study
from deepenough.studies.study import make_study

CLASSES = ("cat", "dog", "owl")


def _write_pictures(root):
    """A colour a class, under noise that hides it from some pictures."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for place in range(24):
            pixels = rng.integers(0, 200, (24, 32, 3), dtype=np.uint8)
            pixels[..., number] += rng.integers(0, 50, dtype=np.uint8)
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "PNG")
            (root / name / f"{place:02d}.png").write_bytes(stream.getvalue())


PLAIN = {
    "seeds": 3,
    "train_scale": 32,
    "scales": [32],
    "epochs": 1,
    "batch": 16,
    "workers": 0,
    "threads": 1,
    "precision": "fp32",
    "margin": 5.0,
    "images": False,
}


@pytest.fixture(scope="session")
def _made(tmp_path_factory, shrink):
    root = tmp_path_factory.mktemp("finished")
    _write_pictures(root / "pictures")
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        run_study(make_study({**PLAIN, "source": str(root / "pictures")}), root / "study")
    return root


@pytest.fixture(scope="session")
def _graded(_made, shrink):
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        request = {**PLAIN, "source": str(_made / "pictures"), "task_options": {"metric": "auroc"}}
        run_study(make_study(request), _made / "graded")
    return _made


@pytest.fixture
def graded(_graded, tmp_path, tiny_networks):
    """The same study judged by AUROC."""
    del tiny_networks
    return shutil.copytree(_graded / "graded", tmp_path / "graded")


@pytest.fixture
def study(_made, tmp_path, tiny_networks):
    """A copy of the finished study's folder, its networks tiny."""
    del tiny_networks
    return shutil.copytree(_made / "study", tmp_path / "study")


@pytest.fixture
def pictures(_made):
    """The study's pictures, in class folders; not to be changed."""
    return _made / "pictures"
