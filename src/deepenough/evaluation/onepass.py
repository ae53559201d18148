"""Every network at every scale in one pass over the pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl
import torch
from torch import nn

from deepenough.data import Preprocessing, TestPixels
from deepenough.machine import Machine
from deepenough.records import SCORES
from deepenough.tasks.contract import Scores, Task

PIXELS_A_BATCH = 64 * 224 * 224  # images of 224 px in a batch of 64; other scales get batches of the same memory
LARGEST_BATCH = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The samples that networks are tested on.

    Args:
        sample_ids: of each.
        labels: class index of each, int64 (samples,).
        classes: class names in index order.
    """

    sample_ids: Sequence[str]
    labels: np.ndarray
    classes: Sequence[str]


def batch_at(scale: int) -> int:
    """Images in an evaluation batch at a scale, so that memory does not grow with the scale.

    A fixed function of the scale: kernels may round otherwise at another batch size, and scores must repeat.

    >>> batch_at(224), batch_at(448), batch_at(32)
    (64, 16, 512)
    """
    return max(1, min(LARGEST_BATCH, PIXELS_A_BATCH // (scale * scale)))


def evaluate(  # noqa: PLR0913  all that a score depends on
    networks: Mapping[str, nn.Module],
    pixels: TestPixels,
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    seed: int,
    scales: Sequence[int],
    task: Task,
    machine: Machine,
    preprocessing: Preprocessing,
    averages: Mapping[str, tuple[str, Sequence[int]]] = MappingProxyType({}),
) -> pl.DataFrame:
    """Scores of every network at every scale on every picture.

    Args:
        networks: by contender's name, placed on the machine; left in evaluation mode.
        pixels: the pictures, cut for each scale.
        labels: class index of each picture, int64 (samples,).
        classes: class names in index order.
        seed: of the cells that the networks belong to, written into the rows.
        scales: image sides in pixels, each one that `pixels` was cut for.
        task: turns logits into predictions and scores.
        machine: the arithmetic.
        preprocessing: mean and standard deviation of the pixels.
        averages: by contender's name, whose network it is tested with and the scales whose probabilities it averages;
            as it sees the same sides whatever the scale, its rows are the same at every one of `scales`.

    Returns:
        A frame of `records.SCORES`, ordered by contender, scale and the order of the pictures.
    """
    outcomes: dict[tuple[str, int], list[Scores]] = {(n, s): [] for n in networks for s in scales}
    means = {name: _Mean(network, tuple(sides)) for name, (network, sides) in averages.items()}
    for network in networks.values():
        network.eval()
    with torch.inference_mode():
        for side in sorted({*scales, *(side for mean in means.values() for side in mean.sides)}):
            asked = [n for n in networks if side in scales or any(mean.wants(n, side) for mean in means.values())]
            for first, images in _batches(pixels, side, machine, preprocessing):
                truth = torch.from_numpy(labels[first : first + len(images)])
                for name in asked:
                    with machine.autocast():
                        logits = networks[name](images)
                    logits = logits.float().cpu()
                    if side in scales:
                        outcomes[name, side].append(task.scores(logits, truth))
                    for mean in means.values():
                        if mean.wants(name, side):
                            mean.add(first, task.probabilities(logits), len(labels))
    for name, mean in means.items():
        scored = task.scores(mean.logarithm(), torch.from_numpy(labels))
        outcomes |= {(name, scale): [scored] for scale in scales}
    shown = Shown(sample_ids=pixels.sample_ids, labels=labels, classes=classes)
    return pl.concat(frame(name, seed, scale, shown, parts) for (name, scale), parts in outcomes.items())


@dataclass(slots=True)
class _Mean:
    """The running mean of a network's probabilities over several sides."""

    network: str
    sides: tuple[int, ...]
    total: torch.Tensor | None = None

    def wants(self, network: str, side: int) -> bool:
        return network == self.network and side in self.sides

    def add(self, first: int, probabilities: torch.Tensor, samples: int) -> None:
        if self.total is None:
            self.total = torch.zeros(samples, probabilities.shape[1])
        self.total[first : first + len(probabilities)] += probabilities

    def logarithm(self) -> torch.Tensor:
        if self.total is None:
            raise ValueError("nothing was averaged")
        return (self.total / len(self.sides)).clamp(min=torch.finfo(torch.float32).tiny).log()


def _batches(
    pixels: TestPixels, side: int, machine: Machine, preprocessing: Preprocessing
) -> Iterator[tuple[int, torch.Tensor]]:
    """Where each batch begins, and its images as the networks take them."""
    stored, size = pixels.at(side), batch_at(side)
    for first in range(0, len(stored), size):
        chunk = torch.from_numpy(np.ascontiguousarray(stored[first : first + size])).permute(0, 3, 1, 2)
        yield first, machine.images(chunk, preprocessing.mean, preprocessing.std)


def evaluate_batch_seconds(network: nn.Module, images: torch.Tensor, machine: Machine) -> float:
    """Seconds of one forward pass in evaluation mode, after one that is not counted."""
    network.eval()
    with torch.inference_mode(), machine.autocast():
        network(images).float().sum().item()
        started = time.perf_counter()
        network(images).float().sum().item()
        return time.perf_counter() - started


def frame(contender: str, seed: int, scale: int, shown: Shown, parts: Sequence[Scores]) -> pl.DataFrame:
    """Rows of `records.SCORES` from the outcomes of each batch, in the samples' order."""
    prediction, score, confidence = (
        torch.cat([getattr(part, column) for part in parts]).numpy() for column in ("prediction", "score", "confidence")
    )
    names = np.asarray(shown.classes, dtype=object)
    columns = {
        "contender": contender,
        "seed": seed,
        "scale": scale,
        "sample_id": pl.Series(shown.sample_ids, dtype=pl.String),
        "target": pl.Series(names[shown.labels].tolist(), dtype=pl.String),
        "prediction": pl.Series(names[prediction].tolist(), dtype=pl.String),
        "score": score.astype(np.float64),
        "confidence": confidence.astype(np.float64),
    }
    return pl.DataFrame(columns).select(*(pl.col(name).cast(kind) for name, kind in SCORES.items()))
