"""A Ray cluster at work: connected, asked for room, and kept busy with one kind of task until there is no more to do.

A task whose worker or node dies is begun again by Ray on another. What the workers say comes back through one actor
beside the driver.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deepenough.errors import DeepenoughError, StudyError
from deepenough.machine import available_cores, is_out_of_memory
from deepenough.studies.bench import Bench
from deepenough.studies.ray_worker import ASKED_EVERY_S, Relay, begun_in

_OURS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_worker_niceness": "0",  # a cluster that begins here trains as this process would, not behind all others
}
_SHOWN = {"num_cpus": "processors", "num_gpus": "GPUs", "memory": "bytes of memory"}
_NAMES = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
RETRIES = 8  # times that a task is begun again after its worker or node died
PATIENCE_S = 300.0  # for what is stopped to save itself


@dataclass(slots=True)
class Crew:
    """The driver's side of the tasks of one kind.

    Args:
        ray: connected.
        bench: whose listener hears the workers and whose `check_stop` stops them.
    """

    ray: Any
    bench: Bench
    peak_bytes: float = 0  # that a piece of work is foretold to hold; 0 where nothing is known
    asked: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.asked = needs(self.bench, self.peak_bytes)

    def run(
        self,
        function: Callable[..., Any],
        shared: Any,  # noqa: ANN401
        works: Iterator[Any],
        done: Callable[..., None],
        *,
        ahead: bool = True,
    ) -> None:
        """Have every piece of work done.

        Args:
            function: `function(shared, work, relay)`, called by a worker.
            shared: sent to the cluster once; holds no listener.
            works: pieces of work.
            done: told each piece with what the function gave, in the order in which they end.
            ahead: whether all work is handed to Ray at once, which sees then how many nodes it could use; else a piece
                is taken from `works` only when a node has room for it.

        Raises:
            DeepenoughError: of a worker, as it would be raised here; the others have saved what they did.
        """
        ray, bench = self.ray, self.bench
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        relay = ray.remote(num_cpus=0, scheduling_strategy=here)(Relay).remote()
        task = ray.remote(max_retries=RETRIES, **self.asked)(begun_in).options(name=function.__name__)
        kept = ray.put(shared)
        running: dict[Any, Any] = {}
        try:
            while True:
                while (ahead or len(running) < max(1, self.room())) and (work := next(works, None)) is not None:
                    running[task.remote(Path.cwd(), function, kept, work, relay)] = work
                if not running:
                    break
                ended, _ = ray.wait(list(running), timeout=ASKED_EVERY_S)
                self._repeat(relay)
                for each in ended:
                    found = self._result(each)
                    done(running.pop(each), found)
                bench.check_stop()
        except BaseException:
            self._stop(relay, list(running))
            raise
        self._repeat(relay)

    def room(self) -> int:
        """How many such tasks the cluster's nodes hold at a time."""
        asked = {_NAMES[name]: need for name, need in self.asked.items() if need}
        rooms = [[node.get(name, 0) // need for name, need in asked.items()] for node in self._nodes()]
        return int(sum(min(each) for each in rooms))

    def require_room(self) -> None:
        """Refuse what Ray would wait for without end.

        Raises:
            StudyError: no node holds a task.
        """
        if self.room():
            return
        asked, nodes = self.asked, self._nodes()
        expected = "a node with " + ", ".join(f"{need:,.0f} {_SHOWN[name]}" for name, need in asked.items())
        largest = ", ".join(f"{max(node.get(_NAMES[name], 0) for node in nodes):,.0f} {_SHOWN[name]}" for name in asked)
        raise StudyError("--executor ray", expected, f"at most {largest}", "give fewer --threads, or larger nodes")

    def nodes_in_words(self) -> str:
        """How many nodes there are."""
        count = len(self._nodes())
        return f"{count} Ray node{'' if count == 1 else 's'}"

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self.ray.nodes() if node["Alive"]]

    def _repeat(self, relay: Any) -> None:  # noqa: ANN401
        for name, positional, named in self.ray.get(relay.heard.remote()):
            getattr(self.bench.listener, name)(*positional, **named)

    def _result(self, reference: Any) -> Any:  # noqa: ANN401
        """What a task gave; an error on purpose is raised as here, a bug with the worker's traceback."""
        from ray.exceptions import RayTaskError

        try:
            return self.ray.get(reference)
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, DeepenoughError | OSError) or (
                isinstance(cause, BaseException) and is_out_of_memory(cause)
            ):
                raise cause from None
            raise

    def _stop(self, relay: Any, running: list[Any]) -> None:  # noqa: ANN401
        """Let the workers save what they did, and cancel what has not begun."""
        relay.stop.remote()
        with contextlib.suppress(self.ray.exceptions.RayError, KeyboardInterrupt):
            _, late = self.ray.wait(running, num_returns=len(running), timeout=PATIENCE_S) if running else ((), ())
            for each in late:
                self.ray.cancel(each, force=True)


def needs(bench: Bench, peak_bytes: float) -> dict[str, float]:
    """What a task asks of a node: processors for torch's threads; a GPU where the study runs on one, else memory.

    What is known of a GPU's study is how much of the GPU's memory it held, and Ray counts that of nodes.
    """
    machine = bench.setting.machine
    asked: dict[str, float] = {"num_cpus": machine.threads}
    if machine.device == "cuda":
        return asked | {"num_gpus": 1}
    return asked | ({"memory": peak_bytes} if peak_bytes else {})


def require_ray() -> None:
    """Refuse to begin where Ray is not installed.

    Raises:
        StudyError: it is not.
    """
    if find_spec("ray") is None:
        raise StudyError("--executor ray", "Ray", "no such package here", "pip install 'deepenough[ray]'")


@contextlib.contextmanager
def cluster(address: str | None) -> Iterator[Any]:
    """Ray, connected; what was begun here ends here, a connection that the caller made stays."""
    require_ray()
    for name, value in _OURS.items():
        os.environ.setdefault(name, value)
    import ray
    import ray.exceptions
    import ray.util.scheduling_strategies

    if ray.is_initialized():
        yield ray
        return
    begin: Any = ray.init
    alone = {"address": "local", "num_cpus": available_cores(), "include_dashboard": False}
    where = alone if address is None else {"address": address}
    try:
        with _own_sigterm():
            begin(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        got = str(error).splitlines()[0] if str(error) else type(error).__name__
        remedy = "begin one with: ray start --head"
        raise StudyError(f"--ray-address {address}", "a Ray cluster that answers", got, remedy) from None
    try:
        yield ray
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep what this process does on SIGTERM: save and say how to go on, where Ray would leave at once."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():  # elsewhere nobody may set one, nor has Ray
            signal.signal(signal.SIGTERM, before)
