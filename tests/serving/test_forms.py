"""The graph in every form against torch, without a study: full networks, relatives, several sides, any batch."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import torch

from deepenough.errors import WeightsError
from deepenough.machine import Machine
from deepenough.networks import build
from deepenough.serving import About, open_model
from deepenough.serving.about import about_from_json
from deepenough.serving.graph import Served
from deepenough.serving.onnx_form import save_onnx, to_onnx
from deepenough.serving.openvino_model import save_openvino
from deepenough.serving.torch_form import TorchModel
from deepenough.tasks import Classification

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def about_of(network="resnet50", sides=(32,)):
    preparation = {"mean": list(MEAN), "std": list(STD), "interpolation": "bicubic", "crop": 0.875}
    classes = tuple(f"class {number}" for number in range(7))
    return About(
        contender=network,
        network=network,
        seed=0,
        scale=sides[0],
        sides=sides,
        classes=classes,
        preprocessing=preparation,
        weights_sha256="",
    )


def served_of(about):
    """The network with running statistics of its own, so that folding them matters."""
    network = build(about.network, len(about.classes), seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0.0, 0.1, generator=generator)
                module.running_var.uniform_(0.5, 1.5, generator=generator)
                module.weight.uniform_(0.5, 1.0, generator=generator)
        network.fc.weight.mul_(20)
    return Served(network, Classification(about.classes), MEAN, STD)


def squares_of(about, batch):
    rng = np.random.default_rng(batch)
    return [rng.integers(0, 256, (batch, side, side, 3), dtype=np.uint8) for side in about.sides]


def test_graph_is_the_studys_own_arithmetic(tiny_networks):
    """The scaling is `Machine.images`', bit for bit, and the answers are the softmax of the network's logits."""
    about = about_of()
    served, (squares,) = served_of(about), squares_of(about, 5)
    images = Machine().images(torch.from_numpy(squares).permute(0, 3, 1, 2), MEAN, STD)
    with torch.inference_mode():
        expected = served.network(images).softmax(1)
        probability, label = served(torch.from_numpy(squares))
    torch.testing.assert_close(probability, expected, rtol=0, atol=1e-6)
    assert label.tolist() == expected.argmax(1).tolist()


def test_about_comes_back_from_its_json_and_refuses_what_is_none():
    about = about_of(sides=(32, 48))
    assert about_from_json(about.to_json(), "a.onnx") == about
    plain = json.loads(about.to_json())
    for wrong in (
        "",
        "[]",
        "{",
        json.dumps({**plain, "classes": ["one"]}),
        json.dumps({**plain, "sides": [10**9]}),
        json.dumps({**plain, "sides": [4096] * 3000}),
        json.dumps({**plain, "contender": ["one"]}),
        json.dumps({**plain, "verdict": []}),
        json.dumps({**plain, "preprocessing": {"mean": 1}}),
        json.dumps({**plain, "preprocessing": {**plain["preprocessing"], "crop": 1e-9}}),  # would fill the memory
        json.dumps({key: value for key, value in plain.items() if key != "network"}),
    ):
        with pytest.raises(WeightsError, match="a model that `deepenough export` wrote"):
            about_from_json(wrong, "a.onnx")
    with pytest.raises(WeightsError, match="install a newer deepenough"):
        about_from_json(json.dumps({**plain, "format": 99}), "a.onnx")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "sides", "whole"),
    [
        ("resnet50", (64,), True),
        ("resnet101-fpn", (32,), False),
        ("res2net50", (48,), False),
        ("blresnet50", (64,), False),
        ("resnetblur50", (33,), False),
        ("resnet50", (32, 48), False),
    ],
)
def test_onnx_and_openvino_answer_as_torch_at_any_batch(network, sides, whole, tmp_path, request):
    if not whole:
        request.getfixturevalue("tiny_networks")
    about = about_of(network, sides)
    reference = TorchModel(about, served_of(about), threads=1)
    save_onnx(to_onnx(served_of(about), about), about, tmp_path / "a.onnx")
    save_openvino(tmp_path / "a.onnx", about, tmp_path / "a.xml")
    onnx.checker.check_model(str(tmp_path / "a.onnx"))
    models = [open_model(tmp_path / name, threads=1) for name in ("a.onnx", "a.xml")]
    for batch in (1, 7):
        squares = squares_of(about, batch)
        probability, label = reference(squares)
        for model in models:
            found, chosen = model(squares)
            assert model.about == about
            np.testing.assert_allclose(found, probability, atol=2e-5)
            np.testing.assert_array_equal(chosen, label)
            assert (found.dtype, chosen.dtype) == (np.float32, np.int64)
