"""The average of several networks: the mean of their probabilities, scored as one answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
import torch
from torch import nn

from deepenough.data import TestPixels
from deepenough.evaluation.batches import CHUNK, Batches
from deepenough.evaluation.onepass import as_tested
from deepenough.evaluation.outcomes import Shown, table
from deepenough.tasks.contract import Run, Task


def evaluate_mean(  # noqa: PLR0913  all that a score depends on
    networks: Sequence[nn.Module],
    pixels: TestPixels,
    shown: Shown,
    *,
    contender: str,
    seed: int,
    scale: int,
    task: Task,
    batches: Batches,
    exact: bool = False,
    progress: Callable[[int], None] = lambda _done: None,
) -> pl.DataFrame:
    """Scores of the mean of the networks' probabilities (not logits: one with large logits would outvote the rest).

    Args:
        networks: placed on the machine; left in evaluation mode; tested as `examine` tests them.
        pixels: the pictures of `shown`, in its order, cut for `scale`.
        shown: the samples.
        contender: written into the rows.
        seed: written into the rows.
        scale: image side in pixels.
        task: judges each picture alone, and averages what networks say.
        batches: shows the pictures to the networks.
        exact: as for `examine`.
        progress: told how many further pictures are done.

    Returns:
        A frame of `records.SCORES`, in the order of the samples.
    """
    named = {str(place): network for place, network in enumerate(networks)}
    tested, batches = as_tested(named, batches, exact=exact)
    stored = pixels.at(scale)
    frames = []
    for first in range(0, len(pixels), CHUNK):
        for at, outputs in batches.outputs(tested, stored[first : first + CHUNK]):
            mean = torch.stack([task.probabilities(said) for said in outputs.values()]).mean(dim=0)
            begin = first + at
            truth, squares = shown.targets[begin : begin + len(mean)], stored[begin : begin + len(mean)]
            rows = task.outcomes(task.from_probabilities(mean), truth, squares)
            frames.append(table(contender, seed, scale, shown, begin, task.judged(Run(rows, truth))))
            progress(len(mean))
    return pl.concat(frames)
