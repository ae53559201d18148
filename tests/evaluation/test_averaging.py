"""The average of networks against softmax by hand, and against a network averaged with itself."""

import numpy as np
import pytest
import torch
from torch import nn

from deepenough.data import Preprocessing
from deepenough.evaluation import Batches, Shown, evaluate_mean
from deepenough.machine import Machine
from deepenough.tasks.classification import Classification

CLASSES = ("a", "b", "c")


class Pixels:
    """Squares in memory, as `TestPixels` gives them."""

    def __init__(self, squares):
        self._squares = squares
        self.sample_ids = [f"s{place}" for place in range(len(squares))]

    def __len__(self):
        return len(self._squares)

    def at(self, scale):
        assert scale == self._squares.shape[1]
        return self._squares


@pytest.fixture
def setting():
    torch.manual_seed(0)
    squares = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    networks = [nn.Sequential(nn.Flatten(), nn.Linear(3072, 3)).eval() for _ in range(2)]
    with torch.no_grad():
        networks[1][1].weight.mul_(3.0)  # loud logits, which must not outvote
    return Pixels(squares), networks


def mean_of(networks, pixels):
    shown = Shown(sample_ids=pixels.sample_ids, targets=np.arange(len(pixels)) % 3)
    batches = Batches(Machine(channels_last=False), Preprocessing())
    return evaluate_mean(
        networks, pixels, shown, contender="average", seed=4, scale=32, task=Classification(CLASSES), batches=batches
    )


def test_average_is_the_mean_of_probabilities(setting):
    pixels, networks = setting
    norm = Preprocessing()
    pictures = torch.from_numpy(pixels.at(32)).permute(0, 3, 1, 2)
    images = Machine(channels_last=False).images(pictures, norm.mean, norm.std)
    with torch.no_grad():
        truth = sum(network(images).softmax(dim=1) for network in networks) / 2
    found = mean_of(networks, pixels)
    assert found["prediction"].to_list() == [CLASSES[place] for place in truth.argmax(dim=1)]
    assert found["confidence"].to_numpy() == pytest.approx(truth.amax(dim=1).numpy(), abs=1e-6)
    assert set(found["contender"]) == {"average"}
    assert set(found["seed"]) == {4}


def test_average_of_a_network_with_itself_is_the_network(setting):
    pixels, networks = setting
    one, two = mean_of(networks[:1], pixels), mean_of([networks[0], networks[0]], pixels)
    assert one.drop("confidence").equals(two.drop("confidence"))
    assert one["confidence"].to_numpy() == pytest.approx(two["confidence"].to_numpy(), abs=1e-6)
