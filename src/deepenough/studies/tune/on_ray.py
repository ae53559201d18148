"""The trials of a search as tasks of a Ray cluster: drawn here, trained by workers, as many at a time as nodes hold.

A trial is drawn when a node is free for it, so that the sampler knows of all that ended before. A trial whose worker
died goes on from its saved state, in the task that Ray begins anew.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from deepenough.search.space import Fitted
from deepenough.studies.ray_cluster import Crew, cluster
from deepenough.studies.ray_worker import ASKED_EVERY_S, at_work
from deepenough.studies.tune.laying import Laid
from deepenough.studies.tune.running import drawn, train

_Work = tuple[int, Fitted]


def run_trials_on_ray(laid: Laid, address: str | None, *, until: Callable[[], bool]) -> None:
    """Train on a cluster what `run_trials` would train here.

    Args:
        laid: the search; its folder is under the same path on every node.
        address: see `RayExecutor`.
        until: see `run_trials`.

    Raises:
        Interrupted: stopped; what was trained is saved, and the same call goes on.
        StudyError: there is no such cluster, no node has room for a trial, or the space holds nothing within budget.
    """
    busy: set[int] = set()

    def works() -> Iterator[_Work]:
        for number, fitted in drawn(laid, until, busy):
            busy.add(number)
            yield number, fitted

    def done(work: _Work, node: str) -> None:
        laid.bench.listener.note(f"trial {work[0]}: done on {node}")

    with cluster(address) as ray:
        crew = Crew(ray, laid.bench, laid.peak_bytes)
        crew.require_room()
        laid.bench.listener.stage(f"trials on {crew.nodes_in_words()}, {crew.room()} at a time")
        crew.run(try_one, replace(laid, bench=laid.bench.bare), works(), done, ahead=False)


def try_one(laid: Laid, work: _Work, relay: Any) -> str:  # noqa: ANN401
    """What a task runs: one trial; gives the node's name.

    Where another has the trial, a joined process or the lock of a node that died, it waits until that ends or lets go.
    """
    with at_work(laid.bench, relay) as bench:
        here = replace(laid, bench=bench)
        while not train(here, *work):
            bench.check_stop()
            time.sleep(ASKED_EVERY_S)
    return socket.gethostname()
