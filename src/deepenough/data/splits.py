"""Deterministic splits: stratified by class, by group where groups are given.

The order in which samples are dealt out is the order of a hash of (seed, content), so a split depends neither on file
names nor on the order in which files were met: renaming or adding a file moves no other file of another class.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence


def assign(
    sample_ids: Sequence[str],
    targets: Sequence[str],
    groups: Sequence[str | None],
    fractions: Mapping[str, float],
    *,
    seed: int,
) -> list[str]:
    """Deal samples out to splits.

    Args:
        sample_ids: the content hash of each sample; no two alike.
        targets: the class of each sample.
        groups: the group of each sample; None for a sample that stands for itself. A group is never divided.
        fractions: split -> its share, in (0, 1); they sum to 1. The first split takes what rounding leaves over.
        seed: another seed deals otherwise.

    Returns:
        The split of each sample, in the order given. Without groups every class has at least one sample in every split
        if it has as many samples as there are splits.

    >>> assign(["a", "b", "c"], ["x"] * 3, [None] * 3, {"train": 0.5, "test": 0.5}, seed=0).count("test")
    2
    """
    if any(group is not None for group in groups):
        return _by_group(sample_ids, targets, groups, fractions, seed)
    members: dict[str, list[int]] = defaultdict(list)
    for index, target in enumerate(targets):
        members[target].append(index)
    split_of = [""] * len(sample_ids)
    for indices in members.values():
        indices.sort(key=lambda index: _order(sample_ids[index], seed))
        dealt = iter(indices)
        for split, count in _counts(len(indices), fractions).items():
            for _ in range(count):
                split_of[next(dealt)] = split
    return split_of


def _counts(samples: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """How many of a class go to each split: rounded, at least one while there are enough, the rest to the first."""
    first, *others = fractions
    counts: dict[str, int] = {}
    left = samples
    for position, split in enumerate(others):
        still_to_serve = len(others) - position  # the splits after this one, and the first
        wanted = max(1, int(samples * fractions[split] + 0.5))
        counts[split] = max(0, min(wanted, left - still_to_serve))
        left -= counts[split]
    return {**counts, first: left}


def _by_group(
    sample_ids: Sequence[str],
    targets: Sequence[str],
    groups: Sequence[str | None],
    fractions: Mapping[str, float],
    seed: int,
) -> list[str]:
    """Whole groups, the largest first, each to the split that it brings nearest to its share of every class."""
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[("sample", sample_ids[index]) if group is None else ("group", group)].append(index)
    totals = Counter(targets)
    filled: dict[str, Counter[str]] = {split: Counter() for split in fractions}
    content = {key: "".join(sorted(sample_ids[index] for index in indices)) for key, indices in members.items()}
    split_of = [""] * len(sample_ids)
    for key in sorted(members, key=lambda key: (-len(members[key]), _order(content[key], seed))):
        classes = Counter(targets[index] for index in members[key])
        split = min(fractions, key=lambda split: _strain(classes, filled[split], totals, fractions[split]))
        filled[split].update(classes)
        for index in members[key]:
            split_of[index] = split
    return split_of


def _strain(group: Counter[str], filled: Counter[str], totals: Counter[str], share: float) -> float:
    """How full the group would leave a split, in units of the split's share, averaged over the group's samples."""
    size = sum(group.values())
    return sum(count * (filled[name] + count) / (totals[name] * share) for name, count in group.items()) / size


def _order(content: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{content}".encode()).hexdigest()
