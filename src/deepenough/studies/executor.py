"""Executors: who trains and tests the cells of a study, this process or workers elsewhere.

An executor is told which trainings are wanted and returns when every one of them lies in its cell's folder. What comes
out does not depend on which it was: batches follow from seed and step alone (docs/decisions/0004).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from deepenough.cost.memory import most_held
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import Lineage, contender
from deepenough.studies.environment import note_change
from deepenough.studies.local import run_together
from deepenough.training import Seeds


class Executor(Protocol):
    """Trains and tests cells."""

    def run(self, bench: Bench, wanted: Sequence[Seeds], scales: Sequence[int]) -> int:
        """Train every contender with each of `wanted` that is not done yet, and test it at `scales`, in px.

        Returns:
            The most memory that a process which trained and tested held, bytes.
        """
        ...


def lots(lines: Lineage, at_once: int | None) -> list[tuple[str, ...]]:
    """The names of a study in lots of so many trainings, each with all that is made from it; one lot where None.

    A teacher stays with its pupils, however many they are.
    """
    size = at_once or len(lines.trained)
    cut: list[list[str]] = [[]]
    for family in lines.families:
        if cut[-1] and len(cut[-1]) + len(family) > size:
            cut.append([])
        cut[-1] += family
    return [tuple(name for name in lines.all if contender(name).trained in some) for some in cut]


class Local:
    """This process: one seed after the other, its contenders in lockstep."""

    def run(self, bench: Bench, wanted: Sequence[Seeds], scales: Sequence[int]) -> int:
        """See `Executor.run`."""
        names = bench.design.lineage.all
        for seeds in wanted:
            if not all(bench.store.cell(seeds.cell(name)).done for name in names):
                note_change(bench.store, bench.setting.machine)
                for some in lots(bench.design.lineage, bench.study.at_once):
                    run_together(bench, seeds, scales, only=some)
        return most_held(torch.device(bench.setting.machine.device))
