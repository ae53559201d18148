"""Features that are kept: right, computed once, and computed anew for anything else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deepenough.data import Preprocessing, TestPixels
from deepenough.evaluation import Shown, build_features, evaluate_head
from deepenough.machine import Machine
from deepenough.networks import build
from deepenough.tasks.classification import Classification

IDS, SCALES, CLASSES = ["a", "b", "c", "d", "e"], (32, 48), ("cat", "dog", "owl")
NAME = "resnet50+width=0.125+blocks=1-1-1-1"


@pytest.fixture
def pixels(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "test.pixels"
    path.write_bytes(b"".join(rng.integers(0, 256, (len(IDS), s, s, 3), dtype=np.uint8).tobytes() for s in SCALES))
    return TestPixels(path, IDS, SCALES)


@pytest.fixture
def network():
    built = build(NAME, len(CLASSES), seed=3)
    with torch.no_grad():  # statistics of their own
        built.train()(torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1)))
    return built


def made(network, pixels, folder, scale=32, **changed):
    options = {"machine": Machine(), "preprocessing": Preprocessing()} | changed
    return build_features(network, pixels, scale, folder, **options)


def by_hand(network, pixels, scale):
    norm = Preprocessing()
    images = (torch.from_numpy(pixels.at(scale)).double() / 255 - torch.tensor(norm.mean)) / torch.tensor(norm.std)
    with torch.inference_mode():
        return network.double().eval().embed(images.permute(0, 3, 1, 2)).numpy()


@pytest.mark.parametrize("scale", SCALES)
def test_features_are_what_the_head_sees(network, pixels, tmp_path, scale):
    found = made(network, pixels, tmp_path, scale)
    assert (found.dtype, found.shape) == (np.float32, (len(IDS), network.fc.in_features))
    assert isinstance(found, np.memmap)
    np.testing.assert_allclose(found, by_hand(network, pixels, scale), rtol=1e-3, atol=1e-4)


def test_features_are_computed_once(network, pixels, tmp_path):
    first = np.array(made(network, pixels, tmp_path))
    looked = []
    network.fc.reset_parameters()  # the head has no say
    again = made(network, pixels, tmp_path, progress=lambda done, _: looked.append(done))
    assert (looked, np.array_equal(first, again)) == ([], True)


def test_features_are_computed_anew_for_other_weights_pictures_scale_or_arithmetic(network, pixels, tmp_path):
    looked = []

    def count(**changed):
        values = {"network": network, "pixels": pixels, "scale": 32} | changed
        before = len(looked)
        made(**values, folder=tmp_path, progress=lambda done, _: looked.append(done))
        return len(looked) - before

    assert [count(), count()] == [1, 0]
    others = [
        {"scale": 48},
        {"pixels": TestPixels(pixels.path, [*IDS[:-1], "z"], SCALES)},
        {"network": build(NAME, len(CLASSES), seed=4)},
        {"network": build(f"{NAME}+antialias=true", len(CLASSES), seed=3)},
        {"machine": Machine(precision="bf16")},
        {"preprocessing": Preprocessing(crop=0.9)},
    ]
    assert [count(**other) for other in others] == [1] * len(others)
    with torch.no_grad():
        network.bn1.running_mean[0] += 1.0  # a buffer counts as the weights do
    assert count() == 1


@pytest.mark.parametrize("damage", [lambda raw: raw[:-4], lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), lambda raw: b""])
def test_torn_features_are_computed_anew(network, pixels, tmp_path, damage):
    first = np.array(made(network, pixels, tmp_path))
    (file,) = tmp_path.glob("features-*.npy")
    file.write_bytes(damage(file.read_bytes()))
    assert np.array_equal(first, made(network, pixels, tmp_path))


def test_a_stop_leaves_no_file(network, pixels, tmp_path):
    def stop(_done, _total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        made(network, pixels, tmp_path, progress=stop)
    assert list(tmp_path.glob("*features*")) == []


def test_a_heads_scores_are_those_of_the_whole_network(network, pixels, tmp_path):
    labels, task = np.array([0, 1, 2, 0, 1]), Classification(CLASSES)
    vectors = {scale: made(network, pixels, tmp_path, scale) for scale in SCALES}
    shown = Shown(sample_ids=IDS, targets=labels)
    found = evaluate_head(network.fc, vectors, shown, contender="resnet50", seed=0, task=task)
    assert found["scale"].to_list() == [32] * 5 + [48] * 5
    assert found["sample_id"].to_list() == IDS * 2
    weight, bias = (value.detach().double() for value in (network.fc.weight, network.fc.bias))
    for scale in SCALES:
        logits = torch.from_numpy(by_hand(network, pixels, scale)) @ weight.T + bias
        part = found.filter(found["scale"] == scale)
        assert part["prediction"].to_list() == [CLASSES[index] for index in logits.argmax(1).tolist()]
        np.testing.assert_allclose(part["confidence"], logits.softmax(1).amax(1).numpy(), atol=1e-4)
        assert (part["score"] == (part["prediction"] == part["target"])).all()
