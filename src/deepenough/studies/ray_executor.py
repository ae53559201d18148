"""The Ray executor: cells as tasks of a Ray cluster, on this machine or on many.

A task is one training of a seed with all that is made or learnt from it (`@fixres`, `@average`, `@teacher`), and asks
Ray for the processors, the GPU and the memory that it needs. Every node must see the study's folder under the same
path: there a task finds the decoded pictures, saves its state, and leaves the cell. A task whose worker or node dies is
begun again by Ray on another, and goes on from the saved state. What the workers say comes back through one actor
beside the driver.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import torch

from deepenough.cost.memory import most_held
from deepenough.errors import DeepenoughError, StudyError
from deepenough.machine import available_cores, is_out_of_memory
from deepenough.records import read_json
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.studies.environment import note_change
from deepenough.studies.ray_worker import ASKED_EVERY_S, Part, Relay, carry_out
from deepenough.training import Seeds

_OURS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_worker_niceness": "0",  # a cluster that begins here trains as this process would, not behind all others
}
RETRIES = 8  # times that a task is begun again after its worker or node died
PATIENCE_S = 300.0  # for what is stopped to save itself


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
        with _cluster(self.address) as ray:
            _require_room(ray, bench)
            return _Run(ray, bench, parts).to_the_end()


def parts_of(bench: Bench, seeds: Seeds, scales: Sequence[int]) -> list[Part]:
    """A part for every training that is not done, or from which something is to be made or learnt that is not."""
    lines = bench.design.lineage
    found = []
    for family in lines.families:
        names = tuple(name for name in lines.all if contender(name).trained in family)
        if any(not bench.store.cell(seeds.cell(name)).done for name in names):
            found.append(Part(seeds=seeds, names=names, scales=tuple(scales)))
    return found


@dataclass(slots=True)
class _Run:
    """The driver's side of a run of several parts."""

    ray: Any
    bench: Bench
    parts: Sequence[Part]

    def to_the_end(self) -> int:
        """Wait for every part; the most memory that a worker held, bytes."""
        ray, bench = self.ray, self.bench
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        relay = ray.remote(num_cpus=0, scheduling_strategy=here)(Relay).remote()
        task = ray.remote(max_retries=RETRIES, **needs(bench))(carry_out)
        bench.listener.stage(f"{len(self.parts)} trainings on {_nodes(ray)}", total=self._steps())
        shared = ray.put(replace(bench, listener=None, check_stop=None))  # both belong to this process
        running = {task.remote(shared, part, relay): part for part in self.parts}
        peak = 0
        try:
            while running:
                ended, _ = ray.wait(list(running), timeout=ASKED_EVERY_S)
                self._repeat(relay)
                for each in ended:
                    node, held = self._result(each)
                    peak = max(peak, held)
                    bench.listener.note(f"{running.pop(each).title}: done on {node}")
                bench.check_stop()
        except BaseException:
            self._stop(relay, list(running))
            raise
        self._repeat(relay)
        return peak

    def _steps(self) -> int | None:
        plan = read_json(self.bench.store.plan) if self.bench.store.plan.is_file() else {}
        steps = plan.get("steps_per_cell")
        return None if steps is None else steps * len(self.parts)

    def _repeat(self, relay: Any) -> None:  # noqa: ANN401
        for name, positional, named in self.ray.get(relay.heard.remote()):
            getattr(self.bench.listener, name)(*positional, **named)

    def _result(self, reference: Any) -> tuple[str, int]:  # noqa: ANN401
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


def needs(bench: Bench) -> dict[str, float]:
    """What a task asks of a node: processors for torch's threads, a GPU where the study runs on one, and memory.

    The plan's forecast of memory is of all contenders at once, so it is enough for any of them.
    """
    machine = bench.setting.machine
    asked: dict[str, float] = {"num_cpus": machine.threads}
    if machine.device == "cuda":
        asked["num_gpus"] = 1
    plan = read_json(bench.store.plan) if bench.store.plan.is_file() else {}
    forecast = plan.get("forecast", {}).get("peak_bytes", 0)
    return asked | ({"memory": forecast} if forecast else {})


def _require_room(ray: Any, bench: Bench) -> None:  # noqa: ANN401
    """Refuse what Ray would wait for without end."""
    asked = needs(bench)
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
    if not any(all(node.get(names[name], 0) >= need for name, need in asked.items()) for node in nodes):
        shown = {"num_cpus": "processors", "num_gpus": "GPUs", "memory": "bytes of memory"}
        expected = "a node with " + ", ".join(f"{need:,.0f} {shown[name]}" for name, need in asked.items())
        largest = ", ".join(f"{max(node.get(names[name], 0) for node in nodes):,.0f} {shown[name]}" for name in asked)
        raise StudyError("--executor ray", expected, f"at most {largest}", "give fewer --threads, or larger nodes")


def _nodes(ray: Any) -> str:  # noqa: ANN401
    count = sum(node["Alive"] for node in ray.nodes())
    return f"{count} Ray node{'' if count == 1 else 's'}"


def require_ray() -> None:
    """Refuse to begin where Ray is not installed.

    Raises:
        StudyError: it is not.
    """
    if find_spec("ray") is None:
        raise StudyError("--executor ray", "Ray", "no such package here", "pip install 'deepenough[ray]'")


@contextlib.contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
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
        begin(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        got = str(error).splitlines()[0] if str(error) else type(error).__name__
        remedy = "begin one with: ray start --head"
        raise StudyError(f"--ray-address {address}", "a Ray cluster that answers", got, remedy) from None
    try:
        yield ray
    finally:
        ray.shutdown()
