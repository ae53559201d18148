"""What a network's head sees of every picture, computed once and kept, and the scores of a head on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
import torch
from torch import nn

from deepenough.data import Preprocessing, TestPixels
from deepenough.data.indexed import fingerprint_of, index_of, write_indexed
from deepenough.evaluation.batches import CHUNK, Batches
from deepenough.evaluation.outcomes import Shown, table
from deepenough.machine import Machine
from deepenough.networks import ResNet
from deepenough.networks.digests import tensors_sha256
from deepenough.tasks.contract import Run, Task

FORMAT_VERSION = 1
_HEAD = "fc."
_ROWS = 4096  # samples whose logits are held at once

Progress = Callable[[int, int], None]  # (pictures done, pictures in all)


def build_features(
    network: ResNet,
    pixels: TestPixels,
    scale: int,
    folder: Path,
    *,
    machine: Machine,
    preprocessing: Preprocessing,
    progress: Progress | None = None,
) -> np.ndarray:
    """The head's input for every picture at one scale, or what an earlier call left in `folder`.

    Kept under a fingerprint of the network's weights but its head's, the pictures, their preparation and the
    arithmetic; a file that is torn or for something else is computed anew.

    Args:
        network: placed on the machine; left in evaluation mode.
        pixels: the pictures, cut for `scale`.
        scale: image side in pixels.
        folder: where features are kept.
        machine: the arithmetic.
        preprocessing: as the pictures were cut; mean and standard deviation of the pixels.
        progress: told after every batch; may raise to stop, which leaves no file.

    Returns:
        float32 (samples, fc.in_features) in the pictures' order, memory-mapped, read only.
    """
    fingerprint = fingerprint_of(
        FORMAT_VERSION,
        tensors_sha256({name: value for name, value in network.state_dict().items() if not name.startswith(_HEAD)}),
        repr(network.config),
        {name: getattr(preprocessing, name) for name in ("mean", "std", "interpolation", "crop")},
        {"device": machine.device, "precision": machine.precision, "channels_last": machine.channels_last},
        scale,
        pixels.sample_ids,
    )
    path = folder / f"features-{fingerprint[:16]}.npy"
    if index_of(path, fingerprint) is None:
        network.eval()
        write_indexed(
            path, fingerprint, lambda to: _write(to, network, pixels, scale, machine, preprocessing, progress)
        )
    return np.load(path, mmap_mode="r")


def evaluate_head(
    head: nn.Linear, features: Mapping[int, np.ndarray], shown: Shown, *, contender: str, seed: int, task: Task
) -> pl.DataFrame:
    """Scores of a head on features, in fp32 on the CPU.

    Args:
        head: of any device.
        features: float32 (samples, head.in_features) by scale.
        shown: the samples that the features are of.
        contender: written into the rows.
        seed: written into the rows.
        task: judges the head's outputs, each sample alone.

    Returns:
        A frame of `records.SCORES`, ordered by scale and the order of the samples.
    """
    weight, bias = head.weight.detach().float().cpu(), head.bias.detach().float().cpu()
    frames = []
    for scale, vectors in features.items():
        for first in range(0, len(vectors), _ROWS):
            chunk = torch.from_numpy(np.array(vectors[first : first + _ROWS]))
            truth = shown.targets[first : first + len(chunk)]
            rows = task.outcomes(nn.functional.linear(chunk, weight, bias), truth, np.empty(0, np.uint8))
            frames.append(table(contender, seed, scale, shown, first, task.judged(Run(rows, truth))))
    return pl.concat(frames)


def _write(
    stream: IO[bytes],
    network: ResNet,
    pixels: TestPixels,
    scale: int,
    machine: Machine,
    preprocessing: Preprocessing,
    progress: Progress | None,
) -> None:
    stored, kind = pixels.at(scale), np.dtype("<f4")
    form = {"descr": kind.str, "fortran_order": False, "shape": (len(pixels), network.fc.in_features)}
    np.lib.format.write_array_header_1_0(stream, form)
    batches = Batches(machine, preprocessing)
    for first in range(0, len(pixels), CHUNK):
        for at, seen in batches.outputs({"": network.embed}, stored[first : first + CHUNK]):
            stream.write(np.ascontiguousarray(seen[""].numpy(), kind).data)
            if progress is not None:
                progress(first + at + len(seen[""]), len(pixels))
