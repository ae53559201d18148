"""Cells as Ray tasks: the same scores as in one process, whatever dies on the way."""

from __future__ import annotations

import os
import threading
import time

import polars as pl
import psutil
import pytest

from deepenough.errors import Interrupted, StudyError
from deepenough.records import read_json
from deepenough.search.budget import Budget
from deepenough.studies import run_study
from deepenough.studies.executor import Local
from deepenough.studies.ray_executor import RayExecutor
from deepenough.studies.study import make_study
from deepenough.studies.tune import Asked, searched

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::Warning"),  # Ray's own
]
SMALL = ["resnet50+width=0.125+blocks=1-1-1-1", "resnet101+width=0.125+blocks=1-1-2-1"]


@pytest.fixture(scope="module")
def two_nodes():
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_worker_niceness="0")
    import ray
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 10**8, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    small.pop("include_dashboard")
    cluster.add_node(num_cpus=1, **small)
    cluster.add_node(num_cpus=1, **small)
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, photo, encode):
    root = tmp_path_factory.mktemp("pictures")
    for number in range(72):
        path = root / ("cat", "dog", "owl")[number % 3] / f"{number:02d}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode(photo(number)))
    return root


@pytest.fixture(scope="module")
def asked(pictures):
    """A study of networks that are small by their names, since workers know of no patched catalogue."""

    def make(**values):
        plain = {"source": str(pictures), "seeds": 2, "train_scale": 32, "scales": [32, 48], "epochs": 3, "batch": 8}
        here = {"workers": 0, "threads": 1, "precision": "fp32", "margin": 5.0, "contenders": SMALL}
        return make_study({**plain, **here, **values})

    return make


@pytest.fixture(scope="module")
def study(asked):
    return asked(contenders=[*SMALL, f"{SMALL[0]}@average"])


@pytest.fixture(scope="module")
def here(study, tmp_path_factory):
    """The folder and the verdict of the same study in one process."""
    folder = tmp_path_factory.mktemp("here")
    return folder, run_study(study, folder, executor=Local())


def scores(folder):
    return pl.read_parquet(folder / "scores.parquet")


def killed_worker(task, deadline):
    """The process of a worker that was killed, as soon as one had a task; none where none had until the deadline."""
    while time.monotonic() < deadline:
        for process in psutil.process_iter(["cmdline"]):
            if task in (process.info["cmdline"] or ()):
                process.kill()
                return [process.pid]
        time.sleep(0.02)
    return []


def weights(folder):
    return {path.name: read_json(path / "cell.json")["tensors_sha256"] for path in sorted((folder / "cells").iterdir())}


def test_scores_and_weights_are_those_of_one_process_when_a_worker_and_a_node_die_in_mid_study(
    two_nodes, study, here, told, tmp_path
):
    victim = two_nodes.add_node(num_cpus=1, object_store_memory=10**8)
    listener, killed = told(), []

    def kill():
        deadline = time.monotonic() + 120
        killed.extend(killed_worker("ray::carry_out", deadline))
        while len({cell for cell, _ in listener.steps}) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        two_nodes.remove_node(victim, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    there = run_study(study, tmp_path / "there", executor=RayExecutor(), listener=listener)
    killer.join()
    assert killed

    folder, alone = here
    assert scores(tmp_path / "there").equals(scores(folder))
    assert weights(tmp_path / "there") == weights(folder)
    assert (there.answer, there.difference, there.interval) == (alone.answer, alone.difference, alone.interval)
    assert {cell for cell, _ in listener.steps} == {f"{name}-seed{seed}" for name in SMALL for seed in (0, 1)}
    assert len(listener.cells) >= 6


def test_a_stop_is_saved_by_the_workers_and_the_same_study_goes_on(two_nodes, study, here, told, tmp_path):
    listener = told(stop_at=4, error=Interrupted("Ctrl-C", "the same command"))
    with pytest.raises(Interrupted):
        run_study(study, tmp_path / "there", executor=RayExecutor(), listener=listener)
    assert not (tmp_path / "there" / "verdict.json").is_file()

    run_study(study, tmp_path / "there", executor=RayExecutor())
    assert scores(tmp_path / "there").equals(scores(here[0]))


def test_a_cell_that_no_node_can_hold_is_refused_at_once(two_nodes, asked, tmp_path):
    with pytest.raises(StudyError, match=r"2 processors.*got at most 1 processors.*--threads"):
        run_study(asked(threads=2), tmp_path / "there", executor=RayExecutor())


def test_an_error_of_the_user_in_a_worker_is_the_same_line_as_here(two_nodes, study, tmp_path, monkeypatch):
    from deepenough.studies import ray_executor

    def moved(bench, part, relay):
        raise StudyError("study.yaml", "a folder that every node sees", "none", "share it")

    monkeypatch.setattr(ray_executor, "carry_out", moved)
    with pytest.raises(StudyError, match=r"study\.yaml: expected a folder that every node sees; got none; share it"):
        run_study(study, tmp_path / "there", executor=RayExecutor())


@pytest.fixture(scope="module")
def search(asked):
    """A search whose draws follow from a trial's number alone, so that its order makes no difference."""
    study = asked(contenders=["resnet50", "resnet101"], epochs=1)
    return Asked(study=study, budget=Budget(macs=3_000_000), trials=3, sampler="random", early=False)


def test_trials_of_a_search_are_those_of_one_process_though_a_worker_dies(two_nodes, search, told, tmp_path):
    listener, killed = told(), []

    def kill():
        deadline = time.monotonic() + 120
        while not listener.steps and time.monotonic() < deadline:
            time.sleep(0.02)
        killed.extend(killed_worker("ray::try_one", deadline))

    killer = threading.Thread(target=kill)
    killer.start()
    there = searched(search, tmp_path / "there", confirm=False, listener=listener, executor=RayExecutor())
    killer.join()
    here = searched(search, tmp_path / "here", confirm=False)
    assert killed
    assert len({each["process"] for each in there["trials"] if each["status"] == "trained"}) >= 2
    assert [_trained(each) for each in there["trials"]] == [_trained(each) for each in here["trials"]]
    assert there["winner"] == here["winner"] is not None


def _trained(trial):
    """What a trial drew and came to; whom a rung holds it against depends on who was there before it."""
    own = ("number", "status", "drawn", "contender", "config_sha256", "structure_sha256", "epochs")
    return [trial[name] for name in own] + [rung["mean"] for rung in trial["rungs"].values()]
