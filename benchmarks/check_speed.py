"""How fast `check` is beside decoding alone, over the same pictures, in turns: processor seconds of one thread.

python benchmarks/check_speed.py FOLDER [--pairs 5] [--size 500x375 --as jpeg --pictures 600] [--threads 2]

With `--threads`, seconds by the clock of so many threads in both; the command takes as many as there are cores. With
`--size` the pictures are enlarged to it first, class by class, and written to a temporary folder in one format.
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
from deepenough.data.threads import in_threads


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder")
    options.add_argument("--pairs", type=int, default=5, help="times that both are measured")
    options.add_argument("--size", help="enlarge to WIDTHxHEIGHT first")
    options.add_argument("--as", dest="ending", choices=("jpeg", "png"), default="jpeg", help="format to write")
    options.add_argument("--pictures", type=int, default=600, help="how many to enlarge")
    options.add_argument("--threads", type=int, default=0, help="that decode, in both; by the clock then")
    given = options.parse_args()
    source = open_source(given.folder)
    if given.size is None:
        measure(source, given.pairs, given.threads)
        return
    width, height = map(int, given.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        enlarge(source.entries, Path(folder), (width, height), given.ending, given.pictures)
        measure(open_source(folder), given.pairs, given.threads)


def measure(source: Source, pairs: int, threads: int) -> None:
    ratios, clock = [], time.perf_counter if threads else time.process_time
    for _ in range(pairs):
        started = clock()
        for _ in in_threads(_decoded, source.entries, threads):
            pass
        decoded = clock()
        prepare(source, workers=threads)
        checked = clock() - decoded
        ratios.append((decoded - started) / checked)
        print(f"decoding {decoded - started:.2f} s, check {checked:.2f} s, {ratios[-1]:.0%} of its speed", flush=True)
    print(f"median {sorted(ratios)[len(ratios) // 2]:.0%} over {pairs} pairs, {len(source.entries)} pictures")


def _decoded(entry: Entry) -> None:
    decode_rgb(entry.read())


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
