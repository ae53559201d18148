"""The same study by timm's scripts and by ours: how long each takes, phase by phase, and what accuracy each reaches.

python benchmarks/study_against_timm.py FOLDER --timm CLONE [--epochs 15] [--seeds 3] [--rounds 1] [--sides ours,timm]

ResNet-50 and ResNet-101, trained from scratch at one scale and tested at five. In a round the sides take turns, the
other way round in every second one:

- `timm`: for every seed and network `train.py` of the user's own clone, then `validate.py` once for each scale, at
  bf16 and channels last, in their own processes as a person would start them.
- `ours`: one `deepenough compare` with the very same epochs, batch, optimiser, schedule and augmentation.
- `free`: ours with another declared schedule (`--free`), held against the accuracy of the others.

The clock stands outside: phases begin and end where a program says so on its way. With fewer epochs or seeds than the
full study's, the full study is composed from the phases: start-ups as they are, epochs and tests by their number. Both
the measured and the composed seconds are in the JSON file. `--add` keeps the rounds that an earlier call left there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import polars as pl

from deepenough.machine import available_cores, processor_name

RESULTS = Path(__file__).parent / "results" / "study_against_timm.json"
NETWORKS = ("resnet50", "resnet101")
PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow")
FULL = {"epochs": 15, "seeds": 3}  # the study that is composed
FREE = "--epochs 9 --batch 32"
BOUNDS = {"evaluations": 0.25, "whole": 0.85, "whole, free schedule": 0.5}
LOGGED = re.compile(r"Train: (\d+) \[ *(\d+)/.*?Time: ([\d.]+)s")
STAGES = {
    "decoding the pictures once": "decode",
    "seed ": "train",
    "measuring what each costs here": "costs",
    "deciding": "decide",
}
WITHIN = {": validation at": "validate", ": test at": "test", " held against fp32": "rounding"}  # parts of a seed
Row = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with train, val and test")
    parser.add_argument("--timm", type=Path, required=True, help="a clone of pytorch-image-models")
    parser.add_argument("--epochs", type=int, default=FULL["epochs"])
    parser.add_argument("--seeds", type=int, default=FULL["seeds"])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--sides", default="ours,timm,free")
    parser.add_argument("--free", default=FREE, help="options of compare for the free schedule")
    parser.add_argument("--train-scale", type=int, default=64)
    parser.add_argument("--scales", default="48,64,80,96,128")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--timm-workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--add", action="store_true", help="keep the rows that are there")
    options = parser.parse_args()
    options.folder, options.timm = options.folder.resolve(), options.timm.resolve()
    rows: list[Row] = json.loads(options.out.read_text())["rows"] if options.add and options.out.is_file() else []
    rows = [row for row in rows if row["side"] != "ratio" and not row["phase"].startswith("full study")]
    first = 1 + max((row["round"] for row in rows), default=-1)
    sides: dict[str, Callable[[argparse.Namespace, Path], list[Row]]] = {"ours": ours, "timm": timm, "free": free}
    asked = options.sides.split(",")
    for number in range(first, first + options.rounds):
        for side in asked if number % 2 == 0 else reversed(asked):
            with tempfile.TemporaryDirectory() as place:
                found = sides[side](options, Path(place))
            said = {"epochs": options.epochs, "seeds": options.seeds}
            rows += [{"side": side, "round": number, **said, **row} for row in found]
            write(options, rows)  # after each, so that a stop loses one side of one round
    for row in composed(rows):
        print(json.dumps(row))
    return int(any(row["ratio"] > BOUNDS.get(row["phase"], float("inf")) for row in composed(rows) if "ratio" in row))


def ours(options: argparse.Namespace, place: Path) -> list[Row]:
    """One compare with the schedule of timm's flags."""
    return _compare(options, place, ["--epochs", str(options.epochs), "--batch", str(options.batch)])


def free(options: argparse.Namespace, place: Path) -> list[Row]:
    """One compare with the declared other schedule, its epochs scaled down as the others' are."""
    given = shlex.split(options.free)
    full = int(given[given.index("--epochs") + 1]) if "--epochs" in given else FULL["epochs"]
    fewer = max(1, round(full * options.epochs / FULL["epochs"]))
    return _compare(options, place, [*given, "--epochs", str(fewer)], full)  # of an option given twice the last counts


