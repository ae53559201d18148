"""How much memory a piece of work takes at its peak, beyond what the process or the device held before it."""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import torch

_SAMPLE_EVERY_S = 0.001
_RESET_HIGH_WATER = "5"  # written to clear_refs; proc(5), since Linux 4.0


def peak_during(work: Callable[[], object], device: torch.device) -> int:
    """Bytes at the high-water mark of `work`, less those held just before it; at least 0.

    On a GPU these are bytes of torch's allocator. On the CPU they are resident bytes of the whole process: the kernel's
    own high-water mark on Linux, which misses nothing, and elsewhere samples a millisecond apart, which can miss a
    short peak. Freed memory is first given back to the system, since memory used again would otherwise cost nothing.
    What `work` frees into a hole of the heap stays resident and counts, so in a long-lived process the peak may be
    overstated by such temporaries, never understated.

    Args:
        work: is called once, in this thread; no other thread should allocate meanwhile.
        device: where `work` computes.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    _give_back_freed_memory()
    before = psutil.Process().memory_info().rss
    if _reset_high_water():
        work()
        return max(_high_water() - before, 0)
    return max(_sampled_peak(work) - before, 0)


def _give_back_freed_memory() -> None:
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return  # not glibc: its allocator decides by itself


def _reset_high_water() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_HIGH_WATER)
    except OSError:
        return False
    return True


def most_held(device: torch.device) -> int:
    """Bytes at the high-water mark so far: of this process, or on a GPU of torch's allocator.

    The mark counts from the last `peak_during`, which resets it. A system that keeps none is asked what is held now.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        return _high_water()
    except OSError:
        now = psutil.Process().memory_info()
        return getattr(now, "peak_wset", now.rss)


def _high_water() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _sampled_peak(work: Callable[[], object]) -> int:
    process, done, highest = psutil.Process(), threading.Event(), 0

    def sample() -> None:
        nonlocal highest
        while True:
            highest = max(highest, process.memory_info().rss)
            if done.wait(_SAMPLE_EVERY_S):
                return

    sampler = threading.Thread(target=sample, name="resident memory", daemon=True)
    sampler.start()
    try:
        work()
    finally:
        done.set()
        sampler.join()
    return highest
