"""How time and memory grow with images, contenders and scales: `python benchmarks/growth.py`.

Around one middle point (10,000 images, 2 contenders, 2 scales, 3 seeds) each of the three is varied alone: images from
1,000 to 100,000, contenders from 2 to 8, scales from 1 to 8. Measured at each, every one in a process of its own:

- `check`: `deepenough check` on a folder of JPEG files of 64 px, images alone;
- `test`: small networks on squares of about 36 px, scores written as a study does (see evaluation_memory.py);
- `verdict` and `report`: the commands on a study's folder of random scores (see verdict_speed.py).

Prints the growth of each: the exponent b of time ~ n^b between the first and the last point, and the same of memory; 1
is in proportion, 0 does not grow. Leaves the rows in benchmarks/results/growth.json; exit code 1 where the time or the
memory of anything grows faster than in proportion (b over 1.1).
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

import evaluation_memory
import verdict_speed
from recording import RESULTS, RUN, leave, measured

BOUND = 1.1
SIDES = (36, 38, 34, 40, 32, 42, 35, 44)  # the first so many are close to 36 px in the mean
SEEDS, CLASSES, SIDE = 3, 10, 64
EVERY = 97  # images between two that are drawn anew; the others differ from them in one corner


class Size(NamedTuple):
    """How large a study is."""

    images: int = 10_000
    contenders: int = 2
    scales: int = 2


AXES: dict[str, Sequence[int]] = {
    "images": (1_000, 10_000, 100_000),
    "contenders": (2, 4, 8),
    "scales": (1, 2, 4, 8),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=100_000, help="images; smaller for a short try")
    parser.add_argument("--out", type=Path, default=RESULTS / "growth.json")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for axis, points in AXES.items():
        for value in points:
            if axis == "images" and value > options.most:
                continue
            size = Size()._replace(**{axis: value})
            for what, took, held in measures(size, check=axis == "images"):
                rows.append({"axis": axis, **size._asdict(), "what": what, "took_s": took, "peak_bytes": held})
                print(f"{axis:>10} {value:>7,}  {what:<8}{took:8.2f} s {held / 1e6:8.0f} MB", flush=True)
    grown = exponents(rows)
    leave(options.out, [row["images"] for row in rows if row["axis"] == "images" and row["what"] == "test"], [
        *rows, *grown], ("torch", "numpy", "polars", "scipy", "matplotlib", "pillow"))  # fmt: skip
    print(f"\n{'axis':>10}  {'what':<8}{'time':>8}{'memory':>8}   exponents, at most {BOUND}")
    for row in grown:
        print(f"{row['axis']:>10}  {row['what']:<8}{row['time_exponent']:8.2f}{row['memory_exponent']:8.2f}")
    return int(any(max(row["time_exponent"], row["memory_exponent"]) > BOUND for row in grown))


def measures(size: Size, *, check: bool) -> list[tuple[str, float, float]]:
    """What was run, seconds and peak bytes of it at one size."""
    found = []
    with tempfile.TemporaryDirectory() as place, multiprocessing.get_context("spawn").Pool(1) as elsewhere:
        pictures, study, tested = (Path(place, name) for name in ("pictures", "study", "tested"))
        for folder in (pictures, study, tested):
            folder.mkdir()
        if check:
            elsewhere.apply(write_pictures, (pictures, size.images))
            cost = measured(["-c", RUN, "check", str(pictures)])
            found.append(("check", cost.took_s, float(cost.peak_bytes)))
        elsewhere.apply(verdict_speed.make_study, (study, size.images, scales(size), SEEDS, accuracies(size)))
        for command in ("verdict", "report"):
            cost = measured(["-c", RUN, command, str(study)])
            found.append((command, cost.took_s, float(cost.peak_bytes)))
    with tempfile.TemporaryDirectory() as place, multiprocessing.get_context("spawn").Pool(1) as elsewhere:
        taken = elsewhere.apply(evaluation_memory.measured, (size.images, Path(place), scales(size), networks(size)))
        found.append(("test", taken["seconds"], taken["own_peak_bytes"]))
    return found


def scales(size: Size) -> tuple[int, ...]:
    """The sides, as a study would list them."""
    return tuple(sorted(SIDES[: size.scales]))


def names(size: Size) -> list[str]:
    """The two networks, then relatives of other widths."""
    return ["resnet50", "resnet101", *(f"resnet50+width=0.{number}" for number in range(4, 2 + size.contenders))]


def accuracies(size: Size) -> dict[str, float]:
    """A share of right answers for each contender."""
    return {name: 0.900 + 0.001 * number for number, name in enumerate(names(size))}


def networks(size: Size) -> dict[str, str]:
    """As many small networks, all of one cost."""
    config = evaluation_memory.NETWORKS["resnet50"]
    return dict.fromkeys(names(size), config)


def write_pictures(folder: Path, images: int) -> None:
    """JPEG files in class folders, no two alike."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for number in range(images):
        if number % EVERY == 0:
            base = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        shown = np.roll(base, number % EVERY, axis=1).copy()
        shown[0, :2] = np.array([[number % 256] * 3, [number // 256 % 256] * 3])
        place = folder / f"class_{number % CLASSES}"
        place.mkdir(exist_ok=True)
        Image.fromarray(shown).resize((SIDE, SIDE), Image.Resampling.NEAREST).save(place / f"{number:06d}.jpg")


def exponents(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The slope of each measure along each axis on double logarithmic paper, from its first point to its last."""
    found = []
    for axis in AXES:
        for what in dict.fromkeys(row["what"] for row in rows if row["axis"] == axis):
            line = [row for row in rows if row["axis"] == axis and row["what"] == what]
            if len(line) < 2:
                continue
            first, last = line[0], line[-1]
            width = math.log(last[axis] / first[axis])
            found.append({
                "axis": axis,
                "from_to": f"{first[axis]:,} to {last[axis]:,}",
                "what": what,
                "time_exponent": math.log(last["took_s"] / first["took_s"]) / width,
                "memory_exponent": math.log(last["peak_bytes"] / first["peak_bytes"]) / width,
            })  # fmt: skip
    return found


if __name__ == "__main__":
    raise SystemExit(main())
