"""Several processes on this machine that do one command together: torch's elastic launcher, without its many words."""

from __future__ import annotations

import logging
import os
import shlex
import sys
import tempfile
import uuid

import typer

from deepenough.errors import Interrupted, StudyError
from deepenough.ranks import LOST, is_follower, processes

_SAID = (1, 2, 3)  # exit codes of a process that has said why: a bug's traceback, an error, a stop


def is_done_elsewhere(devices: int | None, executor: str) -> bool:
    """Whether this command was done beside the first of several processes, or by those that it started.

    Args:
        devices: as how many processes the command is to be done; None where nobody said.
        executor: of the command.

    Raises:
        StudyError: the number does not fit the executor, torchrun or the machine.
        Interrupted: a process was killed.
        Exit: with the code of the processes, which have said why.
    """
    if devices not in (None, 1) and executor != "local":
        raise StudyError("--devices", "none beside another executor", f"{devices}", "leave one of them out")
    if devices is not None and processes() not in (1, devices):
        raise StudyError("--devices", f"{processes()}, as torchrun started them", f"{devices}", "leave it out")
    if is_follower():
        from deepenough.studies.spread_executor import follow

        follow()
        return True
    if devices in (None, 1) or processes() > 1:
        return False
    status = _launch(devices, shlex.join(["deepenough", *sys.argv[1:]]))
    if status:
        raise typer.Exit(status)
    return True


def _launch(devices: int, command: str) -> int:
    """Run this command line once more in so many processes, and wait for them; the exit code of them all.

    Args:
        devices: how many.
        command: as the user typed it, to go on with.

    Raises:
        StudyError: more than there are.
        Interrupted: a process was killed; the others have ended too.
    """
    import torch

    from deepenough.machine import available_cores

    gpus, cores = torch.cuda.device_count(), available_cores()
    if devices > (gpus or cores):
        got = f"{gpus} GPUs here" if gpus else f"no GPU and {cores} cores here"
        raise StudyError("--devices", f"{devices} devices", got, "give fewer, or several machines with torchrun")
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // devices)))
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as logs:
        return _waited_for(devices, command, logs)


def _waited_for(devices: int, command: str, logs: str) -> int:
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=devices,
        logs_specs=DefaultLogsSpecs(log_dir=logs),
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,  # the same command goes on
        monitor_interval=0.1,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "deepenough", *sys.argv[1:])
    except SignalException:
        return 3  # they got the signal too, and the first has said that it stopped
    except ChildFailedError as error:
        codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
        said = [code for code in codes.values() if code in _SAID]
        if said:
            return said[0]
        rank, code = next(((rank, code) for rank, code in codes.items() if code != LOST), (0, LOST))
        why = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise Interrupted(f"process {rank} of {devices} ended by {why}, so all did", command) from None
    return 0
