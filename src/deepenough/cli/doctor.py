"""`deepenough doctor`: what this machine can do for a study, and what to change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from deepenough.cli import _options, _output

if TYPE_CHECKING:
    from deepenough.cli._machine import Machine

GIB = 1 << 30
MEMORY_WANTED_BYTES = 4 * GIB  # ResNet-101 with its optimiser's state takes 0.7 GiB before the first image
DISK_WANTED_BYTES = 5 * GIB
SHARED_MEMORY_WANTED_BYTES = GIB // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing about the machine: `state` is ok, or change where the user could do something about it."""

    subject: str
    state: Literal["ok", "change"]
    message: str


def doctor(
    folder: Annotated[
        Path,
        typer.Option("--folder", metavar="PATH", help="Where studies would be written.", exists=True, file_okay=False),
    ] = Path(),
    as_json: _options.JsonOption = False,
) -> None:
    """Say what this machine can do, and what to change.

    Looks at the processor, memory, disk, devices and thread settings, and measures one convolution in fp32 and bf16.
    Takes a few seconds and no network.

    \b
    Examples:
      deepenough doctor
      deepenough doctor --folder . --json
    """
    from deepenough.cli import _machine

    machine = _machine.look(folder)
    found = list(notes(machine))
    if as_json:
        from dataclasses import asdict

        _output.say_json({"machine": asdict(machine), "notes": [asdict(note) for note in found]})
        return
    versions = " · ".join(f"{name} {machine.versions[name]}" for name in ("torch", "torchvision", "timm"))
    _output.say(f"Python {machine.python} · {versions}")
    _output.say(f"{machine.system} · {machine.processor}")
    _output.say()
    for note in found:
        _output.say(note.message, indent=f"{note.state:<7} {note.subject:<10} ", hanging=" " * 19)


def notes(machine: Machine) -> Iterator[Note]:
    """What a study should know about the machine, one note a subject; pure, so that every case can be tested."""
    yield _cores(machine)
    yield _threads(machine)
    yield _enough(
        "memory", machine.memory_free_bytes, MEMORY_WANTED_BYTES, "close other programs, or train at a smaller scale"
    )
    yield _enough("disk", machine.disk_free_bytes, DISK_WANTED_BYTES, "free some, or write elsewhere with --out")
    if machine.shared_memory_bytes is not None:
        remedy = "in a container, start it with --shm-size=2g, for data workers pass images through it"
        yield _enough("/dev/shm", machine.shared_memory_bytes, SHARED_MEMORY_WANTED_BYTES, remedy)
    for path in machine.unwritable:
        yield Note(subject="folder", state="change", message=f"{path} cannot be written to; choose another with --out")
    yield _cuda(machine)
    yield from _precision(machine)


def _cores(machine: Machine) -> Note:
    cores = f"{machine.cores} usable" + (f", {' '.join(machine.instructions)}" if machine.instructions else "")
    if machine.load is not None and machine.load > 0.5 * machine.cores:
        busy = f"{cores}; {machine.load:.1f} processes are at work already: wait for them before costs are measured"
        return Note(subject="cores", state="change", message=busy)
    return Note(subject="cores", state="ok", message=cores)


def _threads(machine: Machine) -> Note:
    said = f"torch computes with {machine.threads}" + (
        f", set by {machine.threads_set_by}" if machine.threads_set_by else ""
    )
    if machine.threads > machine.cores:
        said += f"; more than the {machine.cores} usable cores wait for each other: set OMP_NUM_THREADS={machine.cores}"
        return Note(subject="threads", state="change", message=said)
    if machine.threads_set_by and machine.threads < machine.cores:
        said += f"; unset it to use all {machine.cores} cores"
        return Note(subject="threads", state="change", message=said)
    return Note(subject="threads", state="ok", message=said)


def _enough(subject: str, free_bytes: int, wanted_bytes: int, remedy: str) -> Note:
    free = f"{free_bytes / GIB:.1f} GiB free" if subject != "/dev/shm" else f"{free_bytes / GIB:.1f} GiB"
    if free_bytes < wanted_bytes:
        return Note(subject=subject, state="change", message=f"{free}, of {wanted_bytes / GIB:.1f} wanted; {remedy}")
    return Note(subject=subject, state="ok", message=free)


def _cuda(machine: Machine) -> Note:
    if machine.devices:
        each = ", ".join(f"{device.name} ({device.memory_bytes / GIB:.0f} GiB)" for device in machine.devices)
        return Note(subject="cuda", state="ok", message=each)
    if not machine.nvidia_driver:
        return Note(
            subject="cuda", state="ok", message="no device; studies run on the processor, so begin with small scales"
        )
    if machine.torch_cuda is None:
        cure = "an NVIDIA driver is here, but this torch is built for CPU only: install the CUDA build of torch"
    else:
        cure = (
            f"an NVIDIA driver is here, but torch (CUDA {machine.torch_cuda}) sees no device: see what nvidia-smi says"
        )
    return Note(subject="cuda", state="change", message=cure)


def _precision(machine: Machine) -> Iterator[Note]:
    for speed in machine.convolutions:
        fp32, bf16 = speed.fp32_macs_per_s / 1e9, speed.bf16_macs_per_s / 1e9
        measured = (
            f"{speed.device}: {fp32:.3g} GMAC/s in fp32, {bf16:.3g} in bf16 (one 3x3 convolution, forward and backward)"
        )
        if speed.bf16_gain > 1.2:
            advice = f"bf16 is {speed.bf16_gain:.1f} times as fast here"
        else:
            advice = "bf16 brings little or nothing here; fp32 it is"
        yield Note(subject="precision", state="ok", message=f"{measured}; {advice}")
