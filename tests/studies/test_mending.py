"""A trained network mends pictures of any size."""

import numpy as np
import pytest
from PIL import Image

from deepenough.errors import StudyError
from deepenough.studies import run_study
from deepenough.studies.mending import open_mender
from deepenough.studies.study import make_study


@pytest.mark.slow
def test_network_of_a_study_mends_pictures_of_any_size_as_it_was_tested(tmp_path, tiny_networks):
    rng = np.random.default_rng(0)
    for number in range(12):
        rough = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        (tmp_path / "photos").mkdir(exist_ok=True)
        rough.resize((64, 64), Image.Resampling.BICUBIC).save(tmp_path / "photos" / f"{number}.png")
    values = {"source": str(tmp_path / "photos"), "task": "denoise", "task_options": {"views": 8}, "margin": 0.1}
    values |= {"seeds": 1, "train_scale": 32, "scales": [64], "epochs": 2, "batch": 8, "workers": 0, "threads": 1}
    run_study(make_study({**values, "precision": "fp32"}), tmp_path / "study")
    mend = open_mender(tmp_path / "study", "resnet101", tile=128, margin=32)
    large = rng.integers(0, 256, (150, 171, 3), dtype=np.uint8)
    mended = mend(large)
    assert (mended.shape, mended.dtype) == (large.shape, np.uint8)
    assert not np.array_equal(mended, large)
    assert mend(large[:5, :7]).shape == (5, 7, 3)


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(StudyError, match="finished study"):
        open_mender(tmp_path)
