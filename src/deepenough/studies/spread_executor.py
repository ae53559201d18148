"""The spread executor: every training of a study by several processes together, a part of each batch for each.

The first rank runs the study as one process would. Whenever trainings are wanted it tells the others, who do the same
steps beside it, on the same pictures in the study's folder, and write nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from deepenough.cost.memory import most_held
from deepenough.errors import Interrupted, StudyError
from deepenough.ranks import Ranks, connected
from deepenough.studies.bench import Bench
from deepenough.studies.environment import note_change
from deepenough.studies.executor import lots
from deepenough.studies.listener import Silent
from deepenough.studies.local import run_together
from deepenough.studies.phases import stream_of
from deepenough.studies.stops import resumable, stoppable
from deepenough.studies.tuning import tuning_stream
from deepenough.training import Seeds
from deepenough.training.gradients import FEWEST

GO_ON = "the same command"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What all ranks do next: the trainings of one seed that are not done."""

    bench: Bench
    seeds: Seeds
    scales: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpreadExecutor:
    """Trains and tests with several processes, of which this is the first.

    Args:
        ranks: connected with the others, each of which is in `follow`.
    """

    ranks: Ranks

    def run(self, bench: Bench, wanted: Sequence[Seeds], scales: Sequence[int]) -> int:
        """See `Executor.run`; the memory is this process's.

        Raises:
            StudyError: a batch is too small to be shared out.
        """
        ranks = replace(self.ranks, synced=bench.study.batch_norm == "synced")
        for seeds in wanted:
            if all(bench.store.cell(seeds.cell(name)).done for name in bench.design.lineage.all):
                continue
            note_change(bench.store, bench.setting.machine)
            _require_enough(bench, seeds, ranks.size)
            for some in lots(bench.design.lineage, bench.study.at_once):
                names = tuple(name for name in some if not bench.store.cell(seeds.cell(name)).done)
                if names:
                    ranks.told(_Order(bench=bench.bare, seeds=seeds, scales=tuple(scales), names=names))
                    run_together(_together(bench, ranks), seeds, scales, only=names)
        return most_held(torch.device(bench.setting.machine.device))

    def close(self) -> None:
        """Let the other ranks end."""
        self.ranks.told(None)


def follow() -> None:
    """What every rank but the first does: train and test beside it until it has no more to do.

    Raises:
        SystemExit: the first rank stopped, or another one went; who did has said why.
        InputError: what only this rank can see.
    """
    with connected() as ranks, stoppable(GO_ON) as check_stop:
        while (order := ranks.told()) is not None:
            here = replace(order.bench, listener=Silent(), check_stop=check_stop, held={})
            if not here.store.study.is_file():
                remedy = "put it on storage that every node sees under that path"
                raise StudyError(str(here.store.root), f"the study's folder on rank {ranks.rank} too", "none", remedy)
            torch.set_num_threads(here.setting.machine.threads)
            shared = replace(ranks, synced=here.study.batch_norm == "synced")
            with resumable(here.store.root, GO_ON):
                run_together(_together(here, shared), order.seeds, order.scales, only=order.names)


def _together(bench: Bench, ranks: Ranks) -> Bench:
    """The bench of a rank; a stop that any of them is asked for stops all after the same step."""
    setting = replace(bench.setting, ranks=ranks)
    return replace(bench, setting=setting, check_stop=_agreed(bench.check_stop, ranks))


def _agreed(check_stop: Callable[[], None], ranks: Ranks) -> Callable[[], None]:
    def check() -> None:
        asked = None
        try:
            check_stop()
        except Interrupted as stop:
            asked = stop
        if ranks.summed(float(asked is not None))[0]:
            ranks.agree(asked or Interrupted("another process was asked to stop", GO_ON))

    return check


def _require_enough(bench: Bench, seeds: Seeds, size: int) -> None:
    """Refuse batches of which a rank would get fewer pictures than batch norm needs."""
    lines = bench.design.lineage
    trained = [stream_of(bench, name, seeds) for name in lines.trained]
    tuned = [tuning_stream(bench, name, seeds) for name in lines.tuned]
    smallest = min(stream.smallest for stream in (*trained, *tuned))
    if smallest < FEWEST * size:
        expected = f"batches of at least {FEWEST * size} images, {FEWEST} for each of {size} processes"
        raise StudyError("--batch", expected, f"one of {smallest}", "give a larger batch, or fewer processes")
