"""The search of `deepenough tune` against random search, at equal processor seconds.

    python benchmarks/tuning.py ../shared/data/cifar10_12k --seconds 150 --seeds 3

Both draw from one space under one budget and train on the same images with one thread. A search stops in the middle of
a step's trial once its processor seconds are spent; its winner is trained anew with a fresh seed and tested. Printed
are both winners' accuracies on test for each seed of the search, and the difference with its interval over seeds and
images (`stats.nested`).
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from deepenough.search.budget import Budget, amount
from deepenough.stats import nested
from deepenough.studies.listener import Silent
from deepenough.studies.local import fresh_cell
from deepenough.studies.phases import phases_of
from deepenough.studies.study import make_study
from deepenough.studies.tune import Asked, Laid, lay_out
from deepenough.studies.tune.asked import claim
from deepenough.studies.tune.concluding import conclude
from deepenough.studies.tune.running import run_trials
from deepenough.studies.tune.trials import bench_for, scores_of
from deepenough.training import Cell, Seeds, train_lockstep


class Spent(Exception):  # noqa: N818  the end of a search's time
    """The processor seconds are spent."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--val", type=int, default=1000)
    parser.add_argument("--macs", default="20M")
    given = parser.parse_args()
    scores: dict[str, list[np.ndarray]] = {"tpe": [], "random": []}
    with tempfile.TemporaryDirectory() as folder:
        manifest = part_of(given.source, Path(folder), given.train, given.val)
        plain = {"source": str(manifest), "allow_outside": True, "epochs": given.epochs, "batch": 64, "workers": 0}
        plain |= {"threads": 1, "precision": "bf16", "images": False, "train_scale": 32, "weights": "none"}
        budget = Budget(macs=amount(given.macs, "--macs"))
        for seed in range(given.seeds):
            for sampler in scores:
                asked = Asked(
                    study=make_study(plain),
                    budget=budget,
                    trials=1000,
                    sampler=sampler,
                    seed=seed,
                    early=sampler == "tpe",
                )
                laid, found = search(asked, Path(folder) / f"{sampler}{seed}", given.seconds)
                winner = tested(laid, found["contender"], seed)
                scores[sampler].append(winner)
                print(
                    f"{sampler} {seed}: {len(found['trials'])} trials, {found['trained']} to their end; "
                    f"{100 * winner.mean():.2f} % on test, {found['price']['macs'] / 1e6:.1f} M MACs, "
                    f"{found['contender']}",
                    flush=True,
                )
    estimate = nested(np.stack(scores["tpe"]), np.stack(scores["random"])).scaled(100.0)
    low, high = estimate.interval
    print(f"tune minus random: {estimate.difference:.2f} points ({low:.2f} to {high:.2f}), p {estimate.p_value:.3f}")
    print(f"processor seconds in all: {time.process_time():.0f}")


def search(asked: Asked, folder: Path, seconds: float) -> tuple[Laid, dict]:
    """A search that is given so many processor seconds once it is laid out, and its record."""
    until = [float("inf")]

    def check() -> None:
        if time.process_time() > until[0]:
            raise Spent

    claim(asked, folder)
    laid = lay_out(asked, folder, Silent(), check)
    until[0] = time.process_time() + seconds
    with contextlib.suppress(Spent):
        run_trials(laid)
    record = conclude(laid)
    return laid, {**record, "trained": sum(each["status"] == "trained" for each in record["trials"])}


def tested(laid: Laid, contender: str, seed: int) -> np.ndarray:
    """Scores on the test images of a fresh training, with a seed that no search has."""
    own = bench_for(laid.bench, contender, 32)
    cell = fresh_cell(own, contender, Seeds.of(seed))
    (phase,) = phases_of(own, [cell], Seeds.of(seed))
    train_lockstep(phase.cells, phase.stream, phase.setting, Nobody())
    return scores_of(replace(own, val=own.test), cell)


class Nobody:
    """Watches a training without a word."""

    def stepped(self, cell: Cell, *, loss: float, images_per_s: float) -> None: ...

    def halved(self, cell: Cell, images: int) -> None: ...

    def validate(self, cell: Cell) -> float | None: ...

    def lockstep(self, cells: Sequence[Cell]) -> None: ...


def part_of(source: Path, folder: Path, train: int, val: int) -> Path:
    """A manifest with so many of the training images, class by class, and all of the test images."""
    rng, rows = np.random.default_rng(0), []
    classes = sorted(path.name for path in (source / "train").iterdir() if path.is_dir())
    for name in classes:
        paths = sorted((source / "train" / name).iterdir())
        chosen = rng.permutation(len(paths))[: (train + val) // len(classes)]
        for place, index in enumerate(chosen):
            rows.append((paths[index].resolve(), name, "val" if place < val // len(classes) else "train"))
        rows += [(path.resolve(), name, "test") for path in sorted((source / "test" / name).iterdir())]
    manifest = folder / "part.csv"
    with manifest.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "target", "split"))
        writer.writerows(rows)
    return manifest


if __name__ == "__main__":
    main()