def _compare(
    options: argparse.Namespace, place: Path, schedule: Sequence[str], full: int = FULL["epochs"]
) -> list[Row]:
    study = place / "study"
    fixed = {
        "--contenders": ",".join(NETWORKS),
        "--seeds": options.seeds,
        "--train-scale": options.train_scale,
        "--scales": options.scales,
        "--margin": 2,
        "--weights": "none",
        "--precision": "bf16",
        "--threads": options.threads,
        "--out": study,
    }
    flags = [str(part) for pair in fixed.items() for part in pair if not {"--contenders"} & {pair[0]} & set(schedule)]
    command = [sys.executable, "-m", "deepenough", "compare", str(options.folder), *flags, *schedule]
    seconds: dict[str, float] = defaultdict(float)
    began = since = time.perf_counter()
    phase = "start-up"
    for line in _lines(command, Path.cwd(), dict(os.environ)):
        following = _stage(line)
        if following is not None:
            now = time.perf_counter()
            seconds[phase] += now - since
            phase, since = following, now
    seconds[phase] += time.perf_counter() - since
    whole = time.perf_counter() - began
    plan = json.loads((study / "plan.json").read_text())
    steps = {"trained_epochs": plan["epochs"], "full_epochs": full, "trainings": len(plan["cells"])}
    rows: list[Row] = [{"phase": name, **steps, "seconds": value} for name, value in seconds.items()]
    rows += [{"phase": "whole, as measured", **steps, "seconds": whole}]
    for (network, scale), scores in _accuracies(study / "scores.parquet").items():
        rows += [
            {"phase": "accuracy", "network": network, "scale": scale, "seed": seed, "accuracy": accuracy, "images": n}
            for seed, accuracy, n in scores
        ]
    return rows


def _stage(line: str) -> str | None:
    for said, phase in STAGES.items():
        if line.startswith(said):
            return next((part for words, part in WITHIN.items() if words in line), phase)
    return None


def _accuracies(path: Path) -> dict[tuple[str, int], list[tuple[int, float, int]]]:
    means = (
        pl.read_parquet(path)
        .group_by("contender", "scale", "seed")
        .agg(pl.col("score").mean(), pl.len())
        .sort("contender", "scale", "seed")
    )
    found: dict[tuple[str, int], list[tuple[int, float, int]]] = defaultdict(list)
    for contender, scale, seed, accuracy, images in means.iter_rows():
        found[contender.split("@")[0], scale].append((seed, 100 * accuracy, images))
    return found


def timm(options: argparse.Namespace, place: Path) -> list[Row]:
    """Every training and every validation in a process of its own."""
    began = time.perf_counter()
    images = sum(path.is_file() for path in (options.folder / "test").rglob("*"))
    rows: list[Row] = []
    for seed in range(options.seeds):
        for network in NETWORKS:
            rows += [{**row, "network": network, "seed": seed} for row in _train(options, place, network, seed)]
            for scale in map(int, options.scales.split(",")):
                row = _validate(options, place / f"{network}-{seed}" / "last.pth.tar", network, scale)
                rows.append({"phase": "test", "network": network, "seed": seed, "scale": scale, "seconds": row[0]})
                rows.append({**rows[-1], "phase": "accuracy", "accuracy": row[1], "images": images})
                del rows[-1]["seconds"]
    return [*rows, {"phase": "whole, as measured", "seconds": time.perf_counter() - began}]


