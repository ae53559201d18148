"""Kill a small study at random moments, resume it each time, and hold what it leaves against an undisturbed run's.

    python benchmarks/storm.py --kills 30 --seed 0

The study: two narrow networks, two seeds, 240 of scikit-learn's digits; training, evaluation, cost, verdict, report.
Each run gets `kill -9`, it and its worker, after a time drawn from the seed, and the next goes on; where a study comes
to its end before all kills are spent, another begins. Scores, verdict and every weight of each must be the same bits as
in a study that nothing disturbed; else it exits with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from safetensors.torch import load_file

from deepenough.data.named import open_digits
from deepenough.records import SCORES, read_json, read_table

IMAGES = 240
CHILD = (
    "from deepenough.studies import local, run_study; local.SAVE_EVERY_S = 0.2; "
    "from deepenough.cli import main; print('ready', flush=True); main()"
)
STUDY = ["--contenders", "resnet50+width=0.125,resnet101+width=0.125", "--seeds", "2", "--epochs", "2", "--batch", "32"]
STUDY += ["--train-scale", "32", "--scales", "32", "--threads", "1", "--precision", "fp32", "--margin", "5"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kills", type=int, default=30)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--workers", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        storm(Path(place), given.kills, random.Random(given.seed), given.workers)


def storm(place: Path, kills: int, chance: random.Random, workers: int) -> None:
    write_pictures(place / "digits")
    command = ["compare", str(place / "digits"), *STUDY, "--workers", str(workers), "--out"]
    began = time.monotonic()
    calm = Run([*command, str(place / "calm")])
    calm_s = calm.end()
    print(f"undisturbed: {calm_s:.0f} s after its imports")
    hit: Counter[str] = Counter()
    studies = 1
    while sum(hit.values()) < kills:
        wait_s = chance.uniform(0.0, calm_s / 3)
        stage = Run([*command, str(place / f"stormy{studies}")]).kill_after(wait_s)
        if stage is None:
            require_same(place / "calm", place / f"stormy{studies}")
            studies += 1
            continue
        hit[stage] += 1
        print(f"kill {sum(hit.values()):2d}, study {studies}, after {wait_s:5.2f} s: {stage}", flush=True)
    Run([*command, str(place / f"stormy{studies}")]).end()
    require_same(place / "calm", place / f"stormy{studies}")
    where = ", ".join(f"{count} {stage}" for stage, count in hit.items())
    print(f"{kills} kills over {studies} studies in {time.monotonic() - began:.0f} s: {where}")


def require_same(calm: Path, stormy: Path) -> None:
    differing = what_differs(calm, stormy)
    print(
        f"{stormy.name}: " + (f"DIFFERENT in {differing}" if differing else "scores, verdict and weights the same bits")
    )
    if differing:
        raise SystemExit(1)


class Run:
    """A run of the command line in a process group of its own."""

    def __init__(self, arguments: list[str]) -> None:
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115  open for as long as the run
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments],
            stdout=subprocess.PIPE,
            stderr=self.said,
            text=True,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"},
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", self.so_far()
        self.began = time.monotonic()

    def end(self) -> float:
        """Wait for its end; the seconds that it took."""
        self.process.communicate()
        if self.process.returncode != 0:
            raise SystemExit(f"a run that nothing disturbed left with {self.process.returncode}:\n{self.so_far()}")
        return time.monotonic() - self.began

    def kill_after(self, wait_s: float) -> str | None:
        """Kill the whole group after so many seconds; the stage that it was in, None where it had come to its end."""
        try:
            self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            return stage_of(self.so_far())
        if self.process.returncode != 0:
            raise SystemExit(f"a resumed run left with {self.process.returncode}:\n{self.so_far()}")
        self.process.communicate()
        return None

    def so_far(self) -> str:
        self.said.seek(0)
        return self.said.read()


def stage_of(said: str) -> str:
    """What the terminal said last of all stages."""
    stages = ("checking", "timing", "decoding", "training", "test at", "measuring", "deciding")
    places = {said.rfind(word): word for word in stages}
    return places[max(places)] if max(places) >= 0 else "before the first stage"


def write_pictures(folder: Path) -> None:
    for entry in open_digits().entries[:IMAGES]:
        path = folder / str(entry.target) / f"{entry.path.replace('/', '-')}.pgm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.read())


def what_differs(calm: Path, stormy: Path) -> list[str]:
    """Names of what is not the same bits in both."""
    differing = [n for n in ("scores", "validation") if not same_table(calm, stormy, f"{n}.parquet")]
    if json.dumps(read_json(calm / "verdict.json")) != json.dumps(read_json(stormy / "verdict.json")):
        differing.append("verdict.json")
    cells = sorted(path.name for path in (calm / "cells").iterdir())
    if cells != sorted(path.name for path in (stormy / "cells").iterdir()):
        differing.append("cells")
    for cell in cells:
        ours, theirs = (load_file(folder / "cells" / cell / "weights.safetensors") for folder in (calm, stormy))
        if ours.keys() != theirs.keys() or any(bits(ours[name]) != bits(theirs[name]) for name in ours):
            differing.append(cell)
    left = [path.name for path in stormy.rglob("*") if path.suffix == ".tmp" or path.name == "resume.safetensors"]
    return differing + left


def same_table(calm: Path, stormy: Path, name: str) -> bool:
    return read_table(calm / name, SCORES).equals(read_table(stormy / name, SCORES))


def bits(tensor) -> bytes:  # noqa: ANN001
    return tensor.contiguous().numpy().tobytes()


if __name__ == "__main__":
    main()
