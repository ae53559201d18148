"""The choice of arithmetic: by what was measured, threads by what was asked."""

from __future__ import annotations

import pytest
import torch

from deepenough import machine
from deepenough.machine import Machine, available_cores, choose_machine


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("fp32", "bf16", "chosen"), [(1.2, 1.0, "bf16"), (1.19, 1.0, "fp32"), (1.0, 3.0, "fp32")])
def test_bf16_is_taken_only_where_it_is_clearly_faster(fp32, bf16, chosen, monkeypatch):
    threads = []

    def seconds(candidate):
        threads.append(torch.get_num_threads())
        return fp32 if candidate.precision == "fp32" else bf16

    monkeypatch.setattr(machine, "_step_seconds", seconds)
    found = choose_machine("auto", threads=2)
    assert (found.precision, found.threads, torch.get_num_threads()) == (chosen, 2, 2)
    assert threads == [1, 1]  # threads that wait for each other would time the neighbours


def test_a_given_precision_is_not_measured(monkeypatch):
    monkeypatch.setattr(machine, "_step_seconds", lambda candidate: pytest.fail("measured"))
    assert choose_machine("bf16", threads=1).precision == "bf16"


def test_threads_are_those_asked_for_or_of_the_environment_or_all_cores(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert choose_machine("fp32").threads == 1
    assert choose_machine("fp32", threads=2).threads == 2
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert choose_machine("fp32").threads == available_cores()


def test_autocast_computes_in_the_declared_precision():
    layer, images = torch.nn.Conv2d(3, 4, 1), torch.rand(1, 3, 4, 4)
    for precision, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        with Machine(precision=precision).autocast():
            assert layer(images).dtype is kind
