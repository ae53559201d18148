"""What this machine has and how fast it convolves; measured, without a look at any network."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "torchvision", "timm", "numpy", "scipy", "polars", "pillow")
_INSTRUCTIONS = ("avx2", "avx512_f", "avx512_bf16", "amx_bf16", "sve_bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One CUDA device."""

    name: str
    memory_bytes: int
    bf16: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """Forward and backward of one 3x3 convolution of 128 channels on 28x28 maps, 8 images: the stuff of a ResNet.

    Speeds are in multiply-accumulates a second, the best of several runs; other work can only lower them.
    """

    device: str
    fp32_macs_per_s: float
    bf16_macs_per_s: float

    @property
    def bf16_gain(self) -> float:
        """How many times as fast bf16 is."""
        return self.bf16_macs_per_s / self.fp32_macs_per_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine as this process sees it: in a container its share, not the whole."""

    python: str
    system: str
    versions: dict[str, str]
    processor: str
    cores: int
    load: float | None  # running processes, mean of the last minute; None where the system does not say
    threads: int
    threads_set_by: str | None  # the environment variable that fixes them
    instructions: list[str]
    memory_bytes: int
    memory_free_bytes: int
    disk_free_bytes: int
    shared_memory_bytes: int | None  # None where there is no /dev/shm
    unwritable: list[str]
    torch_cuda: str | None  # the CUDA version that torch was built for; None for a CPU build
    nvidia_driver: bool
    devices: list[Device]
    convolutions: list[Convolution]


def look(folder: Path, *, budget_s: float = 0.6) -> Machine:
    """Take stock of this machine, and measure a convolution for `budget_s` seconds a device; needs no network.

    Args:
        folder: where studies would be written; its disk and permissions are looked at.
        budget_s: seconds to spend on the measurement of one device.
    """
    import psutil
    import torch

    memory = psutil.virtual_memory()
    limit = _cgroup_number("memory.max")
    total = memory.total if limit is None else min(memory.total, int(limit))
    used = _cgroup_number("memory.current") if limit is not None else None
    free = memory.available if used is None else min(memory.available, max(total - int(used), 0))
    kinds = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    capabilities = torch.cpu.get_capabilities() if "get_capabilities" in dir(torch.cpu) else {}  # new in torch 2.9
    shared = Path("/dev/shm")
    return Machine(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        versions={name: _version(name) for name in PACKAGES},
        processor=str(capabilities.get("cpu_name") or platform.processor() or platform.machine()),
        cores=usable_cores(),
        load=os.getloadavg()[0] if "getloadavg" in dir(os) else None,
        threads=torch.get_num_threads(),
        threads_set_by=next((name for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if os.environ.get(name)), None),
        instructions=[name for name in _INSTRUCTIONS if capabilities.get(name)],
        memory_bytes=total,
        memory_free_bytes=free,
        disk_free_bytes=shutil.disk_usage(folder).free,
        shared_memory_bytes=shutil.disk_usage(shared).total if shared.is_dir() else None,
        unwritable=[str(path) for path in (folder, Path(tempfile.gettempdir())) if not os.access(path, os.W_OK)],
        torch_cuda=torch.version.cuda,
        nvidia_driver=Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None,
        devices=[_cuda_device(index) for index in range(torch.cuda.device_count())],
        convolutions=[measure_convolution(kind, budget_s=budget_s) for kind in kinds],
    )


def usable_cores() -> int:
    """Cores that this process may use: its affinity, and the quota of its container where there is one; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if "sched_getaffinity" in dir(os) else os.cpu_count() or 1
    quota = _cgroup_number("cpu.max")
    return allowed if quota is None else max(1, min(allowed, round(quota)))


def measure_convolution(kind: str, *, budget_s: float) -> Convolution:
    """Time one convolution in fp32 and bf16, run by turns, for about `budget_s` seconds on the device `kind`."""
    import torch

    batch, channels, side = (8, 128, 28) if kind == "cpu" else (256, 128, 28)
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False, device=kind)
    layer = layer.to(memory_format=torch.channels_last)
    images = torch.ones(batch, channels, side, side, device=kind).to(memory_format=torch.channels_last)
    images.requires_grad_()
    macs = 3 * batch * channels * channels * 9 * side * side  # one forward pass, and twice as much backward

    def run(precision: torch.dtype) -> None:
        with torch.autocast(kind, precision, enabled=precision != torch.float32):
            maps = layer(images)
        maps.sum().backward()
        if kind == "cuda":
            torch.cuda.synchronize()

    fastest_s = _fastest_by_turns({name: lambda p=p: run(p) for name, p in _precisions().items()}, budget_s)
    return Convolution(device=kind, fp32_macs_per_s=macs / fastest_s["fp32"], bf16_macs_per_s=macs / fastest_s["bf16"])


def _precisions() -> dict[str, torch.dtype]:
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16}


def _fastest_by_turns(runs: dict[str, Callable[[], None]], budget_s: float) -> dict[str, float]:
    for run in runs.values():
        run()  # the first run of a kind chooses its algorithm and allocates
    fastest_s = dict.fromkeys(runs, float("inf"))
    end = time.perf_counter() + budget_s
    rounds = 0
    while rounds < 3 or time.perf_counter() < end:
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            fastest_s[name] = min(fastest_s[name], time.perf_counter() - start)
        rounds += 1
    return fastest_s


def _cuda_device(index: int) -> Device:
    import torch

    properties = torch.cuda.get_device_properties(index)
    return Device(name=properties.name, memory_bytes=properties.total_memory, bf16=properties.major >= 8)


def _cgroup_number(name: str) -> float | None:
    """A limit of this container (cgroup v2): bytes for memory, cores for `cpu.max`; None where there is none."""
    try:
        words = Path("/sys/fs/cgroup", name).read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return None
    if not words or not all(word.isdigit() for word in words):
        return None
    return int(words[0]) / int(words[1]) if len(words) == 2 else float(words[0])


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"
