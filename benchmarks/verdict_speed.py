"""How long a verdict takes, and how much memory: `python benchmarks/verdict_speed.py`.

Makes a study's folder of 50,000 images, 2 networks, 3 seeds and 5 scales (1.5 million scores) in a temporary place.
Times `decide_study` from Parquet on disk, with the modules loaded, and the whole command `deepenough verdict FOLDER` in
a fresh process, imports included: once where the study has just ended (its own verdict.json must be understood first)
and again on what the command itself wrote. Prints a Markdown table of medians; exit code 1 where a bound is broken.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from deepenough import records
from deepenough.comparison import decide_study, read_scores, slice_table, stored_scores

SCALES, SEEDS, CLASSES = (96, 128, 160, 192, 224), 3, 100
ACCURACY = {"resnet50": 0.900, "resnet101": 0.903}
FUNCTION_S, COMMAND_S, MEMORY_MB = 0.3, 0.8, 300
RUN = "import sys; from deepenough.cli import main; main(sys.argv[1:])"


def make_scores(rng: np.random.Generator, images: int) -> pl.DataFrame:
    """Scores as a study writes them: a block of rows a contender, scale and seed, images in one order."""
    ids = [rng.bytes(16).hex() for _ in range(images)]
    names = pl.Series([f"class_{place:03d}" for place in range(CLASSES)])
    target = rng.integers(0, CLASSES, images)
    parts = []
    for contender, accuracy in ACCURACY.items():
        for scale in SCALES:
            for seed in range(SEEDS):
                right = rng.random(images) < accuracy
                wrong = (target + rng.integers(1, CLASSES, images)) % CLASSES
                parts.append(
                    pl.DataFrame({"sample_id": ids, "score": right.astype(float), "confidence": rng.random(images)})
                    .with_columns(
                        names[target].alias("target"),
                        names[np.where(right, target, wrong)].alias("prediction"),
                        contender=pl.lit(contender),
                        seed=pl.lit(seed),
                        scale=pl.lit(scale),
                    )
                    .select(pl.col(name).cast(kind) for name, kind in records.SCORES.items())
                )
    return pl.concat(parts)


def make_study(folder: Path, images: int) -> None:
    """A study's folder as it stands when the study has ended."""
    rng = np.random.default_rng(0)
    scores, validation = make_scores(rng, images), make_scores(rng, images // 10)
    records.write_table(folder / "scores.parquet", scores, records.SCORES)
    records.write_table(folder / "validation.parquet", validation, records.SCORES)
    samples = scores.head(images).select(
        "sample_id",
        path="sample_id",
        target="target",
        split=pl.lit("test"),
        group=pl.lit(None, dtype=pl.String),
        width=pl.lit(224),
        height=pl.lit(224),
    )
    records.write_table(folder / "samples.parquet", samples, records.SAMPLES)
    verdict = decide_study(scores, margin=0.5, validation=validation, small="resnet50", big="resnet101")
    records.write_json(folder / "verdict.json", verdict)
    slices = slice_table(scores, samples, small="resnet50", big="resnet101")
    records.write_table(folder / "slices.parquet", slices, records.SLICES)


def decide(folder: Path) -> float:
    """Seconds from the file to the verdict, with the modules loaded."""
    began = time.perf_counter()
    scores, validation = stored_scores(folder / "scores.parquet"), read_scores(folder / "validation.parquet", ids=False)
    if scores is None:
        raise SystemExit("the scores that were written do not stand run by run")
    decide_study(scores, margin=0.5, validation=validation, small="resnet50", big="resnet101")
    return time.perf_counter() - began


def command(folder: Path) -> tuple[float, float, float]:
    """Seconds of the whole command, its processor seconds, and the megabytes that its process held at most.

    The last begins with what this process holds when it starts the other, so all that is large is made elsewhere.
    """
    arguments = [sys.executable, "-c", RUN, "verdict", str(folder)]
    began = time.perf_counter()
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"the command ended with {child.returncode}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024  # kilobytes on Linux


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, multiprocessing.get_context("spawn").Pool(1) as elsewhere:
        folder = Path(place)
        elsewhere.apply(make_study, (folder, options.images))
        study = (folder / "verdict.json").read_bytes()
        functions = [elsewhere.apply(decide, (folder,)) for _ in range(options.repeats)]
        first, again = [], []
        for _ in range(options.repeats):
            (folder / "verdict.json").write_bytes(study)
            first.append(command(folder))
            again.append(command(folder))
    rows = [
        ("decide_study, from Parquet", functions, FUNCTION_S, "s"),
        ("deepenough verdict, first time", [took for took, _, _ in first], COMMAND_S, "s"),
        ("deepenough verdict, again", [took for took, _, _ in again], COMMAND_S, "s"),
        ("its processor time", [used for _, used, _ in again], float("inf"), "s"),
        ("its memory", [held for _, _, held in first + again], MEMORY_MB, "MB"),
    ]
    print(f"{options.images:,} images, {options.repeats} repeats, {os.cpu_count()} cores\n")
    print("| | median | least | most | bound | |\n|---|---|---|---|---|---|")
    broken = False
    for name, values, bound, unit in rows:
        digits = 0 if unit == "MB" else 3
        middle = statistics.median(values)
        shown = " | ".join(f"{value:.{digits}f} {unit}" for value in (middle, min(values), max(values)))
        limit = f"{bound} {unit}" if bound < float("inf") else ""
        print(f"| {name} | {shown} | {limit} | {'' if middle < bound else '**broken**'} |")
        broken |= middle >= bound
    return int(broken)


if __name__ == "__main__":
    raise SystemExit(main())
