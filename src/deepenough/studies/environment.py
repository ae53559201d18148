"""What a study ran with: versions, hardware, and the hash of the source that ran."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import psutil
import torch

import deepenough
from deepenough.machine import Machine, available_cores, processor_name
from deepenough.ranks import processes
from deepenough.records import read_json, write_json
from deepenough.records.program import source_hash
from deepenough.studies.store import StudyFolder

DECIDING = ("deepenough", "source_hash", "python", "processor", "device", "processes")
PACKAGES = ("torch", "torchvision", "timm", "numpy", "scipy", "polars", "pillow")


def environment(machine: Machine, command: str) -> dict[str, Any]:
    """Everything that one needs to know to repeat the study, or to see why it cannot be repeated."""
    return {
        "deepenough": deepenough.__version__,
        "source_hash": source_hash(),
        "command": command,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "system": platform.platform(),
        "processor": processor_name(),
        "cores": available_cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "device": torch.cuda.get_device_name() if machine.device == "cuda" else "cpu",
        "precision": machine.precision,
        "channels_last": machine.channels_last,
        "threads": machine.threads,
        "processes": processes(),
        "repeatability": "bit for bit on this machine with the same versions and threads"
        if machine.device == "cpu"
        else "not bit for bit: some GPU kernels add in no fixed order",
    }


def note_change(store: StudyFolder, machine: Machine) -> None:
    """Where a study goes on with other versions or on another machine, keep what changed with the record."""
    before, now = read_json(store.environment), environment(machine, command="")
    was, is_now = ({"processes": 1, **each, **each["packages"]} for each in (before, now))
    names = (*DECIDING, *PACKAGES)
    changed = {name: f"{was.get(name)} -> {is_now[name]}" for name in names if was.get(name) != is_now[name]}
    if changed:
        write_json(store.environment, {**before, "changed": {**before.get("changed", {}), **changed}})
