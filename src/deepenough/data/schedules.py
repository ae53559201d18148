"""The image side over a training: one side, sides drawn batch by batch, or sides that grow.

Whatever the side of a batch, it holds about as many pixels as a batch at the training scale, so that memory stays the
same and a small side shows more pictures a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

SMALLEST_SIDE = 32  # pixels, below which the networks have no last map
_SIDE = 3  # keeps the generator of sides apart from those of order, augmentation and mixing

Kind = Literal["fixed", "mixed", "progressive"]
_FACTORS = {"fixed": (1.0,), "mixed": (0.75, 1.0, 1.5), "progressive": (0.5, 0.75, 1.0)}


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which side the batches of a training have.

    Args:
        kind: `fixed` is the training scale throughout. `mixed` draws a side for every batch, each as likely (Hoffer et
            al. 2019, arXiv 1908.08986, section 4, whose batches grow as ours do). `progressive` goes through the sides
            from small to large, each for the same number of epochs (Tan and Le 2021, arXiv 2104.00298, section 4.2).
        sides: pixels, or None for the training scale times 0.75, 1 and 1.5 (mixed) or 0.5, 0.75 and 1 (progressive), in
            multiples of 16 and at least 32.
    """

    kind: Kind = "fixed"
    sides: tuple[int, ...] | None = None

    def sides_at(self, scale: int) -> tuple[int, ...]:
        """The sides at a training scale, ascending.

        >>> Schedule("mixed").sides_at(64), Schedule("progressive").sides_at(224), Schedule().sides_at(50)
        ((48, 64, 96), (112, 160, 224), (50,))
        """
        if self.sides is not None:
            return tuple(sorted(set(self.sides)))
        near = {scale if f == 1.0 else max(SMALLEST_SIDE, int(scale * f) // 16 * 16) for f in _FACTORS[self.kind]}
        return tuple(sorted(near))


@dataclass(frozen=True, slots=True)
class Step:
    """The pictures of one batch: `size` of them from place `first` in the epoch's order, at `side` pixels."""

    epoch: int
    first: int
    size: int
    side: int


def lay_out(
    schedule: Schedule, *, pictures: int, scale: int, batch: int, epochs: int, seed: int
) -> tuple[list[Step], list[int]]:
    """Every step of a training, and after how many steps each epoch ends.

    The last batch of an epoch is left out where it would hold fewer pictures than a batch at the training scale (or at
    its own side, if that takes fewer), since batch normalisation suffers from a small one. A set smaller than the batch
    is one batch.

    Args:
        schedule: of the sides.
        pictures: in an epoch, at least 1.
        scale: the training scale, pixels.
        batch: pictures a step at that scale.
        epochs: how often the pictures are gone through.
        seed: of the sides that are drawn.

    >>> steps, ends = lay_out(Schedule("progressive", (32, 64)), pictures=20, scale=64, batch=4, epochs=2, seed=0)
    >>> [(step.side, step.size) for step in steps], ends
    ([(32, 16), (32, 4), (64, 4), (64, 4), (64, 4), (64, 4), (64, 4)], [2, 7])
    """
    sides = schedule.sides_at(scale)
    steps: list[Step] = []
    ends: list[int] = []
    for epoch in range(epochs):
        generator = np.random.default_rng(np.random.SeedSequence((seed, _SIDE, epoch)))
        first = 0
        while True:
            side = _side(schedule.kind, sides, epoch / epochs, generator)
            full = min(pictures, batch_at(side, scale=scale, batch=batch))
            size = min(full, pictures - first)
            if size < min(full, batch):
                break
            steps.append(Step(epoch, first, size, side))
            first += size
        ends.append(len(steps))
    return steps, ends


def batch_at(side: int, *, scale: int, batch: int) -> int:
    """Pictures in a batch of another side with about as many pixels, at least 2.

    >>> batch_at(32, scale=64, batch=64), batch_at(96, scale=64, batch=64)
    (256, 28)
    """
    return batch if side == scale else max(2, round(batch * (scale / side) ** 2))


def work(schedule: Schedule, scale: int) -> float:
    """Pixels that an epoch goes through, against an epoch at the training scale: what its time goes with.

    >>> round(work(Schedule("mixed"), 64), 2), round(work(Schedule("progressive"), 64), 2), work(Schedule(), 64)
    (0.93, 0.6, 1.0)
    """
    areas = [(side / scale) ** 2 for side in schedule.sides_at(scale)]
    if schedule.kind == "mixed":  # every batch is as likely to have each side, and small sides have larger batches
        return len(areas) / sum(1 / area for area in areas)
    return sum(areas) / len(areas)


def _side(kind: Kind, sides: Sequence[int], progress: float, generator: np.random.Generator) -> int:
    if len(sides) == 1:
        return sides[0]
    if kind == "mixed":
        return sides[int(generator.integers(len(sides)))]
    return sides[int(progress * len(sides) + 1e-9)]
