"""The near-duplicates among the pictures that are kept, by path, class and split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepenough.data.likeness import alike
from deepenough.data.opened import Opened
from deepenough.records import NearDuplicate


def near_duplicates(kept: Sequence[Opened]) -> list[NearDuplicate] | None:
    """Pairs of nearly identical pictures: those of different splits first, then those of different classes.

    None where there are too many pictures to compare. Of the two, the one nearer to test is named first.
    """
    compared = [item for item in kept if item.copy is not None]
    copies = np.stack([item.copy for item in compared if item.copy is not None]) if compared else np.empty((0, 1, 1))
    found = alike(copies, [item.split for item in compared])
    if found is None:
        return None
    pairs = [_pair(compared[pair.first], compared[pair.second], pair.agreement, pair.mirrored) for pair in found]
    return sorted(pairs, key=lambda p: (p.split == p.other_split, p.target == p.other_target, -p.agreement, p.path))


def _pair(first: Opened, second: Opened, agreement: float, mirrored: bool) -> NearDuplicate:
    nearness = ("test", "val", "train")
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
