"""How fast `check` is beside decoding alone: processor seconds over the same pictures, in turns, in one thread.

python benchmarks/check_speed.py FOLDER [--pairs 5] [--size 500x375 --as jpeg --pictures 600]

With `--size` the pictures are enlarged to it first, class by class, and written to a temporary folder in one format.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from deepenough.data import decode_rgb, open_source, prepare
from deepenough.data.entries import Entry, Source


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder")
    options.add_argument("--pairs", type=int, default=5, help="times that both are measured")
    options.add_argument("--size", help="enlarge to WIDTHxHEIGHT first")
    options.add_argument("--as", dest="ending", choices=("jpeg", "png"), default="jpeg", help="format to write")
    options.add_argument("--pictures", type=int, default=600, help="how many to enlarge")
    given = options.parse_args()
    source = open_source(given.folder)
    if given.size is None:
        measure(source, given.pairs)
        return
    width, height = map(int, given.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        enlarge(source.entries, Path(folder), (width, height), given.ending, given.pictures)
        measure(open_source(folder), given.pairs)


def measure(source: Source, pairs: int) -> None:
    ratios = []
    for _ in range(pairs):
        started = time.process_time()
        for entry in source.entries:
            decode_rgb(entry.read())
        decoded = time.process_time()
        prepare(source)
        checked = time.process_time() - decoded
        ratios.append((decoded - started) / checked)
        print(f"decoding {decoded - started:.2f} s, check {checked:.2f} s, {ratios[-1]:.0%} of its speed", flush=True)
    print(f"median {sorted(ratios)[len(ratios) // 2]:.0%} over {pairs} pairs, {len(source.entries)} pictures")


def enlarge(entries: Sequence[Entry], folder: Path, size: tuple[int, int], ending: str, count: int) -> None:
    """Write every so manieth picture, `count` in all or a few more, as `folder/split/class/number.ending`."""
    step = max(1, len(entries) // count)
    for number, entry in enumerate(entries[::step]):
        with Image.open(BytesIO(entry.read())) as picture:
            enlarged = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
        path = folder / (entry.split or "train") / str(entry.target) / f"{number:06d}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        enlarged.save(path)


if __name__ == "__main__":
    main()
