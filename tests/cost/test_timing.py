"""The costs table on small networks: its form, its order of calls, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deepenough.cost import count, measure
from deepenough.errors import InputError
from deepenough.records import COSTS


def small(width, log=None):
    network = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    if log is not None:
        network.register_forward_hook(lambda module, images, output: log.append((width, tuple(images[0].shape))))
    return network


@pytest.fixture(scope="module")
def table():
    return measure({"narrow": small(4), "wide": small(32)}, [32, 48], batch=6, budget_s=0.02)


def test_table_has_the_columns_of_the_records_and_a_row_a_contender_scale_and_batch(table):
    assert dict(list(table.schema.items())[: len(COSTS)]) == COSTS
    assert table.select("scale", "batch", "contender").rows() == [
        (scale, batch, name) for scale in (32, 48) for batch in (1, 6) for name in ("narrow", "wide")
    ]
    assert set(table["device"]) == {"cpu"}
    assert table.null_count().sum_horizontal().item() == 0


def test_table_holds_the_counts_of_one_image_at_its_scale(table):
    row = table.row(6, named=True)
    assert (row["contender"], row["scale"], row["batch"]) == ("narrow", 48, 6)
    assert (row["parameters"], row["macs"]) == count(small(4), 48) == (120, 46 * 46 * 4 * 27)


def test_throughput_and_latency_of_a_row_agree(table):
    for row in table.iter_rows(named=True):
        assert 0 < row["latency_s"]["p50"] <= row["latency_s"]["p95"]
        assert row["images_per_s"] == pytest.approx(row["batch"] / row["latency_s"]["p50"])
        assert row["repeats"] >= (10 if row["batch"] == 1 else 2)
        assert row["peak_bytes"] >= row["parameters"] * 4


def test_contenders_take_turns_in_alternating_order():
    log = []
    measure({"a": small(4, log), "b": small(8, log)}, [32], batch=1, budget_s=1e-9)
    called = [width for width, shape in log if shape[0] == 1]  # counting passes an empty batch
    assert called == [4, 8, *[4, 8, 8, 4] * 5]  # a warm-up each, then ten rounds


def test_measuring_leaves_networks_modes_layout_and_generator_as_they_were():
    network = small(4).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    generator = torch.random.get_rng_state()
    measure({"a": network}, [32], batch=2, precision="bf16", channels_last=True, budget_s=1e-9)
    assert network.training
    assert network[0].weight.is_contiguous()
    assert network[0].weight.requires_grad
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), generator)


def test_precision_and_layout_are_those_asked_for():
    seen = []
    network = small(4)
    network[0].register_forward_hook(
        lambda module, images, output: seen.append(
            (output.dtype, images[0].is_contiguous(memory_format=torch.channels_last))
        )
    )
    table = measure({"a": network}, [32], batch=2, precision="bf16", channels_last=True, budget_s=1e-9)
    assert set(seen[1:]) == {(torch.bfloat16, True)}
    assert set(table["precision"]) == {"bf16"}


def test_progress_is_told_after_every_configuration():
    told = []
    measure({"a": small(4)}, [32, 40], batch=2, budget_s=1e-9, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("networks", "scales", "batch", "words"),
    [
        ({}, [32], 2, "at least one contender"),
        ({"a": small(4)}, [], 2, "one scale"),
        ({"a": small(4)}, [32], 0, "at least 1"),
    ],
)
def test_nothing_to_measure_is_refused(networks, scales, batch, words):
    with pytest.raises(InputError, match=words):
        measure(networks, scales, batch=batch)
