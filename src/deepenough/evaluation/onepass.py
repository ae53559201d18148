"""Every network at every scale in one pass over the pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import torch
from torch import nn

from deepenough.data import Preprocessing, TestPixels
from deepenough.machine import Machine
from deepenough.records import SCORES
from deepenough.tasks.contract import Task

PIXELS_A_BATCH = 64 * 224 * 224  # images of 224 px in a batch of 64; other scales get batches of the same memory
LARGEST_BATCH = 512


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

    Returns:
        A frame of `records.SCORES`, ordered by contender, scale and the order of the pictures.
    """
    outcomes: dict[tuple[str, int], list[tuple[np.ndarray, ...]]] = {(n, s): [] for n in networks for s in scales}
    for network in networks.values():
        network.eval()
    with torch.inference_mode():
        for scale in scales:
            stored, size = pixels.at(scale), batch_at(scale)
            for first in range(0, len(labels), size):
                chunk = torch.from_numpy(np.ascontiguousarray(stored[first : first + size])).permute(0, 3, 1, 2)
                images = machine.images(chunk, preprocessing.mean, preprocessing.std)
                truth = torch.from_numpy(labels[first : first + size])
                for name, network in networks.items():
                    with machine.autocast():
                        logits = network(images)
                    scored = task.scores(logits.float().cpu(), truth)
                    columns = (scored.prediction, scored.score, scored.confidence)
                    outcomes[name, scale].append(tuple(column.numpy() for column in columns))
    frames = [
        _frame(name, seed, scale, pixels.sample_ids, labels, classes, parts)
        for (name, scale), parts in outcomes.items()
    ]
    return pl.concat(frames)


def evaluate_batch_seconds(network: nn.Module, images: torch.Tensor, machine: Machine) -> float:
    """Seconds of one forward pass in evaluation mode, after one that is not counted."""
    network.eval()
    with torch.inference_mode(), machine.autocast():
        network(images).float().sum().item()
        started = time.perf_counter()
        network(images).float().sum().item()
        return time.perf_counter() - started


def _frame(
    contender: str,
    seed: int,
    scale: int,
    sample_ids: Sequence[str],
    labels: np.ndarray,
    classes: Sequence[str],
    parts: Sequence[tuple[np.ndarray, ...]],
) -> pl.DataFrame:
    prediction, score, confidence = (np.concatenate(column) for column in zip(*parts, strict=True))
    names = np.asarray(classes, dtype=object)
    columns = {
        "contender": contender,
        "seed": seed,
        "scale": scale,
        "sample_id": pl.Series(sample_ids, dtype=pl.String),
        "target": pl.Series(names[labels].tolist(), dtype=pl.String),
        "prediction": pl.Series(names[prediction].tolist(), dtype=pl.String),
        "score": score.astype(np.float64),
        "confidence": confidence.astype(np.float64),
    }
    return pl.DataFrame(columns).select(*(pl.col(name).cast(kind) for name, kind in SCORES.items()))
