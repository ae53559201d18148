"""What the benchmarks of whole commands share: a fresh process measured, and the file of results for the page."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent / "results"
RUN = "import sys; from deepenough.cli import main; main(sys.argv[1:])"  # a command of deepenough, as `python -c`


class Cost(NamedTuple):
    """What a process took: seconds on the clock and of processors, and the most memory that it held, in bytes."""

    took_s: float
    processor_s: float
    peak_bytes: int


def measured(arguments: Sequence[str]) -> Cost:
    """Run Python with these arguments in a fresh process, imports included; its output is thrown away.

    The memory begins with what this process holds when it starts the other, so all that is large is made elsewhere.

    Raises:
        SystemExit: it failed.
    """
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{shlex.join(arguments)} ended with {child.returncode}")
    return Cost(took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)  # kilobytes on Linux


def leave(out: Path, n: int | Sequence[int], rows: Sequence[Mapping[str, Any]], packages: Sequence[str]) -> None:
    """Write a benchmark's results as `performance_page.py` reads them: command, hardware, versions, n and rows."""
    from deepenough.machine import available_cores, processor_name  # with torch, whose memory a child would begin with

    found = {
        "command": shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "hardware": {"processor": processor_name(), "cores": available_cores()},
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in packages},
        "n": n,
        "rows": rows,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
