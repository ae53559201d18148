"""Latency predicted from the table of blocks, against networks that are run whole: random ones of the search's space.

    python benchmarks/latency_table.py --networks 30 --side 32 --macs 20M

Prints each network's prediction, its measurement, and how far they are apart; then the largest and the median. The
measured networks are none of those that the table was set by. Processor time of one thread.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import optuna

from deepenough.machine import choose_machine
from deepenough.networks import build
from deepenough.search.budget import Budget, Pricing, amount
from deepenough.search.latency import LatencyTable
from deepenough.search.space import fit, space_within


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=30)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--macs", default="20M")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    machine = choose_machine("auto", 1)
    budget = Budget(macs=amount(given.macs, "--macs"))
    pricing = Pricing(lambda name: build(name, 10))
    space = space_within([given.side], budget, pricing)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=given.seed))
    ratios: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        table = LatencyTable(machine, Path(folder) / "latency.json")
        while len(ratios) < given.networks:
            found = fit(space.draw(study.ask()), budget, pricing, strength="light")
            if found.share > 1.0:
                continue
            network = build(found.contender.partition("@")[0], 10)
            predicted = table.predict(network, found.side)
            measured = table.measured(network, found.side)
            ratios.append(predicted / measured)
            times = f"{1e3 * predicted:7.2f} ms predicted {1e3 * measured:7.2f} ms measured"
            print(f"{times} {ratios[-1]:.3f}  {found.contender}", flush=True)
    apart = np.abs(np.array(ratios) - 1.0)
    print(
        f"{len(ratios)} networks, {machine.precision}, {given.side} px, at most {given.macs} MACs: apart by "
        f"{100 * np.median(apart):.1f} % at the median, {100 * apart.max():.1f} % at most; "
        f"{int((apart <= 0.1).sum())} within 10 %"
    )


if __name__ == "__main__":
    main()
