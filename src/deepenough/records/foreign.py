"""Parquet files that did not come from here, read once by a process that may end in it.

One bit that is another can make polars ask for 2 EiB of memory; that ends the process, and nothing can catch it. A
table whose seal fits holds what was written and cannot do so. Any other is read to its end by a child first, which
takes about a quarter of a second and the table's own time; only where the child comes back is it read here.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

from deepenough.errors import RecordError

LONGEST_S = 600.0
_MAGIC = b"PAR1"  # the last bytes of a Parquet file
_READ = """
import io, sys
import polars as pl
try:
    pl.read_parquet(sys.argv[1]).write_ipc(io.BytesIO())  # all of it: a column is looked into only where it is used
except pl.exceptions.PolarsError:
    pass  # said again, with its own words, where it is read next
except (pl.exceptions.PanicException, MemoryError) as error:
    sys.exit(str(error) or "out of memory")
"""


def require_harmless_table(path: Path) -> None:
    """Refuse a Parquet file that ends the process which reads it; a file is tried once as long as it stays the same.

    Raises:
        RecordError: reading it ended another process, or did not come to an end in ten minutes.
        OSError: it cannot be looked at.
    """
    if said := ending_of(path, _READ):
        raise RecordError(str(path), "a Parquet table", f"a torn or foreign file ({said})", "write it again")


def ending_of(path: Path, program: str) -> str:
    """What was said when a Parquet file ended the process that read it; empty where it ended none.

    Args:
        path: of the file; one that does not end as Parquet does is refused by every reader and not tried.
        program: Python text that reads the file `sys.argv[1]` and swallows what its reader can raise.

    Raises:
        OSError: it cannot be looked at.
    """
    with path.open("rb") as stream:
        state = os.fstat(stream.fileno())
        stream.seek(max(0, state.st_size - len(_MAGIC)))
        if stream.read() != _MAGIC:
            return ""
    return _outcome(str(path.absolute()), program, (state.st_ino, state.st_mtime_ns, state.st_size))


@functools.lru_cache(maxsize=256)
def _outcome(path: str, program: str, _state: tuple[int, ...]) -> str:
    command = [sys.executable, "-P", "-c", program, path]  # -P: no polars.py of the folder where we stand is imported
    environment = {**os.environ, "RUST_BACKTRACE": "0"}
    try:
        child = subprocess.run(command, capture_output=True, env=environment, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return f"not read in {LONGEST_S:.0f} s"
    if child.returncode == 0:
        return ""
    lines = child.stderr.decode(errors="replace").splitlines()
    said = [line for line in lines if line and "RUST_BACKTRACE" not in line]
    return f"it ended the process that read it: {said[-1] if said else child.returncode}"
