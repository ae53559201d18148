"""How good the rates are that `learning_rate: auto` finds: `python benchmarks/learning_rates.py SOURCE...`.

For each source, contender and seed: the finder's pick from range tests of its own, then a training from the same
weights and batches at each rate of a grid and one at the pick. A pick is among the best third where no more than a
third of the grid's rates reach a higher accuracy, on validation and test images together. Leaves the rows in
benchmarks/results/learning_rates.json after each case; exit code 1 where fewer than five cases of six are among the
best third.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recording import RESULTS, leave

if TYPE_CHECKING:
    from deepenough.studies.bench import Bench
    from deepenough.training import Seeds

ENDS = {"adamw": (1e-4, 1e-1), "sgd": (1e-3, 1.0), "lamb": (1e-3, 1.0)}  # of the grid
RATES = 7
BOUND = 5 / 6
Rows = Sequence[Mapping[str, Any]]
Known = Mapping[tuple[str, int], Sequence[float]]


class Done(Exception):  # noqa: N818  the bench was used; there is no study to go on with
    """The cases of a source are measured."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--contenders", default="resnet50+width=0.25,resnet101+width=0.25")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--steps", type=int, default=100, help="of a training, rounded up to whole epochs")
    parser.add_argument("--optimizer", choices=sorted(ENDS), default="adamw")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--grid", type=Path, help="results of an earlier run, whose grid's accuracies hold")
    parser.add_argument("--out", type=Path, default=RESULTS / "learning_rates.json")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []

    def told(row: dict[str, Any]) -> None:
        rows.append(row)
        reached = " ".join(f"{100 * each:.1f}" for each in row["accuracies"])
        print(
            f"{row['source']} {row['contender']} seed {row['seed']}: pick {row['pick']:g} reaches "
            f"{100 * row['accuracy']:.1f} %; {row['better']} of {RATES} rates are better ({reached})",
            flush=True,
        )
        leave(options.out, len(rows), rows, ("torch",))

    for source in options.sources:
        cases(source, options, told, json.loads(options.grid.read_text("utf-8"))["rows"] if options.grid else [])
    good = sum(row["better"] <= RATES / 3 for row in rows)
    rates = ", ".join(f"{rate:g}" for rate in grid_of(options.optimizer))
    print(f"{good} of {len(rows)} picks are among the best third of the grid {rates}")
    return int(good < BOUND * len(rows))


def cases(source: Path, options: argparse.Namespace, told: Callable[[dict[str, Any]], None], grid: Rows) -> None:
    """Tell a row for each contender and seed, on the bench of a study of the source."""
    from deepenough.studies import run_study
    from deepenough.studies.study import make_study

    request = {
        "source": str(source),
        "contenders": options.contenders.split(","),
        "seeds": options.seeds,
        "train_scale": options.side,
        "scales": [options.side],
        "batch": 64,
        "epochs": 1,
        "weights": "none",
        "precision": "fp32",
        "threads": options.threads,
        "workers": 0,
        "images": False,
        "recipe": {"learning_rate": 1e-3, "optimizer": options.optimizer},
    }
    with tempfile.TemporaryDirectory() as folder:
        held = _Held()
        with contextlib.suppress(Done):
            run_study(make_study(request), Path(folder, "sizes"), executor=held)
        epochs = max(1, -(-options.steps // max(1, held.images // 64)))
        here = {"source": source.name, "optimizer": options.optimizer, "epochs": epochs, "side": options.side}
        same = [row for row in grid if all(row[name] == value for name, value in here.items())]
        same = [row for row in same if tuple(row["rates"]) == grid_of(options.optimizer)]
        known = {(row["contender"], row["seed"]): row["accuracies"] for row in same}
        taken = _Cases(lambda row: told({**here, **row}), known)
        with contextlib.suppress(Done):
            run_study(make_study({**request, "epochs": epochs}), Path(folder, "study"), executor=taken)


class _Held:
    """An executor that looks how many training images a study has."""

    images = 0

    def run(self, bench: Bench, wanted: Sequence[Seeds], scales: Sequence[int]) -> int:
        self.images = len(bench.train)
        raise Done


class _Cases:
    """An executor that measures the cases of a bench in place of the study's trainings."""

    def __init__(self, told: Callable[[dict[str, Any]], None], known: Known) -> None:
        self._told, self._known = told, known

    def run(self, bench: Bench, wanted: Sequence[Seeds], scales: Sequence[int]) -> int:
        for seeds in wanted:
            for name in bench.design.lineage.trained:
                self._told(case(bench, name, seeds, self._known.get((name, seeds.study))))
        raise Done


def case(bench: Bench, name: str, seeds: Seeds, known: Sequence[float] | None) -> dict[str, Any]:
    """A contender with one seed: the pick, and the accuracies at it and at the rates of the grid, unless known."""
    from deepenough.search.finder import find_rate
    from deepenough.search.ranges import TESTS
    from deepenough.studies.local import fresh_cell
    from deepenough.studies.rates import batches_of_test

    first = seeds.study * (TESTS + 1)
    *tests, short = (batches_of_test(bench, name, number) for number in range(first, first + TESTS + 1))
    found = find_rate(fresh_cell(bench, name, seeds), tests, bench.setting, short=short)
    rates = grid_of(bench.setting.recipe_of(name).optimizer)
    reached = known or [accuracy_at(bench, name, seeds, rate) for rate in rates]
    accuracy = accuracy_at(bench, name, seeds, found.rate)
    return {
        "contender": name,
        "seed": seeds.study,
        "pick": found.rate,
        "agreement": found.agreement,
        "took_s": found.took_s,
        "accuracy": accuracy,
        "rates": rates,
        "accuracies": reached,
        "better": sum(each > accuracy for each in reached),
        "curves": [asdict(curve) for curve in found.tests],
        "tried": [asdict(each) for each in found.tried],
    }


def grid_of(optimizer: str) -> tuple[float, ...]:
    """The rates of the grid, each the same factor above the one before."""
    return tuple(float(f"{rate:.3g}") for rate in np.geomspace(*ENDS[optimizer], RATES))


def accuracy_at(bench: Bench, name: str, seeds: Seeds, rate: float) -> float:
    """Accuracy on validation and test images after a training at a peak rate; 0 where it diverged."""
    from deepenough.studies.local import fresh_cell
    from deepenough.studies.phases import phases_of
    from deepenough.studies.tune.trials import scores_of
    from deepenough.training import train_lockstep
    from tuning import Nobody

    bench.check_stop()
    recipe = replace(bench.setting.recipe_of(name), learning_rate=rate)
    own = replace(bench, setting=replace(bench.setting, recipes={name: recipe}))
    (phase,) = phases_of(own, [fresh_cell(own, name, seeds)], seeds)
    train_lockstep(phase.cells, phase.stream, phase.setting, Nobody())
    (cell,) = phase.cells
    if cell.status == "diverged":
        return 0.0
    return float(np.concatenate([scores_of(replace(own, val=part), cell) for part in (own.val, own.test)]).mean())


if __name__ == "__main__":
    raise SystemExit(main())
