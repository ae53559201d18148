"""How long a report of a large study takes, how large it is, and start-up: `python benchmarks/report_speed.py`.

Makes the folders of two studies of 50,000 images, 2 networks and 5 seeds (10 cells), at one scale and at four, in a
temporary place and runs `deepenough report` on each in a fresh process, imports included; then the program's import
and its help. Leaves the rows in benchmarks/results/report_speed.json; exit code 1 where a bound is broken.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
from pathlib import Path
from typing import Any

import verdict_speed
from recording import RESULTS, RUN, leave, measured

SECONDS, MEGABYTES = 5.0, 5.0
SCALES, SEEDS = ((224,), (96, 128, 160, 224)), 5
STARTS = {"import deepenough": ["-c", "import deepenough"], "deepenough --help": ["-c", RUN, "--help"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS / "report_speed.json")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    broken = False
    for scales in SCALES:
        made = reports(options.images, scales, options.repeats)
        took, size = (statistics.median(row[key] for row in made) for key in ("took_s", "page_mb"))
        print(f"{len(scales)} scales: {took:.2f} s (bound {SECONDS}), {size:.2f} MB (bound {MEGABYTES})")
        broken |= took > SECONDS or size > MEGABYTES
        rows += made
    for what, arguments in STARTS.items():
        for number in range(options.repeats):
            rows.append({"what": what, "round": number, "took_s": measured(arguments).took_s})
    leave(options.out, options.images, rows, ("numpy", "polars", "matplotlib"))
    return int(broken)


def reports(images: int, scales: tuple[int, ...], repeats: int) -> list[dict[str, Any]]:
    """The report of one study, so often; the study is made in another process, whose memory is not this one's."""
    named = {"what": "deepenough report", "images": images, "cells": 2 * SEEDS, "scales": len(scales)}
    rows = []
    with tempfile.TemporaryDirectory() as place, multiprocessing.get_context("spawn").Pool(1) as elsewhere:
        folder = Path(place)
        elsewhere.apply(verdict_speed.make_study, (folder, images, scales, SEEDS))
        for number in range(repeats):
            took, _, held = measured(["-c", RUN, "report", str(folder)])
            size = (folder / "report.html").stat().st_size / 1e6
            rows.append({**named, "round": number, "took_s": took, "page_mb": size, "peak_bytes": held})
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
