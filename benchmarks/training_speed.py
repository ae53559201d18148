"""Images a second in training: a bare loop, the program end to end, timm's script, in turns.

python benchmarks/training_speed.py FOLDER [--timm CLONE] [--sides 64,96,128] [--rounds 3]

FOLDER has class folders (or `train` with class folders in it). Its pictures are written anew as JPEG files of 500 x 375
px and larger, in sizes as photographs have, and from those files is trained:

- `bare`: a plain torch loop over one batch that is ready in memory; same network, optimiser, batch, precision, threads.
- `ours`: `TrainingStream` and `train_lockstep` from the decoded cache, augmentation and records included. The two take
  turns of a few steps, so that what else the machine does falls on both; their ratio is the median of the pairs'.
- `timm_best_jN`, `timm_default`: `train.py` of a clone of timm, with bf16, channels_last and N workers, of which the
  fastest counts, and with its defaults. It decodes the files in every epoch.

The once-only cost of decoding is timed apart. The first steps are not counted, and loader processes are as busy as in a
long training. Raw rates are kept in the JSON file; `--add` adds rounds to those that an
earlier call on the same machine left there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from deepenough.cost.counting import count
from deepenough.data import Preprocessing, TrainPixels, build_train_pixels, open_source, prepare
from deepenough.data.augment import Augmentation
from deepenough.data.streams import TrainingStream
from deepenough.machine import Machine, available_cores, processor_name
from deepenough.networks import build
from deepenough.tasks.classification import Classification
from deepenough.training import Cell, Recipe, Setting, train_lockstep
from deepenough.training.recipe import build_optimizer

RESULTS = Path(__file__).parent / "results" / "training_speed.json"
SIZES = ((500, 375), (640, 480), (1024, 768))  # at least so large, pixels; a quarter of the last, half of the first
NOT_COUNTED = 2  # steps at the start
PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow")
BEST = ("--amp", "--amp-dtype", "bfloat16", "--channels-last")
SAME = ("--opt", "adamw", "--lr", "1e-3", "--weight-decay", "0.05", "--scale", "0.35", "1.0", "--color-jitter", "0")
LOGGED = re.compile(r"Train: \d+ \[ *(\d+)/.*?Time: ([\d.]+)s")


class _Enough(Exception):  # noqa: N818  the way out of a training that was watched for long enough
    pass


class _Turns:
    """Watches our training; after every burst of its steps the bare loop takes as many, and both are timed."""

    def __init__(self, steps: int, turns: int, bare: Callable[[], None]) -> None:
        self._steps, self._turns, self._bare = steps, turns, bare
        self._taken, self._since = 0, time.perf_counter()
        self.seconds: list[tuple[float, float]] = []

    def stepped(self, cell: Cell, *, loss: float, images_per_s: float) -> None: ...

    def halved(self, cell: Cell, images: int) -> None:
        raise SystemExit("memory does not hold the batch")

    def validate(self, cell: Cell) -> None:
        return None

    def lockstep(self, cells: Sequence[Cell]) -> None:
        self._taken += 1
        if self._taken < self._steps:
            return
        between = time.perf_counter()
        for _ in range(self._steps):
            self._bare()
        after = time.perf_counter()
        self.seconds.append((after - between, between - self._since))
        if len(self.seconds) > self._turns:
            raise _Enough
        self._taken, self._since = 0, after


class Runner:
    """One side's contestants; all give images a second."""

    def __init__(self, options: argparse.Namespace, side: int, pixels: TrainPixels, labels: np.ndarray) -> None:
        self._options, self._side, self._pixels, self._labels = options, side, pixels, labels
        self.classes = int(labels.max()) + 1
        self.machine = Machine(precision="bf16", threads=options.threads)

    def _bare(self) -> Callable[[], None]:
        """A step of a plain loop over one batch that is ready."""
        network = self.machine.place(build(self._options.network, self.classes)).train()
        optimizer = build_optimizer(Recipe(), network)
        images = torch.rand(self._options.batch, 3, self._side, self._side)
        images = images.contiguous(memory_format=torch.channels_last)
        targets = torch.arange(self._options.batch) % self.classes

        def step() -> None:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = network(images)
            functional.cross_entropy(logits.float(), targets, label_smoothing=0.1).backward()
            optimizer.step()

        return step

    def in_turns(self) -> dict[str, list[float]]:
        """Rates of the bare loop and of ours, burst by burst; the first burst of each is not counted."""
        options = self._options
        stream = TrainingStream(
            self._pixels,
            self._labels,
            Augmentation(),
            side=self._side,
            batch=options.batch,
            epochs=1000,
            seed=0,
            workers=options.workers,
            classes=self.classes,
        )
        task = Classification(tuple(map(str, range(self.classes))))
        setting = Setting(recipe=Recipe(), machine=self.machine, preprocessing=Preprocessing(), task=task)
        network = self.machine.place(build(options.network, self.classes))
        turns = _Turns(options.steps, options.turns, self._bare())
        with suppress(_Enough):
            train_lockstep([Cell.begin(options.network, 0, network, setting.recipe)], stream, setting, turns)
        shown = options.batch * options.steps
        bare, ours = zip(*turns.seconds[1:], strict=True)
        return {"bare": [shown / each for each in bare], "ours": [shown / each for each in ours]}

    def timm(self, files: Path, flags: Sequence[str]) -> float:
        """Images a second of timm's script, from its own log; it is ended once that says enough."""
        options = self._options
        size = ("--input-size", "3", str(self._side), str(self._side), "-b", str(options.batch))
        data = ("--data-dir", str(files), "--val-split", "val", "--num-classes", str(self.classes))
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, "train.py", "--model", options.network, "--device", "cpu", *data, *size, *flags]
            command += ["--log-interval", "1", "--output", out, "--epochs", "100"]
            child = subprocess.Popen(  # in its own group, to be ended with its workers, but not a session: the system
                command,  # may share processor time by session, which is then no fair turn beside other work
                cwd=options.timm,
                stderr=subprocess.STDOUT,
                stdout=subprocess.PIPE,
                text=True,
                env=_without_own_path(options.threads),
                process_group=0,
            )
            try:
                times, said = [], []
                for line in child.stdout or ():
                    said.append(line)
                    if logged := LOGGED.search(line):
                        times.append(float(logged[2]))
                    if len(times) == NOT_COUNTED + options.timm_steps:
                        return options.batch * options.timm_steps / sum(times[NOT_COUNTED:])
            finally:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        raise SystemExit("timm's script ended early:\n" + "".join(said[-20:]))


