"""Predictions that the arithmetic changes: counted right, and none where exact ones are asked for."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from deepenough.data import Preprocessing, TestPixels
from deepenough.evaluation import Batches, Outcomes, Shown, count_flips, examine
from deepenough.machine import Machine
from deepenough.tasks.classification import Classification

SAMPLES, SCALES, CLASSES = 40, (32, 40), ("cat", "dog")
TASK, BF16 = Classification(CLASSES), Machine(precision="bf16")


class Close(nn.Module):
    """Two logits that differ by less than bf16 can tell for many pictures."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            self.fc.weight.copy_(torch.tensor([[1.0, 1.0, 1.0], [1.001, 0.999, 1.0005]]))

    def forward(self, images):
        return self.fc(images.mean((2, 3)))


@pytest.fixture
def pixels(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "test.pixels"
    path.write_bytes(b"".join(rng.integers(0, 256, (SAMPLES, s, s, 3), dtype=np.uint8).tobytes() for s in SCALES))
    return TestPixels(path, [str(number) for number in range(SAMPLES)], SCALES)


def predictions(network, pixels, machine, **options):
    shown = Shown(sample_ids=pixels.sample_ids, targets=np.zeros(SAMPLES, np.int64))
    with io.BytesIO() as stream:
        outcomes = Outcomes(stream, shown, ["close"], SCALES, TASK)
        examine({"close": network}, pixels, outcomes, batches=Batches(machine, Preprocessing()), **options)
        return pl.concat(outcomes.tables("close", seed=0))


def test_flips_are_those_of_the_pictures_that_were_compared(pixels):
    network = Close()
    found = count_flips({"close": network}, pixels, SCALES, task=TASK, batches=Batches(BF16, Preprocessing()))
    fast, plain = (predictions(network, pixels, Machine(precision=kind)) for kind in ("bf16", "fp32"))
    compared = np.arange(32) * SAMPLES // 32
    for place, scale in enumerate(SCALES):
        rows = place * SAMPLES + compared
        expected = int((fast["prediction"].to_numpy()[rows] != plain["prediction"].to_numpy()[rows]).sum())
        assert found["close"].flips[scale] == expected
    assert found["close"].compared == 32
    assert sum(found["close"].flips.values()) > 0


def test_exact_outcomes_are_those_of_the_network_as_it_is_in_fp32_whatever_the_machine(pixels):
    network, norm = Close(), Preprocessing()
    exact = predictions(network, pixels, BF16, exact=True)
    for scale in SCALES:
        images = Machine().images(torch.from_numpy(np.array(pixels.at(scale))).permute(0, 3, 1, 2), norm.mean, norm.std)
        with torch.no_grad():
            chances = network(images).softmax(1)
        rows = exact.filter(pl.col("scale") == scale)
        assert rows["prediction"].to_list() == [CLASSES[index] for index in chances.argmax(1)]
        np.testing.assert_array_equal(rows["confidence"].to_numpy(), chances.amax(1).double().numpy())
