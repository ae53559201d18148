"""The arithmetic that a study runs in: device, precision, memory layout, threads.

Training, evaluation and cost must agree on it, so it lives below all three. The choice is made once, by measurement,
and stored with the study: a run that is resumed must not choose anew.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

Precision = Literal["fp32", "bf16"]
_NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "alloc_failed")
_Network = TypeVar("_Network", bound=nn.Module)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where and how the networks compute.

    Args:
        device: a torch device name, `cpu` or `cuda`.
        precision: `bf16` means autocast over fp32 weights; the loss and the softmax stay in fp32.
        channels_last: memory layout of weights and images.
        threads: torch's intra-operator threads on the CPU; results are bit for bit the same only at the same number.
    """

    device: str = "cpu"
    precision: Precision = "fp32"
    channels_last: bool = True
    threads: int = 1

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """The context in which a forward pass runs."""
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
            yield

    def place(self, network: _Network) -> _Network:
        """Move a network to the device and give its weights the memory layout."""
        return network.to(self.device).to(memory_format=self._layout)

    def images(self, pixels: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
        """Pixels as the networks take them: uint8 (batch, 3, H, W) in 0..255 -> float32, standardised per channel."""
        moved = pixels.to(self.device, non_blocking=True).contiguous(memory_format=self._layout)
        scale = torch.tensor([255.0 * s for s in std], device=moved.device).view(1, 3, 1, 1)
        offset = torch.tensor([m / s for m, s in zip(mean, std, strict=True)], device=moved.device).view(1, 3, 1, 1)
        return moved.float().div_(scale).sub_(offset)

    def wait(self) -> None:
        """Return when all that was asked of the device is done; before a clock is read."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    @property
    def _layout(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


def choose_machine(precision: Literal["auto", "fp32", "bf16"] = "auto", threads: int | None = None) -> Machine:
    """Choose by measurement: the fastest of fp32 and bf16 for a training step of a bottleneck's convolutions.

    bf16 is taken only where it is at least 1.2 times as fast, since it rounds more. Threads that are not given are
    those of OMP_NUM_THREADS, else as many as there are usable cores.
    """
    threads = threads or (torch.get_num_threads() if os.environ.get("OMP_NUM_THREADS") else available_cores())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        torch.set_num_threads(1)  # threads that wait for one another would be timed where other programs run
        fp32, bf16 = (
            _step_seconds(Machine(device=device, precision=kind, threads=threads)) for kind in ("fp32", "bf16")
        )
        precision = "bf16" if fp32 / bf16 >= 1.2 else "fp32"
    torch.set_num_threads(threads)
    return Machine(device=device, precision=precision, threads=threads)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device or the process has no memory left; torch says so in several ways.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."))
    True
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in said for sign in _NO_MEMORY)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _step_seconds(machine: Machine) -> float:
    """Best of five forward and backward passes through 1x1 and 3x3 convolutions of ResNet's third stage, in seconds.

    Processor time of one thread on the CPU, so that other programs on the machine do not sway the choice.
    """
    generator = torch.Generator().manual_seed(0)
    block = nn.Sequential(nn.Conv2d(1024, 256, 1), nn.Conv2d(256, 256, 3, padding=1), nn.Conv2d(256, 1024, 1))
    block = machine.place(block)
    images = torch.randn(32, 1024, 8, 8, generator=generator).to(machine.device)
    images = images.to(memory_format=torch.channels_last)
    clock = time.perf_counter if machine.device == "cuda" else time.process_time
    times = []
    for _ in range(6):
        started = clock()
        with machine.autocast():
            loss = block(images).float().square().mean()
        loss.backward()
        machine.wait()
        times.append(clock() - started)
    return min(times[1:])


def processor_name() -> str:
    """The processor's name as the operating system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123  /proc is not a place for Path's extras
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else (platform.processor() or platform.machine())
