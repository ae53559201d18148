"""Latency, throughput and memory of several networks on this machine, measured side by side.

Networks take turns, one call each a round and in the opposite order in the next, so that a machine that slows down or
is shared slows all of them alike and their ratio stands.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from deepenough.cost.counting import Count, count
from deepenough.cost.memory import peak_during
from deepenough.errors import InputError
from deepenough.records import COSTS

Precision = Literal["fp32", "bf16"]

BUDGET_S = 1.5  # of timing for one contender at one scale and batch
_FEWEST = {"single": 10, "batch": 2}  # calls, whatever they take; 2 is one in either order
_MOST = 1000  # calls; more would only describe the clock
_WARM_UP = {"cpu": 1, "cuda": 10}  # calls before timing: the first choose algorithms and allocate


@dataclass(frozen=True, slots=True)
class _Subject:
    """One contender at one scale and batch, ready to be called again and again."""

    name: str
    counted: Count
    device: torch.device
    weight_bytes: int
    call: Callable[[], object]


def measure(
    networks: Mapping[str, nn.Module],
    scales: Sequence[int],
    *,
    batch: int = 32,
    precision: Precision = "fp32",
    channels_last: bool = False,
    budget_s: float = BUDGET_S,
    progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """Cost of every network at every scale, at batch 1 and at the throughput batch.

    The networks are copied, so their mode and memory layout stay as they are. The images are a fixed ramp: no kernel
    here takes longer for other values. torch's number of threads is left as the caller set it.

    Args:
        networks: contender -> network with its weights, each on its device.
        scales: image sides in pixels.
        batch: images a call for throughput, at least 1; where it is 1 there is one row a scale.
        precision: bf16 runs under autocast, with weights kept in fp32.
        channels_last: lay images and weights out with channels innermost.
        budget_s: seconds of timing a contender, scale and batch. Slow calls overrun it: batch 1 is timed at least 10
            times and a throughput batch at least twice.
        progress: is called with (measured, all) configurations of scale and batch.

    Returns:
        A table of `records.COSTS`, in order of scale, batch and contender, with one more column, `repeats`: the timed
        calls behind `latency_s`, whose p95 says little where they are few. `images_per_s` is that of the median call,
        which a busy machine disturbs less than the mean. `peak_bytes` is the weights and what one call adds at its
        peak, see `memory.peak_during`.

    Raises:
        InputError: nothing to measure, or a network that refuses a scale.
    """
    if not networks or not scales:
        raise InputError("cost", "at least one contender and one scale", f"{len(networks)} and {len(scales)}")
    if batch < 1:
        raise InputError("--batch", "at least 1", str(batch))
    counted = {(name, scale): count(network, scale) for name, network in networks.items() for scale in scales}
    ready = {name: _prepared(network, channels_last) for name, network in networks.items()}
    configurations = [(scale, size) for scale in scales for size in sorted({1, batch})]
    rows: list[dict[str, object]] = []
    for done, (scale, size) in enumerate(configurations):
        subjects = [
            _subject(name, network, counted[name, scale], _images(network, scale, size, channels_last), precision)
            for name, network in ready.items()
        ]
        rows += _measure_together(subjects, scale=scale, batch=size, precision=precision, budget_s=budget_s)
        if progress is not None:
            progress(done + 1, len(configurations))
    return pl.DataFrame(rows, schema={**COSTS, "repeats": pl.Int32})


def _prepared(network: nn.Module, channels_last: bool) -> nn.Module:
    own = copy.deepcopy(network).eval().requires_grad_(False)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return nn.Module.to(own, memory_format=layout)


def _images(network: nn.Module, scale: int, batch: int, channels_last: bool) -> Tensor:
    ramp = torch.linspace(-2.0, 2.0, batch * 3 * scale * scale).reshape(batch, 3, scale, scale)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return ramp.to(device=_device(network), memory_format=layout)


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


def _subject(name: str, network: nn.Module, counted: Count, images: Tensor, precision: Precision) -> _Subject:
    device = images.device

    def call() -> None:
        autocast = torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()
        with torch.inference_mode(), autocast:
            network(images)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    weights = (*network.parameters(), *network.buffers())
    return _Subject(name, counted, device, sum(tensor.nbytes for tensor in weights), call)


def _measure_together(
    subjects: Sequence[_Subject], *, scale: int, batch: int, precision: Precision, budget_s: float
) -> list[dict[str, object]]:
    peaks = {subject.name: subject.weight_bytes + _warm_up(subject) for subject in subjects}
    calls = {subject.name: subject.call for subject in subjects}
    seconds = take_turns(calls, fewest=_FEWEST["single" if batch == 1 else "batch"], budget_s=budget_s)
    rows: list[dict[str, object]] = []
    for subject in subjects:
        times = np.asarray(seconds[subject.name])
        p50, p95 = np.percentile(times, [50, 95])
        rows.append(
            {
                "contender": subject.name,
                "scale": scale,
                "batch": batch,
                "device": device_name(subject.device),
                "precision": precision,
                "parameters": subject.counted.parameters,
                "macs": subject.counted.macs,
                "latency_s": {"p50": float(p50), "p95": float(p95)},
                "images_per_s": batch / float(p50),
                "peak_bytes": peaks[subject.name],
                "repeats": len(times),
            }
        )
    return rows


def _warm_up(subject: _Subject) -> int:
    peak = peak_during(subject.call, subject.device)
    for _ in range(_WARM_UP[subject.device.type] - 1):
        subject.call()
    return peak


def take_turns(
    calls: Mapping[str, Callable[[], object]], *, fewest: int, budget_s: float = BUDGET_S
) -> dict[str, list[float]]:
    """Seconds of every call of each, one call each a round and in the opposite order in the next; warm up before.

    Args:
        calls: by name; each returns when its work is done.
        fewest: rounds, whatever they take.
        budget_s: seconds of timing for each of `calls`.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    names, end = list(calls), time.perf_counter() + budget_s * len(calls)
    for turn in range(_MOST):
        if turn >= fewest and time.perf_counter() >= end:
            break
        for name in names if turn % 2 == 0 else reversed(names):
            begin = time.perf_counter()
            calls[name]()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def device_name(device: torch.device) -> str:
    """What a device is called in a record of costs."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
