"""How many predictions the arithmetic of a test changes: the same pictures in fp32 by networks as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from deepenough.data import TestPixels
from deepenough.evaluation.batches import Batches
from deepenough.evaluation.onepass import as_tested
from deepenough.tasks.contract import Task

_EVERY, _FEWEST, _MOST = 32, 32, 1024  # of the pictures one in so many is checked, but no fewer and no more than these
_AT_ONCE = 64  # pictures in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """The predictions of one contender that differ from those in fp32.

    Args:
        compared: pictures that were looked at, at every scale.
        flips: how many of their predictions differ, by scale.
    """

    compared: int
    flips: Mapping[int, int]


def checked(samples: int) -> np.ndarray:
    """Which of the pictures are compared: evenly spread, one in 32, at least 32 and at most 1,024; int64, ascending.

    >>> checked(20).tolist() == list(range(20)), len(checked(372)), len(checked(10_000)), len(checked(100_000))
    (True, 32, 312, 1024)
    """
    count = min(samples, max(_FEWEST, min(_MOST, samples // _EVERY)))
    return np.arange(count, dtype=np.int64) * samples // max(1, count)


def count_flips(
    networks: Mapping[str, nn.Module], pixels: TestPixels, scales: Sequence[int], *, task: Task, batches: Batches
) -> dict[str, Flips]:
    """Compare predictions as `examine` makes them with those of its `exact` form, on the pictures of `checked`.

    Args:
        networks: by contender's name, placed on the machine; left in evaluation mode.
        pixels: the pictures, cut for each scale.
        scales: image sides in pixels.
        task: says what is a decision, and what of the squares the networks are shown.
        batches: shows the pictures to the networks; its machine's arithmetic is the one that is checked.
    """
    places = checked(len(pixels))
    ids = [pixels.sample_ids[place] for place in places]
    fast, plain = (as_tested(networks, batches, exact=exact) for exact in (False, True))
    flips = {name: dict.fromkeys(scales, 0) for name in networks}
    for scale in scales:
        stored = pixels.at(scale)
        for first in range(0, len(places), _AT_ONCE):
            squares = task.inputs(stored[places[first : first + _AT_ONCE]], ids[first : first + _AT_ONCE])
            one, other = (_decisions(*form, squares, task) for form in (fast, plain))
            for name in one:
                flips[name][scale] += int((one[name] != other[name]).flatten(1).any(1).sum())
    return {name: Flips(compared=len(places), flips=by_scale) for name, by_scale in flips.items()}


def _decisions(
    networks: Mapping[str, nn.Module], batches: Batches, squares: np.ndarray, task: Task
) -> dict[str, torch.Tensor]:
    said: dict[str, list[torch.Tensor]] = {name: [] for name in networks}
    for _, outputs in batches.outputs(networks, squares):
        for name, values in outputs.items():
            found = task.decisions(values)
            if found is not None:
                said[name].append(found[:, None] if found.ndim == 1 else found)
    return {name: torch.cat(parts) for name, parts in said.items() if parts}
