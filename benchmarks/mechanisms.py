"""What each mechanism of a study gains and costs against its reference: `python benchmarks/mechanisms.py FOLDER`.

Prints a Markdown table: the gain at the verdict's scale with its interval and the p-value adjusted for the number of
comparisons, multiply-accumulates and latency from the study's own measurement, and the time of a training step,
measured anew on this machine. Run it on an idle machine; `--rounds 0` leaves the timing out.

`--curves` prints the gain at every scale as well, and between which scales a contender and the reference cross.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from deepenough.data import Preprocessing
from deepenough.machine import choose_machine
from deepenough.records import COSTS, read_json, read_table
from deepenough.studies.design import design_of
from deepenough.studies.plan import Probe
from deepenough.studies.probe import probe
from deepenough.studies.study import Study, load_study
from deepenough.tasks.classification import Classification
from deepenough.training import Setting

HEADER = """| contender | {scale} px: accuracy, % | gain, points [95 %] | adjusted p | MACs | latency | training |
|---|---|---|---|---|---|---|"""


def training_seconds(study: Study, classes: int, rounds: int) -> dict[str, float]:
    """Seconds to train one image, by what is trained or tuned: the least of some rounds over all networks."""
    machine = choose_machine(study.precision, study.threads)
    task = Classification(tuple(str(number) for number in range(classes)))
    design = design_of(study)
    setting = Setting(recipe=design.recipe, machine=machine, preprocessing=Preprocessing(), task=task)
    found: list[Probe] = [
        probe(design.contenders, setting, side=design.train_scale, batch=design.batch, steps=3) for _ in range(rounds)
    ]
    return {name: min(each.train_s[name] for each in found) for name in found[0].train_s} if found else {}


def rows(folder: Path, rounds: int) -> list[str]:
    verdict, study = read_json(folder / "verdict.json"), load_study(folder / "study.yaml")
    reference, scale = verdict["small"], verdict["scale"]
    costs = read_table(folder / "costs.parquet", COSTS).filter((pl.col("scale") == scale) & (pl.col("batch") == 1))
    cost = {row["contender"]: row for row in costs.iter_rows(named=True)}
    samples = pl.read_parquet(folder / "samples.parquet")
    seconds = training_seconds(study, samples["target"].n_unique(), rounds)
    means = {entry["contender"]: entry["mean"] for entry in verdict["contenders"] if entry["scale"] == scale}
    pairs = pairs_of(verdict)
    lines = [HEADER.format(scale=scale)]
    for name in study.contenders:
        ratios = [cost[name]["macs"] / cost[reference]["macs"]]
        ratios.append(cost[name]["latency_s"]["p50"] / cost[reference]["latency_s"]["p50"])
        ratios.append(_training(name, seconds) / seconds[reference] if seconds else float("nan"))
        shown = " | ".join("" if ratio != ratio else f"{ratio:.2f}" for ratio in ratios)
        lines.append(f"| `{name}` | {means[name]:.1f} | {_gain(pairs.get((name, scale)))} | {shown} |")
    return lines


def _training(name: str, seconds: dict[str, float]) -> float:
    """What a contender's weights take to make: its training, and its tuning where it has one."""
    from deepenough.studies.contenders import contender

    found = contender(name)
    tuning = seconds[found.tested] if found.tested != found.trained else 0.0
    return seconds[found.trained] + tuning


def pairs_of(verdict: dict[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
    """Every other contender's gain over the reference, by contender and scale, the sign turned where it is cheaper."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for pair in verdict["pairs"]:
        if pair["small"] == verdict["small"]:
            found[pair["big"], pair["scale"]] = pair
        elif pair["big"] == verdict["small"]:
            low, high = pair["interval"]
            turned = {"difference": -pair["difference"], "interval": [-high, -low]}
            found[pair["small"], pair["scale"]] = {**pair, **turned}
    return found


def curves(folder: Path) -> list[str]:
    """The gain over the reference at every scale, and where it changes its sign."""
    verdict = read_json(folder / "verdict.json")
    pairs, reference = pairs_of(verdict), verdict["small"]
    scales = sorted({scale for _, scale in pairs})
    means = {(entry["contender"], entry["scale"]): entry["mean"] for entry in verdict["contenders"]}
    names = list(dict.fromkeys(name for name, _ in pairs))
    lines = ["| test side, px | " + " | ".join(f"`{name}`" for name in (reference, *names)) + " |"]
    lines.append("|---" * (len(names) + 2) + "|")
    for scale in scales:
        cells = [f"{means[reference, scale]:.1f}"]
        for name in names:
            low, high = pairs[name, scale]["interval"]
            cells.append(f"{pairs[name, scale]['difference']:+.1f} [{low:+.1f}, {high:+.1f}]")
        lines.append(f"| {scale} | " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"`{name}`: {crossing([pairs[name, scale]['difference'] for scale in scales], scales)}" for name in names]
    return lines


def crossing(gains: list[float], scales: list[int]) -> str:
    """Between which scales the gain changes its sign, the place by a straight line between them."""
    found = []
    for (first, before), (second, after) in pairwise(zip(scales, gains, strict=True)):
        if before * after < 0:
            place = first + (second - first) * before / (before - after)
            found.append(f"{place:.0f} px ({before:+.1f} at {first} px, {after:+.1f} at {second} px)")
    return "crosses the reference at " + " and ".join(found) if found else "does not cross the reference"


def _gain(pair: dict[str, Any] | None) -> str:
    if pair is None:
        return "reference | "
    low, high = pair["interval"]
    adjusted = pair["p_adjusted"]
    p_value = f"{pair['p_value']:.2g} (decides)" if adjusted is None else f"{adjusted:.2g}"
    return f"{pair['difference']:+.1f} [{low:+.1f}, {high:+.1f}] | {p_value}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="of a finished study")
    parser.add_argument("--rounds", type=int, default=3, help="of timing; 0 for none")
    parser.add_argument("--curves", action="store_true", help="the gain at every scale as well")
    options = parser.parse_args()
    for folder in options.folders:
        print(*rows(folder, options.rounds), sep="\n", end="\n\n")
        if options.curves:
            print(*curves(folder), sep="\n", end="\n\n")


if __name__ == "__main__":
    main()