def _train(options: argparse.Namespace, place: Path, network: str, seed: int) -> list[Row]:
    """Seconds until the first step and from there on, epoch by epoch with its validation and checkpoint."""
    flags = {
        "--data-dir": options.folder,
        "--train-split": "train",
        "--val-split": "val",
        "--model": network,
        "--num-classes": sum(path.is_dir() for path in (options.folder / "train").iterdir()),
        "--input-size": f"3 {options.train_scale} {options.train_scale}",
        "--epochs": options.epochs,
        "-b": options.batch,
        "-j": options.timm_workers,
        "--val-interval": max(1, options.epochs // 5),  # ours validates five times in a training
        "--opt": "adamw",
        "--lr": 1e-3,
        "--weight-decay": 0.05,
        "--warmup-epochs": round(options.epochs / 7.5),
        "--warmup-lr": 1e-5,
        "--min-lr": 0,
        "--smoothing": 0.1,
        "--scale": "0.35 1.0",
        "--hflip": 0.5,
        "--color-jitter": 0,
        "--crop-pct": 1.0,
        "--seed": seed,
        "--device": "cpu",
        "--amp-dtype": "bfloat16",
        "--checkpoint-hist": 1,
        "--log-interval": 10,
        "--output": place,
        "--experiment": f"{network}-{seed}",
    }
    given = [part for name, value in flags.items() for part in (name, *str(value).split())]
    began = time.perf_counter()
    first = None
    for line in _lines([sys.executable, "train.py", *given, "--amp", "--channels-last"], options.timm, _bare(options)):
        logged = LOGGED.search(line)
        if first is None and logged:
            first = time.perf_counter() - float(logged[3])
    if first is None:
        raise SystemExit("timm's train.py said nothing about its steps")
    epoch = (time.perf_counter() - first) / options.epochs
    return [{"phase": "start-up", "seconds": first - began}, {"phase": "train", "seconds": epoch * options.epochs}]


def _validate(options: argparse.Namespace, checkpoint: Path, network: str, scale: int) -> tuple[float, float]:
    """Seconds of one call of validate.py, and the accuracy in percent that it found."""
    flags = {
        "--data-dir": options.folder,
        "--split": "test",
        "--model": network,
        "--num-classes": sum(path.is_dir() for path in (options.folder / "train").iterdir()),
        "--checkpoint": checkpoint,
        "--input-size": f"3 {scale} {scale}",
        "--crop-pct": 1.0,
        "-b": 128,
        "-j": options.timm_workers,
        "--device": "cpu",
        "--amp-dtype": "bfloat16",
    }
    given = [part for name, value in flags.items() for part in (name, *str(value).split())]
    command = [sys.executable, "validate.py", *given, "--amp", "--channels-last"]
    began = time.perf_counter()
    said = "".join(_lines(command, options.timm, _bare(options)))
    took = time.perf_counter() - began
    return took, json.loads(said.split("--result\n")[1])["top1"]


def _bare(options: argparse.Namespace) -> dict[str, str]:
    """The environment without our path, so that the clone's own timm is what runs."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, "OMP_NUM_THREADS": str(options.threads)}


def _lines(command: Sequence[str], where: Path, environment: dict[str, str]) -> Iterator[str]:
    """What a program says, line by line as it says it."""
    child = subprocess.Popen(
        command, cwd=where, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said: list[str] = []
    assert child.stdout is not None
    for line in child.stdout:
        said.append(line)
        yield line
    if child.wait():
        raise SystemExit(f"{shlex.join(command)}\nended with {child.returncode}:\n" + "".join(said[-20:]))


def composed(rows: Sequence[Row]) -> list[Row]:
    """The full study's seconds from the phases, and the ratios of the sides, by round; accuracies with intervals."""
    found: list[Row] = []
    totals: dict[tuple[str, int], dict[str, float]] = {}
    for side, number in sorted({(row["side"], row["round"]) for row in rows}):
        own = [row for row in rows if (row["side"], row["round"]) == (side, number)]
        totals[side, number] = _full(side, [row for row in own if "seconds" in row])
        for phase, seconds in totals[side, number].items():
            found.append({"side": side, "round": number, "phase": f"full study, {phase}", "seconds": seconds})
    for side, number in totals:
        if side != "timm" and ("timm", number) in totals:
            theirs, mine = totals["timm", number], totals[side, number]
            named = "" if side == "ours" else ", free schedule"
            for phase in ("evaluations", "whole"):
                ratio = mine[phase] / theirs[phase]
                found.append({"side": "ratio", "round": number, "phase": f"{phase}{named}", "ratio": ratio})
    return [*found, *_with_intervals(rows)]


def _full(side: str, rows: Sequence[Row]) -> dict[str, float]:
    """Seconds of the full study: start-ups as they are, trainings by epochs and seeds, tests by seeds."""
    seeds = FULL["seeds"] / rows[0]["seeds"]
    epochs = FULL["epochs"] / rows[0]["epochs"]
    by_phase: dict[str, float] = defaultdict(float)
    for row in rows:
        by_phase[row["phase"]] += row["seconds"]
    if side == "timm":
        training = seeds * (by_phase["start-up"] + epochs * by_phase["train"])
        evaluations = seeds * by_phase["test"]
        return {"training": training, "evaluations": evaluations, "whole": training + evaluations}
    epochs = rows[0]["full_epochs"] / rows[0]["trained_epochs"]
    training = seeds * epochs * by_phase["train"]
    # the decoding of training pictures is counted in; validation at every scale is not, timm's scripts do without it
    evaluations = by_phase["decode"] + seeds * by_phase["test"]
    once = ("start-up", "rounding", "costs", "decide")  # rounding is looked at in the first seed alone
    rest = seeds * by_phase["validate"] + sum(by_phase[name] for name in once)
    return {"training": training, "evaluations": evaluations, "whole": training + evaluations + rest}


def _with_intervals(rows: Sequence[Row]) -> list[Row]:
    """Mean accuracy by side and network at the training scale, with 95 % intervals over images and seeds."""
    groups: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for row in rows:
        if row["phase"] == "accuracy":
            groups[row["side"], row["network"], row["scale"]].append(row)
    found = []
    for (side, network, scale), each in sorted(groups.items()):
        values = [row["accuracy"] for row in each]
        mean = statistics.fmean(values)
        of_images = mean * (100 - mean) / each[0]["images"]
        of_seeds = statistics.variance(values) / len(values) if len(values) > 1 else 0.0
        half = 1.96 * (of_images + of_seeds) ** 0.5
        found.append(
            {"side": side, "phase": "accuracy", "network": network, "scale": scale, "trainings": len(values)}
            | {"accuracy": mean, "low": mean - half, "high": mean + half}
        )
    return found


def write(options: argparse.Namespace, rows: Sequence[Row]) -> None:
    """Leave the rows with what it takes to do them again; the composed ones beside the measured."""
    derived = [row for row in composed(rows) if row["phase"] != "accuracy"]
    found = {
        "command": shlex.join(["python", "benchmarks/study_against_timm.py", *_as_given()]),
        "hardware": {"processor": processor_name(), "cores": available_cores()},
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES},
        "n": sum(path.is_file() for path in (options.folder / "train").rglob("*")),
        "rows": [*rows, *derived],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")


def _as_given() -> list[str]:
    """The arguments, with the places of the user's own folders by name only."""
    return [Path(part).name if part.startswith(("/", "..")) else part for part in sys.argv[1:]]


if __name__ == "__main__":
    raise SystemExit(main())
