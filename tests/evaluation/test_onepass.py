"""One pass over the pictures, against plain torch on pictures cut by torchvision."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from deepenough.data import Preprocessing, build_test_pixels, open_source, prepare
from deepenough.evaluation import batches, evaluate
from deepenough.machine import Machine
from deepenough.networks import build
from deepenough.records import SCORES
from deepenough.tasks.classification import Classification

SCALES = (32, 48)
NAMES = ("resnet50", "resnet101")


@pytest.fixture
def networks(tiny_networks):
    made = {name: build(name, 3, seed=7) for name in NAMES}
    for network in made.values():
        network.train()
        with torch.no_grad():  # running statistics that are not those of a fresh network
            for _ in range(3):
                network(torch.randn(16, 3, 64, 64, generator=torch.Generator().manual_seed(1)))
    return made


@pytest.fixture
def prepared(folder_of):
    return prepare(open_source(str(folder_of({"cat": 21, "dog": 22, "owl": 23}))))


@pytest.fixture
def scored(networks, prepared, tmp_path):
    def run(names=NAMES, seed=5, scales=SCALES, averages=None):
        cut = sorted({*SCALES, *(side for _, sides in (averages or {}).values() for side in sides)})
        pixels = build_test_pixels(prepared, "test", tmp_path / "c", scales=cut, preprocessing=Preprocessing())
        targets = dict(prepared.samples.select("sample_id", "target").iter_rows())
        labels = np.array([prepared.classes.index(targets[sample]) for sample in pixels.sample_ids])
        return evaluate(
            {name: networks[name] for name in names},
            pixels,
            labels,
            seed=seed,
            scales=scales,
            task=Classification(prepared.classes),
            machine=Machine(),
            preprocessing=Preprocessing(),
            averages=averages or {},
        )

    return run


def chances(network, location, scale):
    """Probabilities of one picture by plain torch, the picture cut by torchvision."""
    norm = Preprocessing()
    with Image.open(location) as opened:
        cut = v2.Compose(
            [
                v2.Resize(scale, v2.InterpolationMode.BICUBIC if norm.interpolation == "bicubic" else 2),
                v2.CenterCrop(scale),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(norm.mean, norm.std),
            ]
        )(opened.convert("RGB"))
    with torch.inference_mode():
        return network.eval()(cut[None]).softmax(1)[0]


def test_scores_are_those_of_plain_torch_on_pictures_cut_by_torchvision(scored, networks, prepared):
    found = scored()
    assert dict(found.schema) == SCORES
    assert len(found) == len(NAMES) * len(SCALES) * 9
    for name, scale, sample, target, prediction, score, confidence in found.select(
        "contender", "scale", "sample_id", "target", "prediction", "score", "confidence"
    ).iter_rows():
        entry = prepared.entries[sample]
        chance = chances(networks[name], entry.location, scale)
        assert prediction == prepared.classes[int(chance.argmax())]
        assert confidence == pytest.approx(float(chance.max()), abs=1e-4)
        assert target == entry.target
        assert score == float(prediction == target)


def test_scores_do_not_depend_on_the_batch_nor_on_who_else_is_tested(scored, monkeypatch):
    whole = scored()
    monkeypatch.setattr(batches, "batch_at", lambda scale: 4)
    again = scored(names=("resnet101",))
    columns = ["scale", "sample_id", "prediction", "score"]
    alone = whole.filter(pl.col("contender") == "resnet101")
    assert again.select(columns).equals(alone.select(columns))
    np.testing.assert_allclose(again["confidence"], alone["confidence"], atol=1e-5)


def test_an_average_is_the_mean_of_the_probabilities_at_its_sides_whatever_the_scale(scored, networks, prepared):
    averages = {"few": ("resnet50", (32, 48)), "odd": ("resnet50", (40, 48, 64))}
    found = scored(names=("resnet50",), averages=averages).filter(pl.col("contender") != "resnet50")
    assert found.group_by("contender", "scale").len()["len"].to_list() == [9] * 4
    for name, sample, prediction, confidence in found.select(
        "contender", "sample_id", "prediction", "confidence"
    ).iter_rows():
        network, sides = averages[name]
        location = prepared.entries[sample].location
        mean = torch.stack([chances(networks[network], location, side) for side in sides]).mean(0)
        assert prediction == prepared.classes[int(mean.argmax())]
        assert confidence == pytest.approx(float(mean.max()), abs=1e-4)


def test_every_cell_has_its_samples_in_one_order(scored):
    found = scored()
    orders = [part["sample_id"].to_list() for _, part in found.group_by("contender", "scale", maintain_order=True)]
    assert all(order == orders[0] for order in orders)
    assert found["seed"].unique().to_list() == [5]


def test_networks_are_tested_in_evaluation_mode_and_not_changed(scored, networks):
    before = {name: {k: v.clone() for k, v in network.state_dict().items()} for name, network in networks.items()}
    scored()
    for name, network in networks.items():
        assert not network.training
        assert all(torch.equal(value, before[name][key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("scale", [32, 64, 224, 448, 2048])
def test_an_evaluation_batch_takes_the_same_memory_at_every_scale(scale):
    assert 1 <= batches.batch_at(scale) <= 512
    assert batches.batch_at(scale) * scale**2 <= max(64 * 224**2, scale**2)
