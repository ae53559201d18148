"""Whether the memory of testing grows with the number of pictures: python benchmarks/evaluation_memory.py

Tests a small ResNet-50 and ResNet-101 at two scales on 10,000 and on 100,000 pictures, each in a process of its own,
and writes the scores as a study does. The pictures are random squares in a file such as the decoded cache makes. What
is held at most is that of memory that is the process's own (RssAnon and RssShmem in /proc/self/status, read every few
milliseconds): pages of the mapped pictures can be dropped at any time and are counted apart. Prints a table; leaves the
figures in a JSON file. Exit code 1 where the largest number takes over 5 % more than the smallest. Linux only.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

BOUND = 1.05
SCALES, CLASSES = (32, 40), tuple(f"class_{number}" for number in range(10))
NETWORKS = {"resnet50": "resnet50+width=0.125+blocks=1-1-1-1", "resnet101": "resnet101+width=0.125+blocks=1-1-2-1"}
RESULTS = Path(__file__).parent / "results" / "evaluation_memory.json"
EVERY_S = 0.002


def main() -> int:
    """Run the benchmark, or in a child one number of pictures; 1 where the bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", default="10000,100000")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    numbers = [int(number) for number in options.images.split(",")]
    if options.child is not None:
        print(json.dumps(measured(numbers[0], options.child)))
        return 0
    rows = []
    for number in range(options.rounds):
        for images in numbers:
            with tempfile.TemporaryDirectory() as place:
                command = [sys.executable, __file__, "--images", str(images), "--child", place]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
            rows.append({"n": images, "round": number, **json.loads(done.stdout)})
    write(options.out, rows, numbers)
    return int(show(rows, numbers) > BOUND)


def measured(
    images: int, place: Path, scales: Sequence[int] = SCALES, contenders: Mapping[str, str] = NETWORKS
) -> dict[str, float]:
    """Peaks and seconds of testing so many pictures at every scale by every contender, of which name and config."""
    from deepenough.data import Preprocessing, TestPixels
    from deepenough.evaluation import Batches, Outcomes, Shown, examine
    from deepenough.machine import Machine
    from deepenough.networks import build
    from deepenough.records import SCORES, write_table_in_parts
    from deepenough.tasks.classification import Classification

    path = place / "test.pixels"
    rng = np.random.default_rng(1)
    write_squares(path, images, scales)
    pixels = TestPixels(path, [rng.bytes(16).hex() for _ in range(images)], scales)
    labels = np.arange(images, dtype=np.int64) % len(CLASSES)
    networks = {name: build(config, len(CLASSES), seed=0) for name, config in contenders.items()}
    watch, began = Watch(), time.perf_counter()
    with watch, (place / "spool").open("w+b") as stream:
        outcomes = Outcomes(
            stream, Shown(sample_ids=pixels.sample_ids, targets=labels), list(networks), scales, Classification(CLASSES)
        )
        examine(networks, pixels, outcomes, batches=Batches(Machine(), Preprocessing()))
        for name in networks:
            write_table_in_parts(place / f"{name}.parquet", outcomes.tables(name, seed=0), SCORES)
    return {
        "own_peak_bytes": watch.own,
        "mapped_peak_bytes": watch.mapped,
        "seconds": time.perf_counter() - began,
        "table_bytes": sum(table.stat().st_size for table in place.glob("*.parquet")),
    }


def write_squares(path: Path, images: int, scales: Sequence[int]) -> None:
    """Random pictures at every scale, a thousand at a time."""
    rng = np.random.default_rng(0)
    with path.open("wb") as stream:
        for side in scales:
            for first in range(0, images, 1000):
                stream.write(rng.bytes(min(1000, images - first) * side * side * 3))


class Watch:
    """The most memory that this process held while it was watched, its own and that of mapped files."""

    def __init__(self) -> None:
        self.own = self.mapped = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(EVERY_S):
            lines = Path("/proc/self/status").read_text().splitlines()
            held = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss")}
            self.own = max(self.own, held["RssAnon"] + held["RssShmem"])
            self.mapped = max(self.mapped, held["RssFile"])


def write(path: Path, rows: list[dict[str, float]], numbers: list[int]) -> None:
    """Leave the figures with what it takes to do them again."""
    import polars as pl
    import torch

    from deepenough.machine import available_cores, processor_name

    found = {
        "command": shlex.join(["python", "benchmarks/evaluation_memory.py", *sys.argv[1:]]),
        "hardware": {"processor": processor_name(), "cores": available_cores()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "polars": pl.__version__},
        "n": numbers,
        "rows": rows,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")


def show(rows: list[dict[str, float]], numbers: list[int]) -> float:
    """Print the peaks; the ratio of the largest number's to the smallest's, the worst round's."""
    print(f"{'pictures':>10}{'own, MB':>12}{'mapped, MB':>12}{'tables, MB':>12}{'seconds':>10}")
    for row in rows:
        sizes = (row[key] / 1e6 for key in ("own_peak_bytes", "mapped_peak_bytes", "table_bytes"))
        print(f"{row['n']:>10,}{''.join(f'{size:>12.1f}' for size in sizes)}{row['seconds']:>10.1f}")
    most, fewest = ([row["own_peak_bytes"] for row in rows if row["n"] == n] for n in (max(numbers), min(numbers)))
    ratio = max(most) / min(fewest)
    print(f"\n{max(numbers):,} over {min(numbers):,} pictures: {ratio:.3f} (at most {BOUND})")
    return ratio


if __name__ == "__main__":
    raise SystemExit(main())
