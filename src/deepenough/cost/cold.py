"""Seconds of a piece of a network: called again and again, or with nothing of its own left in the fast caches.

A block that is called again and again finds its weights in the cache and takes 0.64 to 0.82 of what it takes in a
network, where all other weights pass between two calls (ten networks of 2 to 7 million weights, docs/log.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from deepenough.cost.timing import Precision

FLUSHED_BYTES = 16 << 20  # written between calls: more than the caches of a core, less than a server's last one
_FEWEST, _MOST = 9, 200
_AT_ONCE = 10  # calls between two clock readings on a GPU, which works behind the program


def piece_seconds(
    call: Callable[[], object], entering: Tensor, *, cold: bool, precision: Precision, threads: int, budget_s: float
) -> float:
    """The lower quartile of a call's seconds.

    Where one thread of a processor computes, it is processor time, in which other programs have no part; else the
    clock's. The quartile is what a call takes where nothing gets in its way and still no lucky exception.

    Args:
        call: of the piece, on `entering`; its result is thrown away.
        entering: the map that comes in.
        cold: flush the caches of a processor before each call; `entering` is read after that, as just made.
        precision: bf16 runs under autocast.
        threads: that torch computes with.
        budget_s: of timing, in the seconds that are counted; at least nine calls are timed, at most 200.
    """
    device = entering.device
    clock = time.thread_time if device.type == "cpu" and threads == 1 else time.perf_counter
    flushed = np.zeros(FLUSHED_BYTES // 8) if device.type == "cpu" else None
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
        call()
        call()
        seconds: list[float] = []
        while len(seconds) < _FEWEST or (sum(seconds) < budget_s and len(seconds) < _MOST):
            if flushed is None:
                seconds.append(_behind(call, device))
                continue
            if cold:
                np.add(flushed, 1.0, out=flushed)
                entering.sum()
            began = clock()
            call()
            seconds.append(clock() - began)
    return float(np.quantile(seconds, 0.25))


def _behind(call: Callable[[], object], device: torch.device) -> float:
    torch.cuda.synchronize(device)
    began = time.perf_counter()
    for _ in range(_AT_ONCE):
        call()
    torch.cuda.synchronize(device)
    return (time.perf_counter() - began) / _AT_ONCE