def _without_own_path(threads: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, "OMP_NUM_THREADS": str(threads)}


def write_pictures(source: Path, files: Path, images: int) -> None:
    """JPEG files of photographs' sizes from smaller pictures, in `train` and, a few, in `val`; in proportion."""
    source = source / "train" if (source / "train").is_dir() else source
    rng = random.Random(0)
    folders = sorted(folder for folder in source.iterdir() if folder.is_dir())
    each = {folder.name: sorted(path for path in folder.rglob("*") if path.is_file()) for folder in folders}
    for name, paths in each.items():
        rng.shuffle(paths)
        share = -(-images // len(each))
        for number, path in enumerate(paths[: share + 2]):
            with Image.open(path) as picture:
                picture = picture.convert("RGB")
            long, short = SIZES[(0, 0, 1, 2)[number % 4]]
            factor = max(1.0, long / max(picture.size), short / min(picture.size))
            large = picture.resize([round(length * factor) for length in picture.size], Image.Resampling.LANCZOS)
            place = files / ("train" if number < share else "val") / name / f"{number:05d}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            large.save(place, quality=90)


def decoded_once(files: Path, cache: Path, short_side: int, threads: int) -> tuple[TrainPixels, np.ndarray, dict]:
    """The train pixels, their labels, and what checking and decoding took, in images a second."""
    began = time.perf_counter()
    prepared = prepare(open_source(str(files / "train")), workers=threads)
    checked = time.perf_counter()
    pixels = build_train_pixels(prepared, cache, short_side=short_side, workers=threads)
    built = time.perf_counter()
    numbers = dict(prepared.samples.select("sample_id", "target").iter_rows())
    labels = np.array([prepared.classes.index(numbers[sample]) for sample in pixels.sample_ids])
    rates = {"check": len(prepared.samples) / (checked - began), "cache": len(pixels) / (built - checked)}
    return pixels, labels, {**rates, "cache_bytes_per_image": pixels.path.stat().st_size / len(pixels)}


def matrix_peak(seconds: float = 1.0) -> float:
    """Floating-point operations a second of a large matrix product in bf16, the best of several."""
    one, other = (torch.randn(4096, 4096).bfloat16() for _ in range(2))
    best, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < seconds:
        started = time.perf_counter()
        one @ other
        best = min(best, time.perf_counter() - started)
    return 2 * 4096**3 / best


def timm_runs(runner: Runner, options: argparse.Namespace, files: Path) -> dict[str, Callable[[], float]]:
    if options.timm is None:
        return {}
    found: dict[str, Callable[[], float]] = {}
    for workers in options.timm_workers:
        flags = (*BEST, *SAME, "-j", str(workers))
        found[f"timm_best_j{workers}"] = lambda flags=flags: runner.timm(files, flags)
    return {**found, "timm_default": lambda: runner.timm(files, ())}


def measured(side: int, options: argparse.Namespace, files: Path, known: dict[str, list[float]]) -> dict[str, Any]:
    """One side's row: every rate of every contestant, and what they come to."""
    with tempfile.TemporaryDirectory() as cache:
        short = round(side / Augmentation().min_area ** 0.5)  # what a study keeps of a picture
        pixels, labels, once = decoded_once(files, Path(cache), short, options.threads)
        runner = Runner(options, side, pixels, labels)
        peaks = [matrix_peak()]
        for _ in range(options.rounds):
            for name, values in runner.in_turns().items():
                known.setdefault(name, []).extend(values)
            for name, run in timm_runs(runner, options, files).items():
                known.setdefault(name, []).append(run())
            peaks.append(matrix_peak())
    medians = {name: statistics.median(values) for name, values in known.items()}
    best = max((name for name in medians if name.startswith("timm_best")), key=medians.__getitem__, default=None)
    pairs = [ours / bare for ours, bare in zip(known["ours"], known["bare"], strict=True)]
    over = {"bare": statistics.median(pairs)}
    over |= {n: medians["ours"] / medians[n] for n in (best, "timm_default") if n in medians}
    flops = 6 * count(build(options.network, runner.classes), side).macs * medians["ours"]
    return {
        "network": options.network,
        "side": side,
        "batch": options.batch,
        "images_per_s": known,
        "median": medians,
        "ours_over": over,
        "pairs_range": [min(pairs), max(pairs)],
        "timm_best": best,
        "once_images_per_s": once,
        "flops_per_s": flops,
        "matrix_peak_flops_per_s": max(peaks),
        "of_peak": flops / max(peaks),
    }


def table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield f"{'network':10}{'px':>4}{'n':>3}{'images/s: bare':>17}{'ours':>16}{'timm best':>11}{'default':>9}{'peak':>6}"
    for row in rows:
        rates, middle = row["images_per_s"], row["median"]
        bare, ours = (f"{middle[n]:.1f} [{min(rates[n]):.0f},{max(rates[n]):.0f}]" for n in ("bare", "ours"))
        best, default = (f"{middle[n]:.1f}" if n in middle else "" for n in (row["timm_best"], "timm_default"))
        start = f"{row['network']:10}{row['side']:>4}{len(rates['ours']):>3}"
        yield f"{start}{bare:>17}{ours:>16}{best:>11}{default:>9}{row['of_peak']:>6.0%}"
    yield ""
    for row in rows:
        over = ", ".join(f"{ratio:.2f} of {name.replace('_', ' ')}" for name, ratio in row["ours_over"].items())
        once = row["once_images_per_s"]
        yield f"{row['side']:>4} px: ours {over}; once: check {once['check']:.0f}, cache {once['cache']:.0f} images/s"


@contextmanager
def pictures(options: argparse.Namespace) -> Iterator[Path]:
    """The folder of large JPEG files: the one given, filled where it is not there, or a temporary one."""
    with tempfile.TemporaryDirectory() as temporary:
        files = options.pictures or Path(temporary) / "pictures"
        if not files.is_dir():
            write_pictures(options.folder, files, options.images)
        yield files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--timm", type=Path, help="a clone of timm, with train.py")
    parser.add_argument("--timm-workers", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2])
    parser.add_argument("--network", default="resnet50")
    parser.add_argument("--sides", type=lambda text: [int(n) for n in text.split(",")], default=[64, 96, 128])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3, help="of turns and of timm's script")
    parser.add_argument("--turns", type=int, default=8, help="bursts of ours and of the bare loop, one after the other")
    parser.add_argument("--steps", type=int, default=2, help="of a burst")
    parser.add_argument("--timm-steps", type=int, default=6, help="of timm's script")
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--workers", type=int, default=1, help="of ours")
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--pictures", type=Path, help="keep the large files here, or take those of an earlier call")
    parser.add_argument("--add", action="store_true", help="add to the rounds that the results hold")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    known = json.loads(options.out.read_text()) if options.out.is_file() else {"rows": []}
    rows = {(row["network"], row["side"]): row for row in known["rows"]}
    with pictures(options) as files:
        for side in options.sides:
            earlier = rows.get((options.network, side), {}).get("images_per_s", {}) if options.add else {}
            rows[options.network, side] = measured(side, options, files, earlier)
    ordered = [rows[key] for key in sorted(rows, key=lambda key: (len(key[0]), key))]
    sides, timm = ",".join(map(str, options.sides)), "" if options.timm is None else " --timm CLONE"
    shown = f"{options.folder.name} --network {options.network} --sides {sides}{timm}"
    result = {
        "command": f"python benchmarks/training_speed.py {shown}",
        "hardware": {"processor": processor_name(), "cores": available_cores(), "threads": options.threads},
        "versions": {name: metadata.version(name) for name in PACKAGES} | {"python": sys.version.split()[0]},
        "n": min(len(row["images_per_s"]["ours"]) for row in ordered),
        "rows": ordered,
    }
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(table(ordered)))


if __name__ == "__main__":
    main()
