"""What a Ray task does, and how it speaks to the driver; imports Ray only where a task runs."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from deepenough.cost.memory import most_held
from deepenough.errors import Interrupted, StudyError
from deepenough.studies.bench import Bench
from deepenough.studies.local import run_together
from deepenough.training import Seeds

ASKED_EVERY_S = 1.0
Said = tuple[str, tuple[Any, ...], dict[str, Any]]  # of a listener: method and arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one task does: a training with these seeds and all that is made from it."""

    seeds: Seeds
    names: tuple[str, ...]
    scales: tuple[int, ...]

    @property
    def title(self) -> str:
        """For people."""
        return self.seeds.cell(self.names[0])


class Relay:
    """What workers have to say, kept until the driver asks, and whether they are to stop; an actor."""

    def __init__(self) -> None:
        self._said: list[Said] = []
        self._stops = False

    def tell(self, said: list[Said]) -> bool:
        """Keep what a worker says; whether it is to stop."""
        self._said += said
        return self._stops

    def heard(self) -> list[Said]:
        """What was said since this was asked last."""
        said, self._said = self._said, []
        return said

    def stop(self) -> None:
        """Have every worker stop."""
        self._stops = True


@dataclass(slots=True)
class _Worker:
    """The listener of a task: passes on what a terminal shows, about once a second, and hears whether to stop."""

    relay: Any
    kept: list[Said] = field(default_factory=list)
    told_at: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        self.kept.append(("note", (text,), {}))

    def plan(self, plan: Any) -> None:  # noqa: ANN401
        """The driver has told it."""

    def stage(self, name: str, total: int | None = None, done: int = 0) -> None:
        """Parts go through their stages each at its own time: not shown, but for what an earlier run did."""
        self.advance(done)

    def advance(self, amount: int) -> None:
        self.kept.append(("advance", (amount,), {}))

    def trained(self, cell: str, **how: Any) -> None:  # noqa: ANN401
        self.kept.append(("trained", (cell,), how))

    def finished(self, cell: str, folder: Path) -> None:
        self.kept.append(("finished", (cell, folder), {}))

    def close(self) -> None:
        """The driver closes."""

    def check(self) -> None:
        """Raise `Interrupted` where the driver wants an end; asks it now and then."""
        if time.monotonic() - self.told_at >= ASKED_EVERY_S and self.pass_on():
            raise Interrupted("the study was stopped", "the same command")

    def pass_on(self) -> bool:
        import ray

        said, self.kept = self.kept, []
        stops = ray.get(self.relay.tell.remote(said))
        self.told_at = time.monotonic()
        return bool(stops)


def begun_in(folder: Path, function: Callable[..., Any], *given: Any) -> Any:  # noqa: ANN401
    """Call a function in the driver's current folder, where this node has it, so that relative paths mean the same."""
    with contextlib.suppress(OSError):
        os.chdir(folder)
    return function(*given)


@contextlib.contextmanager
def at_work(bench: Bench, relay: Any) -> Iterator[Bench]:  # noqa: ANN401
    """The bench as a worker has it, which speaks to the driver and stops when that does.

    Raises:
        StudyError: the study's folder is not on this node.
    """
    worker = _Worker(relay)
    if not bench.store.study.is_file():
        remedy = "share it with every node under that path"
        raise StudyError(str(bench.store.root), f"the study's folder on node {socket.gethostname()}", "none", remedy)
    torch.set_num_threads(bench.setting.machine.threads)
    try:
        yield replace(bench, listener=worker, check_stop=worker.check, held={})
    finally:
        worker.pass_on()


def carry_out(bench: Bench, part: Part, relay: Any) -> tuple[str, int]:  # noqa: ANN401
    """What a task runs; gives the node's name and the most memory that was held, bytes."""
    with at_work(bench, relay) as here:
        run_together(here, part.seeds, part.scales, only=part.names)
    return socket.gethostname(), most_held(torch.device(bench.setting.machine.device))
