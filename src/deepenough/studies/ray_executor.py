"""The Ray executor: cells as tasks of a Ray cluster, on this machine or on many.

A task is one training of a seed with all that is made or learnt from it (`@fixres`, `@average`, `@teacher`), and asks
Ray for the processors, the GPU and the memory that it needs. Every node must see the study's folder under the same
path: there a task finds the decoded pictures, saves its state, and leaves the cell. A task whose worker or node dies
goes on elsewhere from the saved state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from deepenough.cost.memory import most_held
from deepenough.records import read_json
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.studies.environment import note_change
from deepenough.studies.ray_cluster import Crew, cluster
from deepenough.studies.ray_worker import Part, carry_out
from deepenough.training import Seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class RayExecutor:
    """Trains and tests on a Ray cluster.

    Args:
        address: of the cluster: `auto` for the one that this machine belongs to, `ray://HOST:10001` or `HOST:6379`;
            None to begin one on this machine, with all its cores.
    """

    address: str | None = None

    def run(self, bench: Bench, wanted: Sequence[Seeds], scales: Sequence[int]) -> int:
        """See `Executor.run`.

        Raises:
            StudyError: Ray is not installed, there is no cluster at the address, or none of its nodes can hold a cell.
            Interrupted: stopped; workers have saved what they did.
        """
        parts = [part for seeds in wanted for part in parts_of(bench, seeds, scales)]
        if not parts:
            return most_held(torch.device(bench.setting.machine.device))
        note_change(bench.store, bench.setting.machine)
        held = [0]

        def done(part: Part, found: tuple[str, int]) -> None:
            node, peak = found
            held.append(peak)
            bench.listener.note(f"{part.title}: done on {node}")

        with cluster(self.address) as ray:
            crew = Crew(ray, bench, _foretold_bytes(bench))
            crew.require_room()
            bench.listener.stage(f"{len(parts)} trainings on {crew.nodes_in_words()}", total=_steps(bench, len(parts)))
            crew.run(carry_out, bench.bare, iter(parts), done)
        return max(held)


def parts_of(bench: Bench, seeds: Seeds, scales: Sequence[int]) -> list[Part]:
    """A part for every training that is not done, or from which something is to be made or learnt that is not."""
    lines = bench.design.lineage
    found = []
    for family in lines.families:
        names = tuple(name for name in lines.all if contender(name).trained in family)
        if any(not bench.store.cell(seeds.cell(name)).done for name in names):
            found.append(Part(seeds=seeds, names=names, scales=tuple(scales)))
    return found


def _foretold_bytes(bench: Bench) -> float:
    """The plan's forecast of memory, of all contenders at once, so that it is enough for any of them."""
    plan = read_json(bench.store.plan) if bench.store.plan.is_file() else {}
    return plan.get("forecast", {}).get("peak_bytes", 0)


def _steps(bench: Bench, parts: int) -> int | None:
    plan = read_json(bench.store.plan) if bench.store.plan.is_file() else {}
    steps = plan.get("steps_per_cell")
    return None if steps is None else steps * parts
