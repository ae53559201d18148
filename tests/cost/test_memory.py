"""Peaks of known size, each in a process of its own: holes that other tests leave in the heap would stay resident."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from deepenough.cost import memory

CPU = torch.device("cpu")
MIB = 2**20
PEAKS = """
import sys
import torch
from deepenough.cost import memory

MIB = 2**20
if sys.argv[1] == "sampled":
    memory._reset_high_water = lambda: False

def allocate_96_mib():
    torch.ones(64 * MIB, dtype=torch.uint8)  # given back at once
    return torch.ones(96 * MIB, dtype=torch.uint8)

for _ in range(2):  # memory given back by the first time would be free for the second
    print(memory.peak_during(lambda: torch.stack([allocate_96_mib() for _ in range(2)]), torch.device("cpu")))
"""


@pytest.mark.parametrize("way", ["high-water mark", "sampled"])
def test_peak_of_known_work_is_its_size_every_time(way):
    done = subprocess.run([sys.executable, "-c", PEAKS, way], capture_output=True, text=True, check=True)
    peaks = [int(line) for line in done.stdout.split()]
    assert len(peaks) == 2
    assert all(380 * MIB < peak < 420 * MIB for peak in peaks), peaks


def test_peak_of_no_work_is_next_to_nothing():
    assert 0 <= memory.peak_during(lambda: None, CPU) < 2 * MIB
