"""Peaks of known size."""

from __future__ import annotations

import pytest
import torch

from deepenough.cost import memory

CPU = torch.device("cpu")
MIB = 2**20


def allocate_96_mib():
    torch.ones(64 * MIB, dtype=torch.uint8)  # given back at once
    return torch.ones(96 * MIB, dtype=torch.uint8)


@pytest.mark.parametrize("kernel_counts", [True, False], ids=["high-water mark", "sampled"])
def test_peak_of_known_work_is_its_size_every_time(monkeypatch, kernel_counts):
    if not kernel_counts:
        monkeypatch.setattr(memory, "_reset_high_water", lambda: False)
    for _ in range(2):  # memory given back by the first time would be free for the second
        peak = memory.peak_during(lambda: torch.stack([allocate_96_mib() for _ in range(2)]), CPU)
        assert 380 * MIB < peak < 420 * MIB


def test_peak_of_no_work_is_next_to_nothing():
    assert 0 <= memory.peak_during(lambda: None, CPU) < 2 * MIB
