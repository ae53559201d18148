"""How long testing takes from JPEG files, against the bare forward passes.

python benchmarks/evaluation_speed.py FOLDER [--images 128] [--rounds 3]

Takes pictures from FOLDER, enlarges them to at least 500 x 375 px and writes them as JPEG files in a temporary place.
Then, in turns:

- ours: decode every file, cut a square a scale, run every network at every scale, score every picture;
- bare: the same networks, as they were trained, over the same batches as float tensors that lie ready in memory.

Both on the same threads and in the same precision (bf16 by default, channels last). Prints a table; leaves every
round's seconds in a JSON file. Exit code 1 where the median ratio is above the bound.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from deepenough.data import Prepared, Preprocessing, build_test_pixels, open_source, prepare
from deepenough.evaluation import batch_at, evaluate
from deepenough.machine import Machine, available_cores, processor_name
from deepenough.networks import ResNet, build
from deepenough.tasks.classification import Classification

BOUND = 1.10  # ours over bare
LEAST = (500, 375)  # pixels, long and short side
RESULTS = Path(__file__).parent / "results" / "evaluation_speed.json"


def main() -> int:
    """Run the benchmark; 1 where the bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="pictures to enlarge")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--networks", default="resnet50,resnet101")
    parser.add_argument("--scales", default="48,64,80,96,128")
    parser.add_argument("--precision", default="bf16", choices=("bf16", "fp32"))
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    scales = [int(scale) for scale in options.scales.split(",")]
    torch.set_num_threads(options.threads)
    machine = Machine(precision=options.precision, threads=options.threads)
    with tempfile.TemporaryDirectory() as place:
        prepared = write_pictures(options.folder, Path(place) / "pictures", options.images)
        networks = {name: trained(name, len(prepared.classes), machine) for name in options.networks.split(",")}
        ours = Ours(prepared, networks, scales, machine, Path(place))
        bare = ready(prepared, networks, scales, machine, Path(place))
        measured = [take_turns(ours, bare, number) for number in range(options.rounds)]
    rows = [{"n": options.images, "round": number, **row} for number, row in enumerate(measured)]
    write(options.out, rows, options.images)
    ratio = show(rows, options)
    return int(ratio > BOUND)


def write_pictures(source: Path, folder: Path, images: int) -> Prepared:
    """JPEG files of at least 500 x 375 px, all but a few in the test split, in two classes."""
    found = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    few = 4  # training pictures, which a source must have and this benchmark never opens
    for number in range(images + few):
        with Image.open(found[number * len(found) // (images + few)]) as opened:
            picture = opened.convert("RGB")
        factor = max(LEAST[0] / max(picture.size), LEAST[1] / min(picture.size), 1.0)
        side = [round(factor * length) for length in picture.size]
        split = "test" if number < images else "train"
        path = folder / split / ("even", "odd")[number % 2] / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.resize((side[0], side[1]), Image.Resampling.BICUBIC).save(path, quality=90)
    return prepare(open_source(str(folder)))


def trained(name: str, classes: int, machine: Machine) -> ResNet:
    """A network whose norms have statistics of their own, as after training."""
    network = machine.place(build(name, classes, seed=0))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad(), machine.autocast():
        network.train()(torch.randn(16, 3, 64, 64, generator=generator))
    return network.eval()


class Ours:
    """Testing as a study does it, beginning with the files; nothing is kept from one call to the next."""

    def __init__(
        self,
        prepared: Prepared,
        networks: dict[str, ResNet],
        scales: Sequence[int],
        machine: Machine,
        place: Path,
    ) -> None:
        self.prepared, self.networks, self.scales, self.machine, self.place = prepared, networks, scales, machine, place
        self.decoded_s = 0.0

    def __call__(self) -> None:
        norm, began = Preprocessing(), time.perf_counter()
        targets = dict(self.prepared.samples.select("sample_id", "target").iter_rows())
        with tempfile.TemporaryDirectory(dir=self.place) as cache:
            pixels = build_test_pixels(
                self.prepared,
                "test",
                Path(cache),
                scales=self.scales,
                preprocessing=norm,
                workers=self.machine.threads,
            )
            self.decoded_s = time.perf_counter() - began
            evaluate(
                self.networks,
                pixels,
                np.array([self.prepared.classes.index(targets[sample]) for sample in pixels.sample_ids]),
                seed=0,
                scales=self.scales,
                task=Classification(tuple(self.prepared.classes)),
                machine=self.machine,
                preprocessing=norm,
            )


def ready(
    prepared: Prepared, networks: dict[str, ResNet], scales: Sequence[int], machine: Machine, place: Path
) -> Callable[[], None]:
    """The bare forward passes over batches that lie ready."""
    norm = Preprocessing()
    pixels = build_test_pixels(prepared, "test", place / "ready", scales=scales, preprocessing=norm)
    batches = []
    for scale in scales:
        whole = torch.from_numpy(np.array(pixels.at(scale))).permute(0, 3, 1, 2)
        batches += [machine.images(part, norm.mean, norm.std) for part in whole.split(batch_at(scale))]

    def forward() -> None:
        with torch.inference_mode(), machine.autocast():
            for images in batches:
                for network in networks.values():
                    network(images)

    return forward


def take_turns(ours: Ours, bare: Callable[[], None], number: int) -> dict[str, float]:
    """Seconds of both, the other one first in every second round; the first round comes after one that is not timed."""
    if number == 0:
        bare()
    pair = {"ours_s": ours, "bare_s": bare}
    seconds = {}
    for name in reversed(pair) if number % 2 else pair:
        began = time.perf_counter()
        pair[name]()
        seconds[name] = time.perf_counter() - began
    return {**seconds, "decode_s": ours.decoded_s, "ratio": seconds["ours_s"] / seconds["bare_s"]}


def write(path: Path, rows: list[dict[str, float]], images: int) -> None:
    """Leave the rounds with what it takes to do them again."""
    found = {
        "command": shlex.join(["python", "benchmarks/evaluation_speed.py", *sys.argv[1:]]),
        "hardware": {"processor": processor_name(), "cores": available_cores()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "n": images,
        "rows": rows,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")


def show(rows: list[dict[str, float]], options: argparse.Namespace) -> float:
    """Print medians and ranges; the median ratio."""
    print(f"{options.images} images, {options.networks} at {options.scales} px, {options.precision}")
    print(f"{options.threads} threads, {options.rounds} rounds in alternation; seconds\n")
    print(f"{'':40}{'median':>9}{'least':>9}{'most':>9}")
    named = {
        "ours_s": "ours: decode, test, score",
        "decode_s": "  of which decoding alone",
        "bare_s": "bare forward passes, tensors ready",
        "ratio": f"ours over bare (at most {BOUND})",
    }
    for key, name in named.items():
        values = [row[key] for row in rows]
        print(f"{name:40}{statistics.median(values):>9.3f}{min(values):>9.3f}{max(values):>9.3f}")
    return statistics.median(row["ratio"] for row in rows)


if __name__ == "__main__":
    raise SystemExit(main())
