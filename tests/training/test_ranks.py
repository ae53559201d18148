"""Two processes that train and test together, against one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import torch

from deepenough.ranks import Ranks

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).with_name("two_ranks.py")
SYNCED = ("sgd", "adamw, averaged, clipped, mixed", "parts, no batch norm")
# largest difference of any weight or running statistic after 8 steps, as a share of the largest one of its tensor
# (AdamW divides by a gradient's own size, so that rounding of small gradients grows)
BOUNDS = {"sgd": 1e-5, "adamw, averaged, clipped, mixed": 2e-3, "parts, no batch norm": 1e-6}


def free_port():
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """What one process and what two processes leave."""
    folder = tmp_path_factory.mktemp("ranks")
    two = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    asked = [{}, *({**two, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2))]
    running = [
        subprocess.Popen([sys.executable, str(PROGRAM), str(folder)], env=os.environ | each, stderr=subprocess.PIPE)
        for each in asked
    ]
    for process in running:
        said = process.communicate(timeout=240)[1].decode()
        assert process.returncode == 0, said
    return lambda name: torch.load(folder / f"{name}.pt"), folder


def furthest(ours, theirs):
    return max(
        ((ours[name].double() - theirs[name].double()).abs().max() / theirs[name].double().abs().max().clamp(min=1e-3))
        for name in theirs
    )


@pytest.mark.parametrize("name", SYNCED)
def test_training_shared_by_two_equals_that_of_one_within_rounding(done, name):
    load, _ = done
    alone, shared = load(f"{name} 0 of 1"), load(f"{name} 0 of 2")
    assert furthest(shared["tensors"], alone["tensors"]) < BOUNDS[name]
    assert shared["losses"] == pytest.approx(alone["losses"], abs=1e-5)
    assert [row["train_accuracy"] for row in shared["history"]] == [row["train_accuracy"] for row in alone["history"]]


@pytest.mark.parametrize("name", [*SYNCED, "own statistics", "detector"])
def test_both_processes_hold_the_same_network_to_the_bit(done, name):
    load, _ = done
    ours, theirs = load(f"{name} 0 of 2")["tensors"], load(f"{name} 1 of 2")["tensors"]
    assert all(torch.equal(ours[key], theirs[key]) for key in ours if name != "detector" or "running" not in key)


def test_own_statistics_are_another_training(done):
    load, _ = done
    assert furthest(load("own statistics 0 of 2")["tensors"], load("sgd 0 of 1")["tensors"]) > 0.01


@pytest.mark.parametrize("name", ["adamw, averaged, clipped, mixed", "own statistics"])
def test_a_shared_training_goes_on_bit_for_bit_from_what_the_first_process_saved(done, name):
    load, _ = done
    for rank in range(2):
        whole, resumed = load(f"{name} {rank} of 2"), load(f"{name} resumed {rank} of 2")
        assert all(torch.equal(whole["tensors"][key], resumed["tensors"][key]) for key in whole["tensors"])
        assert resumed["history"] == whole["history"]


def test_outcomes_of_a_test_are_those_of_one_process_to_the_bit_when_the_pictures_do_not_divide(done):
    _, folder = done
    alone, shared = (pl.read_parquet(folder / f"scores of {size}.parquet") for size in (1, 2))
    assert len(alone) == 2 * 2 * 1101  # two contenders, two scales
    assert shared.equals(alone)
    assert shared.select("contender", "scale", "sample_id").is_unique().all()


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_parts_of_a_batch_are_all_of_it_once(size):
    for length in (0, 1, 7, 16):
        parts = [list(Ranks(rank, size).part(length)) for rank in range(size)]
        assert [place for part in parts for place in part] == list(range(length))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
