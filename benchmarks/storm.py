"""Kill a small study at random moments, resume it each time, and hold what it leaves against an undisturbed run's.

    python benchmarks/storm.py --kills 30 --seed 0

The study: two narrow networks, two seeds, 240 of scikit-learn's digits; preparing, training, evaluation, cost, verdict
and report. Each run gets `kill -9`, it and its worker, and the next goes on; where a study comes to its end before all
kills are spent, another begins. Each stage has its share of the kills (`SHARES`), at a moment drawn from the seed out
of the time that the stage took undisturbed. Scores, verdict and every weight of each study must be the same bits as in
one that nothing disturbed; else, or where a stage was not hit often enough, it exits with 1.
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
STAGES = {  # by what the terminal says when each begins
    "preparing": ("checking", "timing", "decoding"),
    "training": (": training",),  # the plan speaks of training too
    "evaluation": (": validation at", ": test at"),
    "cost": ("measuring",),
    "verdict": ("deciding",),
    "report": ("writing the report",),
}
SHARES = {"preparing": 3, "training": 6, "evaluation": 6, "cost": 6, "verdict": 3, "report": 6}  # of 30 kills
ORDER = list(STAGES)
POLL_S = 0.005
CHILD = """
import sys
from deepenough.studies import local, run_study, store
local.SAVE_EVERY_S = 0.2
held, hold = [], store.hold
def telling(root):  # a study's folder is held twice, by the run and by the report
    held.append(root)
    if len(held) == 2:
        print("writing the report", file=sys.stderr, flush=True)
    return hold(root)
store.hold = telling
from deepenough.cli import main
print("ready", flush=True)
main()
"""
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
    took_s = Run([*command, str(place / "calm")]).end()
    print("undisturbed, after its imports: " + ", ".join(f"{name} {s:.2f} s" for name, s in took_s.items()), flush=True)
    wanted, hit, studies, trained = shares_of(kills), Counter[str](), 1, False
    while wanted and sum(hit.values()) < 3 * kills:
        target = min(set(wanted), key=lambda name: (hit[name] / SHARES[name], ORDER.index(name)))
        study = place / f"stormy{studies}"
        run = Run([*command, str(study)])
        wait_s, stage = chance.uniform(0.0, took_s[target]), None
        if trained and ORDER.index(target) < ORDER.index("cost"):
            run.end()  # what is wanted lies behind this study
        else:
            stage = run.kill_in(target, wait_s)
        if stage is None:
            require_same(place / "calm", study)
            studies, trained = studies + 1, False
        else:
            hit[stage] += 1
            trained = ORDER.index(stage) >= ORDER.index("cost")
            if stage in wanted:
                wanted.remove(stage)
            print(f"kill {sum(hit.values()):2d}, study {studies}, {wait_s:5.2f} s into {target}: {stage}", flush=True)
        if stage != target and target in run.seen:
            took_s[target] /= 2  # it went faster than undisturbed: the machine had more time for it
    Run([*command, str(place / f"stormy{studies}")]).end()
    require_same(place / "calm", place / f"stormy{studies}")
    where = ", ".join(f"{hit[stage]} {stage}" for stage in STAGES)
    print(f"{sum(hit.values())} kills over {studies} studies in {time.monotonic() - began:.0f} s: {where}")
    if wanted:
        raise SystemExit(f"not hit often enough: {', '.join(sorted(set(wanted)))}")


def shares_of(kills: int) -> list[str]:
    """The stages to be hit, each as often as its share."""
    wanted: list[str] = []
    while len(wanted) < kills:
        wanted.append(min(SHARES, key=lambda name: (wanted.count(name) + 1) / SHARES[name]))
    return wanted


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
        self.seen: set[str] = set()  # the stages that it came to, where it is watched for a kill

    def end(self) -> dict[str, float]:
        """Wait for its end; the seconds that each stage took, the first time."""
        stage, since, took_s = "", self.began, dict[str, float]()
        while True:
            ended = self.process.poll() is not None
            now, said = time.monotonic(), stage_of(self.so_far())
            if said != stage or ended:
                if stage:
                    took_s.setdefault(stage, now - since)
                stage, since = said, now
            if ended:
                break
            time.sleep(POLL_S)
        self.process.communicate()
        if self.process.returncode != 0:
            raise SystemExit(f"a run that nothing disturbed left with {self.process.returncode}:\n{self.so_far()}")
        return took_s

    def kill_in(self, stage: str, wait_s: float) -> str | None:
        """Kill the whole group so many seconds after a stage began; the stage that it was in then, None at its end."""
        since = None
        while self.process.poll() is None:
            self.seen.add(stage_of(self.so_far()))
            if since is None and stage in self.seen:
                since = time.monotonic()
            if since is not None and time.monotonic() >= since + wait_s:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.communicate()
                return stage_of(self.so_far())
            time.sleep(POLL_S)
        if self.process.returncode != 0:
            raise SystemExit(f"a resumed run left with {self.process.returncode}:\n{self.so_far()}")
        self.process.communicate()
        return None

    def so_far(self) -> str:
        """What it said; the place where it writes on is left alone."""
        return os.pread(self.said.fileno(), 1 << 20, 0).decode(errors="replace")


def stage_of(said: str) -> str:
    """The stage that the terminal spoke of last; empty before the first."""
    places = {max(said.rfind(word) for word in words): name for name, words in STAGES.items()}
    return places[max(places)] if max(places) >= 0 else ""


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
