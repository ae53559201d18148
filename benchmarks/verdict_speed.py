"""How long a verdict takes, and how much memory: `python benchmarks/verdict_speed.py`.

Makes a study's folder of 50,000 images, 2 networks, 3 seeds and 5 scales (1.5 million scores) in a temporary place.
Times `decide_study` from Parquet on disk, with the modules loaded, and the whole command `deepenough verdict FOLDER` in
a fresh process, imports included: once where the study has just ended (its own verdict.json must be understood first)
and again on what the command itself wrote. Prints a Markdown table of medians and leaves the rows in
benchmarks/results/verdict_speed.json; exit code 1 where a bound is broken.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from deepenough import records
from deepenough.comparison import decide_study, read_scores, slice_table, stored_scores
from recording import RESULTS, RUN, Cost, leave, measured

SCALES, SEEDS, CLASSES = (96, 128, 160, 192, 224), 3, 100
ACCURACY = {"resnet50": 0.900, "resnet101": 0.903}
FUNCTION_S, COMMAND_S, MEMORY_MB = 0.3, 0.8, 300


def make_scores(
    rng: np.random.Generator, images: int, scales: Sequence[int], seeds: int, accuracy: Mapping[str, float]
) -> pl.DataFrame:
    """Scores as a study writes them: a block of rows a contender, scale and seed, images in one order."""
    ids = [rng.bytes(16).hex() for _ in range(images)]
    names = pl.Series([f"class_{place:03d}" for place in range(CLASSES)])
    target = rng.integers(0, CLASSES, images)
    parts = []
    for contender, share in accuracy.items():
        for scale in scales:
            for seed in range(seeds):
                right = rng.random(images) < share
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


def make_study(
    folder: Path,
    images: int,
    scales: Sequence[int] = SCALES,
    seeds: int = SEEDS,
    accuracy: Mapping[str, float] = ACCURACY,
) -> None:
    """A study's folder as it stands when the study has ended."""
    rng = np.random.default_rng(0)
    scores, validation = (make_scores(rng, count, scales, seeds, accuracy) for count in (images, images // 10))
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path, default=RESULTS / "verdict_speed.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, multiprocessing.get_context("spawn").Pool(1) as elsewhere:
        folder = Path(place)
        elsewhere.apply(make_study, (folder, options.images))
        study = (folder / "verdict.json").read_bytes()
        functions = [elsewhere.apply(decide, (folder,)) for _ in range(options.repeats)]
        first: list[Cost] = []
        again: list[Cost] = []
        for _ in range(options.repeats):
            (folder / "verdict.json").write_bytes(study)
            first.append(measured(["-c", RUN, "verdict", str(folder)]))
            again.append(measured(["-c", RUN, "verdict", str(folder)]))
    sizes = {"images": options.images, "cells": len(ACCURACY) * SEEDS, "scales": len(SCALES)}
    commands = {"deepenough verdict, first time": first, "deepenough verdict, again": again}
    leave(
        options.out,
        options.images,
        [
            *({"what": "decide_study, from Parquet", **sizes, "took_s": took} for took in functions),
            *({"what": what, **sizes, **each._asdict()} for what, costs in commands.items() for each in costs),
        ],
        ("numpy", "polars", "scipy"),
    )
    return shown(options.images, functions, first, again)


def shown(images: int, functions: Sequence[float], first: Sequence[Cost], again: Sequence[Cost]) -> int:
    """Print the table; 1 where a median breaks its bound."""
    rows = [
        ("decide_study, from Parquet", functions, FUNCTION_S, "s"),
        ("deepenough verdict, first time", [each.took_s for each in first], COMMAND_S, "s"),
        ("deepenough verdict, again", [each.took_s for each in again], COMMAND_S, "s"),
        ("its processor time", [each.processor_s for each in again], float("inf"), "s"),
        ("its memory", [each.peak_bytes / 1e6 for each in (*first, *again)], MEMORY_MB, "MB"),
    ]
    print(f"{images:,} images, {len(first)} repeats, {os.cpu_count()} cores\n")
    print("| | median | least | most | bound | |\n|---|---|---|---|---|---|")
    broken = False
    for name, values, bound, unit in rows:
        digits = 0 if unit == "MB" else 3
        middle = statistics.median(values)
        numbers = " | ".join(f"{value:.{digits}f} {unit}" for value in (middle, min(values), max(values)))
        limit = f"{bound} {unit}" if bound < float("inf") else ""
        print(f"| {name} | {numbers} | {limit} | {'' if middle < bound else '**broken**'} |")
        broken |= middle >= bound
    return int(broken)


if __name__ == "__main__":
    raise SystemExit(main())
