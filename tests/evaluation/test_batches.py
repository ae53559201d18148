"""Batches at test, and what is done where memory does not hold one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from deepenough.data import Preprocessing
from deepenough.evaluation.batches import CHUNK, Batches, batch_at
from deepenough.machine import Machine

SQUARES = np.random.default_rng(0).integers(0, 256, (37, 32, 32, 3), dtype=np.uint8)


class Short(nn.Module):
    """A network that memory holds only so many images of."""

    def __init__(self, holds, error):
        super().__init__()
        self.layer, self.holds, self.error = nn.Linear(3, 2), holds, error
        self.tried = []

    def forward(self, images):
        self.tried.append(len(images))
        if len(images) > self.holds:
            raise self.error
        return self.layer(images.mean((2, 3)))


def shown(network, batches, squares=SQUARES):
    found = list(batches.outputs({"a": network, "b": network}, squares))
    assert [first for first, _ in found] == list(np.cumsum([0, *(len(each["a"]) for _, each in found)])[:-1])
    return torch.cat([each["a"] for _, each in found]), torch.cat([each["b"] for _, each in found])


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate")],
    ids=["python", "device", "cpu"],
)
def test_a_batch_is_halved_until_memory_holds_it_and_the_outputs_are_the_same(error):
    if isinstance(error, RuntimeError) and "allocate" in str(error):
        error = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
    network, said = Short(10**6, error), []
    batches = Batches(Machine(), Preprocessing(), said.append)
    whole = shown(network, batches)
    assert said == []
    assert network.tried == [37, 37]
    network.holds, network.tried = 10, []
    halved = shown(network, batches)
    for one, other in zip(whole, halved, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert network.tried == [37, 19, *[10] * 6, 7, 7]
    assert said == [f"out of memory: at 32 px networks are tested in batches of {n} from here on" for n in (19, 10)]


def test_halved_batches_stay_halved_at_that_scale_alone():
    network, said = Short(10, MemoryError()), []
    batches = Batches(Machine(), Preprocessing(), said.append)
    shown(network, batches)
    count = len(said)
    shown(network, batches)
    assert len(said) == count
    assert set(batches.most) == {32}


def test_one_image_that_memory_does_not_hold_is_an_error_and_another_error_is_not_taken_for_one():
    with pytest.raises(MemoryError):
        shown(Short(0, MemoryError()), Batches(Machine(), Preprocessing()))
    other = Short(1, RuntimeError("shape mismatch"))
    with pytest.raises(RuntimeError, match="shape mismatch"):
        shown(other, Batches(Machine(), Preprocessing()))
    assert other.tried == [37]


@pytest.mark.parametrize("scale", [32, 48, 64, 80, 96, 100, 224, 448, 2048])
def test_a_chunk_falls_into_whole_batches(scale):
    assert CHUNK % batch_at(scale) == 0
