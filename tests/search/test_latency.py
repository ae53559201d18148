"""The table of blocks: what is measured once, and how a network's latency comes of it."""

from __future__ import annotations

import pytest
import torch

from deepenough.machine import Machine
from deepenough.networks import build
from deepenough.networks.catalogue import skeleton
from deepenough.search import latency
from deepenough.search.latency import LatencyTable


@pytest.fixture
def timed(monkeypatch):
    """A clock by which every block takes 1 second again and again, and 2 with caches flushed."""
    calls = []

    def seconds(call, entering, *, cold, precision, threads, budget_s):
        calls.append((call(), entering))
        return 1.5 * network_blocks[0] if budget_s == latency.WHOLE_S else 2.0 if cold else 1.0

    network_blocks = [18]
    monkeypatch.setattr(latency, "piece_seconds", seconds)
    monkeypatch.setattr(latency, "REFERENCES", ("resnet50+width=0.125",))
    return calls


def test_a_network_that_was_never_run_takes_the_sum_of_its_blocks(timed, tmp_path):
    table = LatencyTable(Machine(), tmp_path / "t.json")
    network = build("resnet50+blocks=1-1-2-1+width=0.125", 10)
    # the reference has 18 parts, 18 s warm and 36 s cold, and takes 27 s: halfway
    assert table.predict(network, 32) == pytest.approx(1.5 * 7)


def test_a_block_is_measured_once_whatever_network_it_is_in(timed, tmp_path):
    table = LatencyTable(Machine(), tmp_path / "t.json")
    table.predict(build("resnet50+blocks=1-1-2-1+width=0.125", 10), 32)
    before = len(timed)
    table.predict(build("resnet50+blocks=1-1-9-1+width=0.125", 10), 32)
    assert len(timed) == before
    table.predict(build("resnet50+blocks=1-1-2-1+width=0.125+kernels=3-3-5-3", 10), 32)
    assert len(timed) > before


def test_a_table_is_read_again_but_not_on_a_machine_that_computes_otherwise(timed, tmp_path):
    network = build("resnet50+blocks=1-1-1-1+width=0.125", 10)
    first = LatencyTable(Machine(), tmp_path / "t.json").predict(network, 32)
    before = len(timed)
    assert LatencyTable(Machine(), tmp_path / "t.json").predict(network, 32) == first
    assert len(timed) == before
    LatencyTable(Machine(threads=2), tmp_path / "t.json").predict(network, 32)
    assert len(timed) > before


def test_the_parts_of_a_network_are_the_network(timed, tmp_path):
    network = build("resnet50+blocks=2-1-1-1+width=0.125+fusion=concatenate", 10).eval()
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        *_, (_, head, _) = latency._parts(network, images)
        assert torch.equal(head(), network(images))


def test_a_network_without_weights_is_timed_too(timed, tmp_path):
    table = LatencyTable(Machine(), tmp_path / "t.json")
    whole = table.predict(build("resnet50+blocks=1-1-2-1+width=0.125", 10), 32)
    assert table.predict(skeleton("resnet50+blocks=1-1-2-1+width=0.125", 10), 32) == whole
