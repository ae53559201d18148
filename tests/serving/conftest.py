"""One finished study of tiny networks for all tests of serving, and one ONNX file of it."""

from __future__ import annotations

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from deepenough.cost import timing
from deepenough.networks import config
from deepenough.studies.run import run_study
from deepenough.studies.study import make_study

TINY = {
    "STEM_CHANNELS": 8,
    "STAGE_WIDTHS": (4, 4, 8, 8),
    "STAGE_BLOCKS": {50: (1, 1, 1, 1), 101: (1, 1, 2, 1)},
}
CLASSES = ("cat", "dog", "owl")


def _write_pictures(root):
    """Pictures that a tiny network can learn to tell apart: a colour a class, under noise."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for place in range(20):
            pixels = rng.integers(0, 120, (24, 32, 3), dtype=np.uint8)
            pixels[..., number] += 100
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "PNG")
            (root / name / f"{place:02d}.png").write_bytes(stream.getvalue())


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    _write_pictures(root / "pictures")
    plain = {
        "source": str(root / "pictures"),
        "contenders": ["resnet50", "resnet101"],
        "seeds": 2,
        "train_scale": 32,
        "scales": [32, 48],
        "epochs": 2,
        "batch": 8,
        "workers": 0,
        "threads": 1,
        "precision": "fp32",
        "margin": 5.0,
        "images": False,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in TINY.items():
            patch.setattr(config, name, value)
        patch.setattr(timing, "_FEWEST", {"single": 2, "batch": 1})
        patch.setattr(timing, "_MOST", 2)
        run_study(make_study(plain), root / "study")
    return root


@pytest.fixture
def study(_made, tmp_path, tiny_networks):
    """A copy of the finished study's folder, its networks tiny."""
    del tiny_networks
    return shutil.copytree(_made / "study", tmp_path / "study")


@pytest.fixture
def pictures(_made):
    """The study's pictures, in class folders; not to be changed."""
    return _made / "pictures"
