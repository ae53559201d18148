"""The near-duplicates among the pictures that are kept, by path, class and split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deepenough.data import likeness
from deepenough.data.likeness import alike
from deepenough.data.opened import Opened
from deepenough.records import NearDuplicate

_NONE = np.empty((0, 1, 1), np.uint8)


class Likeness(NamedTuple):
    """Two pictures that are nearly the same, by their ids."""

    sample_id: str
    other_id: str
    agreement: float
    mirrored: bool


def may_be_compared(kept: Sequence[Opened]) -> bool:
    """Whether there are few enough pictures to compare each with all others, whatever their splits."""
    count = sum(item.copy is not None for item in kept)
    return count * (count - 1) // 2 <= likeness.MOST_COMPARED


def likenesses(kept: Sequence[Opened], splits: Sequence[str]) -> list[Likeness] | None:
    """The nearly identical pictures among those that are kept; None where there are too many to compare."""
    compared = [(item, split) for item, split in zip(kept, splits, strict=True) if item.copy is not None]
    copies = np.stack([item.copy for item, _ in compared if item.copy is not None]) if compared else _NONE
    found = alike(copies, [split for _, split in compared])
    if found is None:
        return None
    ids = [item.sample_id for item, _ in compared]
    return [Likeness(ids[pair.first], ids[pair.second], pair.agreement, pair.mirrored) for pair in found]


def near_duplicates(kept: Sequence[Opened], found: Sequence[Likeness]) -> list[NearDuplicate]:
    """The pairs by path, class and split: those of different splits first, then those of different classes.

    Of the two, the one nearer to test is named first.
    """
    items = {item.sample_id: item for item in kept}
    pairs = [_pair(items[pair.sample_id], items[pair.other_id], pair.agreement, pair.mirrored) for pair in found]
    return sorted(pairs, key=lambda p: (p.split == p.other_split, p.target == p.other_target, -p.agreement, p.path))


def _pair(first: Opened, second: Opened, agreement: float, mirrored: bool) -> NearDuplicate:
    nearness = ("test_shifted", "test", "val", "train")
    first, second = sorted((first, second), key=lambda item: (nearness.index(item.split), item.entry.path))
    return NearDuplicate(
        sample_id=first.sample_id,
        path=first.entry.path,
        target=first.target,
        split=first.split,
        other_sample_id=second.sample_id,
        other_path=second.entry.path,
        other_target=second.target,
        other_split=second.split,
        agreement=round(agreement, 3),
        mirrored=mirrored,
    )
