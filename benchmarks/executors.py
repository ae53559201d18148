"""Whether two workers of one thread do twice the work of one: `python benchmarks/executors.py`.

Trains and tests the same study by the Ray executor on a cluster of this machine with one processor and with two, in
turns; a task takes one thread. The seconds are of training and testing alone: a cluster that stands, pictures that are
decoded. Efficiency is the time with one over twice the time with two. Checks that both gave the same scores.

Beside it, in the same turns, what the machine itself gives: steps of such a network in plain processes, without program
or cluster, all in one process and half in each of two. On a machine whose processors share a core, or whose neighbours
take some of it, that is below 1 as well.

Leaves the rows in benchmarks/results/executors.json; exit code 1 where the efficiency is below 0.9.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from PIL import Image

from recording import RESULTS, leave

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from deepenough.studies.bench import Bench
    from deepenough.studies.executor import Executor
    from deepenough.training import Seeds

BOUND = 0.9
NETWORKS = ("resnet50+width=0.25+blocks=1-1-1-1", "resnet50+width=0.25+blocks=1-1-1-2")  # of nearly the same cost
CLASSES, IMAGES, BATCH, SIDE, TRAININGS = 3, 240, 32, 64, 4
PATIENCE_S = 3600.0  # with a process that died


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", type=Path, default=RESULTS / "executors.json")
    options = parser.parse_args()
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        write_pictures(Path(place, "pictures"))
        for number in range(options.rounds):
            tables = []
            for workers in (1, 2) if number % 2 == 0 else (2, 1):
                folder = Path(place, f"study{number}{workers}")
                rows.append({"workers": workers, "round": number, "took_s": seconds(folder, workers, options.epochs)})
                rows[-1]["bare_s"] = bare_seconds(workers, options.epochs)
                print(f"{workers} workers: {rows[-1]['took_s']:.2f} s, bare {rows[-1]['bare_s']:.2f} s", flush=True)
                tables.append(pl.read_parquet(folder / "scores.parquet"))
            if not tables[0].equals(tables[1]):
                raise SystemExit("one worker and two gave different scores")
    found, bare = efficiency(rows, "took_s"), efficiency(rows, "bare_s")
    print(f"efficiency {found:.3f} (at least {BOUND}), median of {options.rounds} rounds; scores are the same")
    print(f"the machine's own {bare:.3f}")
    ends = [{"what": "efficiency of 2 workers", "efficiency": found}, {"what": "the machine's own", "efficiency": bare}]
    leave(options.out, TRAININGS, [*rows, *ends], ("ray", "torch"))
    return int(found < BOUND)


def efficiency(rows: Sequence[dict[str, Any]], of: str) -> float:
    """Median over the rounds of the time with one worker over twice the time with two."""
    by = {(row["workers"], row["round"]): row[of] for row in rows}
    rounds = sorted({number for _, number in by})
    return statistics.median(by[1, number] / (2 * by[2, number]) for number in rounds)


def seconds(folder: Path, workers: int, epochs: int) -> float:
    """Seconds in which four trainings of equal cost are done and tested."""
    import ray

    from deepenough.studies import run_study
    from deepenough.studies.ray_executor import RayExecutor
    from deepenough.studies.study import make_study

    request = {
        "source": str(folder.parent / "pictures"),
        "contenders": NETWORKS,
        "seeds": 2,
        "train_scale": SIDE,
        "scales": [SIDE],
        "epochs": epochs,
        "batch": BATCH,
        "workers": 0,
        "threads": 1,
        "precision": "fp32",
        "margin": 5.0,
    }
    ray.init(address="local", num_cpus=workers, include_dashboard=False, log_to_driver=False)
    try:
        first = ray.remote(num_cpus=1)(warm)
        ray.get([first.remote() for _ in range(workers)])
        timed = _Timed(RayExecutor())
        run_study(make_study(request), folder, executor=timed)
    finally:
        ray.shutdown()
    return timed.took_s


def bare_seconds(workers: int, epochs: int) -> float:
    """Seconds of as many trainings' steps in plain processes, from when all are ready to the last one's end."""
    spawn = multiprocessing.get_context("spawn")
    ready, ended = spawn.Barrier(workers + 1), spawn.Barrier(workers + 1)
    steps = epochs * (IMAGES // BATCH) * TRAININGS // workers
    children = [spawn.Process(target=bare, args=(steps, ready, ended)) for _ in range(workers)]
    for child in children:
        child.start()
    ready.wait(PATIENCE_S)
    began = time.perf_counter()
    ended.wait(PATIENCE_S)
    took = time.perf_counter() - began
    for child in children:
        child.join()
    return took


def bare(steps: int, ready: Barrier, ended: Barrier) -> None:
    """Steps of a training and nothing else, on one thread."""
    import torch

    from deepenough.networks import build

    torch.set_num_threads(1)
    network = build(NETWORKS[0], CLASSES).train()
    optimiser = torch.optim.AdamW(network.parameters())
    images = torch.randn(BATCH, 3, SIDE, SIDE)
    for step in range(steps + 2):
        if step == 2:
            ready.wait()
        optimiser.zero_grad()
        network(images).sum().backward()
        optimiser.step()
    ended.wait()


class _Timed:
    """An executor whose run is timed."""

    def __init__(self, executor: Executor) -> None:
        self._executor, self.took_s = executor, 0.0

    def run(self, bench: Bench, wanted: Sequence[Seeds], scales: Sequence[int]) -> int:
        began = time.perf_counter()
        try:
            return self._executor.run(bench, wanted, scales)
        finally:
            self.took_s += time.perf_counter() - began


def warm() -> None:
    """What a worker does first: it imports torch, once."""
    import deepenough.studies.ray_worker  # noqa: F401

    time.sleep(2)  # so that every worker gets one


def write_pictures(root: Path) -> None:
    """Random pictures whose class is their colour."""
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        path = root / f"class_{number % CLASSES}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 128, (64, 64, 3), dtype=np.uint8)
        pixels[..., number % CLASSES] += 64
        Image.fromarray(pixels).save(path)


if __name__ == "__main__":
    raise SystemExit(main())
