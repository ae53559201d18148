"""How long a report of a large study takes, how large it is, and start-up: `python benchmarks/report_speed.py`.

Makes the folder of a study of 50,000 images, 2 networks, 1 scale and 5 seeds (10 cells) in a temporary place and runs
`deepenough report` on it in a fresh process, imports included; then the program's import and its help. Leaves the rows
in benchmarks/results/report_speed.json; exit code 1 where a bound is broken.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import verdict_speed
from deepenough.machine import available_cores, processor_name

RESULTS = Path(__file__).parent / "results" / "report_speed.json"
SECONDS, MEGABYTES = 5.0, 5.0
RUN = "import sys; from deepenough.cli import main; main(sys.argv[1:])"
STARTS = {"import deepenough": ["-c", "import deepenough"], "deepenough --help": ["-c", RUN, "--help"]}


def make(folder: Path, images: int) -> None:
    """The folder, with one scale and five seeds."""
    verdict_speed.SCALES, verdict_speed.SEEDS = (224,), 5
    verdict_speed.make_study(folder, images)


def timed(arguments: list[str]) -> tuple[float, float]:
    """Seconds of a fresh process, and the megabytes that it held at most."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{shlex.join(arguments)} ended with {child.returncode}")
    return took, usage.ru_maxrss / 1024  # kilobytes on Linux


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place, multiprocessing.get_context("spawn").Pool(1) as elsewhere:
        folder = Path(place)
        elsewhere.apply(make, (folder, options.images))
        for number in range(options.repeats):
            took, held = timed(["-c", RUN, "report", str(folder)])
            size = (folder / "report.html").stat().st_size / 1e6
            named = {"what": "deepenough report", "round": number, "images": options.images, "cells": 10}
            rows.append({**named, "took_s": took, "page_mb": size, "memory_mb": held})
    for what, arguments in STARTS.items():
        for number in range(options.repeats):
            took, held = timed(arguments)
            rows.append({"what": what, "round": number, "took_s": took, "memory_mb": held})
    found = {
        "command": shlex.join(["python", "benchmarks/report_speed.py", *sys.argv[1:]]),
        "hardware": {"processor": processor_name(), "cores": available_cores()},
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in ("numpy", "polars")},
        "n": options.images,
        "rows": rows,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    reports = [row for row in rows if "page_mb" in row]
    took, size = (statistics.median(row[key] for row in reports) for key in ("took_s", "page_mb"))
    print(f"{took:.2f} s (bound {SECONDS}), {size:.2f} MB (bound {MEGABYTES})")
    return int(took > SECONDS or size > MEGABYTES)


if __name__ == "__main__":
    raise SystemExit(main())
