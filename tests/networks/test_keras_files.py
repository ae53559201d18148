"""Keras Applications' files against Keras itself, on its torch backend; skipped where Keras is not installed."""

from __future__ import annotations

import os
import sys
import zipfile

import numpy as np
import pytest
import torch

from deepenough.errors import WeightsError
from deepenough.networks.catalogue import build, skeleton
from deepenough.networks.public import KERAS
from deepenough.networks.weights import check_weights, load_weights

CLASSES = 5

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras")  # Keras's own, with the newest numpy


@pytest.fixture(scope="module")
def keras():
    """Keras on torch."""
    os.environ["KERAS_BACKEND"] = "torch"
    pytest.importorskip("h5py", reason="needs h5py and keras: pip install 'deepenough[keras]'")
    return pytest.importorskip("keras", reason="needs keras: pip install 'deepenough[keras]'")


@pytest.fixture(scope="module")
def theirs(keras):
    """Keras's network of a depth with random weights, biases and statistics, its classes as logits."""

    def make(depth, **options):
        name = f"ResNet{depth}"
        options = {"classes": CLASSES, "classifier_activation": None, "input_shape": (64, 64, 3), **options}
        network = getattr(keras.applications, name)(weights=None, **options)
        rng = np.random.default_rng(depth)
        for weight in network.weights:
            if weight.path.endswith(("bias", "beta", "moving_mean")):
                weight.assign(rng.normal(0, 0.2, weight.shape))
            elif weight.path.endswith("gamma"):
                weight.assign(rng.uniform(0.1, 0.4, weight.shape))
            elif weight.path.endswith("moving_variance"):
                weight.assign(rng.uniform(0.5, 2.0, weight.shape))
        return network

    return make


@pytest.mark.parametrize(("depth", "ending"), [(50, ".keras"), (50, ".h5"), (101, ".h5")])
def test_logits_equal_keras_when_its_file_is_loaded_and_pictures_are_prepared_its_way(
    keras, theirs, tmp_path, depth, ending
):
    network = theirs(depth)
    network.save(tmp_path / f"w{ending}")
    own = build(f"resnet{depth}-v1", CLASSES).eval()
    report = load_weights(own, tmp_path / f"w{ending}")
    assert (report.notes, report.new_head) == ((), False)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3)).astype(np.float32)
    wanted = network(keras.applications.resnet.preprocess_input(pixels.copy()), training=False)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (KERAS.mean, KERAS.std))
    with torch.inference_mode():
        logits = own((torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - mean) / std)
    wanted = torch.as_tensor(wanted.detach().cpu().numpy())
    assert wanted.std() > 0.02
    torch.testing.assert_close(logits, wanted, rtol=1e-4, atol=1e-4)


def test_weights_alone_in_kerass_old_form_load_as_the_published_files_do(keras, theirs, tmp_path):
    from keras.src.legacy.saving import legacy_h5_format

    h5py = pytest.importorskip("h5py")
    network = theirs(50)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    network.save(tmp_path / "w.keras")
    one, other = build("resnet50-v1", CLASSES, seed=1), build("resnet50-v1", CLASSES, seed=2)
    load_weights(one, tmp_path / "w.h5")
    load_weights(other, tmp_path / "w.keras")
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


def test_file_without_a_top_gets_a_new_head_aloud(theirs, tmp_path):
    theirs(50, include_top=False).save(tmp_path / "w.h5")
    report = load_weights(build("resnet50-v1", 3), tmp_path / "w.h5")
    assert report.notes == ("the file has no head; a new one for 3 outputs starts fresh",)


def test_files_for_another_stride_depth_or_network_are_refused_with_what_to_do(keras, theirs, tmp_path):
    theirs(50).save(tmp_path / "w.keras")
    with pytest.raises(WeightsError, match=r"Keras's, whose blocks stride in their first 1x1.*compare resnet50-v1"):
        check_weights(skeleton("resnet50"), tmp_path / "w.keras")
    with pytest.raises(WeightsError, match="this is a ResNet-50: layer3 has 6 blocks, where ResNet-101 v1 has 23"):
        check_weights(skeleton("resnet101-v1"), tmp_path / "w.keras")
    other = keras.applications.ResNet50V2(weights=None, classes=CLASSES, input_shape=(64, 64, 3))
    other.save(tmp_path / "v2.keras")
    with pytest.raises(WeightsError, match=r"unexpected \(.*preact_bn"):
        check_weights(skeleton("resnet50-v1"), tmp_path / "v2.keras")
    other.save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(WeightsError, match=r"does not name its layers"):
        check_weights(skeleton("resnet50-v1"), tmp_path / "w.weights.h5")


def test_torn_files_are_refused_in_one_line(keras, tmp_path):
    (tmp_path / "w.h5").write_bytes(b"\x89HDF torn")
    (tmp_path / "w.keras").write_bytes(b"PK torn")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    for name in ("w.h5", "w.keras", "empty.keras"):
        with pytest.raises(WeightsError, match="torn or foreign") as caught:
            check_weights(skeleton("resnet50-v1"), tmp_path / name)
        assert "\n" not in str(caught.value)


def test_without_h5py_a_line_says_how_to_get_it(monkeypatch, tmp_path):
    (tmp_path / "w.h5").touch()
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(WeightsError, match="got no h5py; run: pip install h5py"):
        check_weights(skeleton("resnet50-v1"), tmp_path / "w.h5")
