"""Deterministic splits: stratified by class, by group where groups are given, nearly identical pictures together.

The order in which samples are dealt out is the order of a hash of (seed, content), so a split depends neither on file
names nor on the order in which files were met: renaming or adding a file moves no other file of another class.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LEAST_FILLED = 0.5  # of what val or test should have of a class; pictures of a class that reach less are not tied


@dataclass(frozen=True, slots=True)
class Dealt:
    """Splits of samples of which some are tied.

    Args:
        splits: of each sample.
        sets: the sets of tied samples, by their places; each lies in one split.
        loose: the classes whose samples were not tied, because too little would be left for a split.
    """

    splits: list[str]
    sets: list[list[int]]
    loose: list[str]


def assign_together(
    sample_ids: Sequence[str],
    targets: Sequence[str],
    ties: Sequence[tuple[int, int]],
    fractions: Mapping[str, float],
    *,
    seed: int,
) -> Dealt:
    """Deal samples out by class, with those that are tied, also by way of others, in one split.

    Each class is dealt in the order of its samples' hashes, as `assign` does, a set as one. A set that does not fit
    into what a split still lacks goes to the next and at last to the first, so no split but the first exceeds its
    share. One film of a thousand frames must not leave a class without test pictures: where a split would get less than
    half of its share of a class, the sets that hold samples of this class are taken apart.

    Args:
        sample_ids: the content hash of each sample; no two alike.
        targets: the class of each sample.
        ties: places of two samples that belong together.
        fractions: split -> its share, as for `assign`.
        seed: another seed deals otherwise.

    >>> assign_together(["a", "b", "c", "d"], ["x"] * 4, [(0, 3)], {"train": 0.5, "test": 0.5}, seed=0).sets
    [[0, 3]]
    """
    order = [_order(sample_id, seed) for sample_id in sample_ids]
    wanted = {target: _counts(count, fractions) for target, count in Counter(targets).items()}
    loose: set[str] = set()
    while True:
        sets = _sets(len(sample_ids), ties)
        sets = [members for members in sets if loose.isdisjoint(targets[place] for place in members)]
        splits = _dealt_sets(order, targets, sets, wanted)
        tied = {targets[place] for members in sets for place in members}
        got = Counter(zip(targets, splits, strict=True))
        short = {
            target
            for target in tied
            if any(got[target, split] < _LEAST_FILLED * count for split, count in wanted[target].items())
        }
        if not short:
            return Dealt(splits, sets, sorted(loose))
        loose |= short


def _sets(count: int, ties: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The samples that are joined by ties, directly or by way of others; only sets of two and more."""
    above = list(range(count))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = place = above[above[place]]
        return place

    for one, other in ties:
        above[top(other)] = top(one)
    members: dict[int, list[int]] = defaultdict(list)
    for place in range(count):
        members[top(place)].append(place)
    return [places for places in members.values() if len(places) > 1]


def _dealt_sets(
    order: Sequence[str], targets: Sequence[str], sets: Sequence[list[int]], wanted: Mapping[str, Mapping[str, int]]
) -> list[str]:
    tied = {place for members in sets for place in members}
    units = [*sets, *([place] for place in range(len(order)) if place not in tied)]
    *others, first = next(iter(wanted.values()), [""])  # as `_counts` has them
    room = {target: dict(counts) for target, counts in wanted.items()}
    split_of = [""] * len(order)
    for unit in sorted(units, key=lambda places: _order_of([order[place] for place in places])):
        classes = Counter(targets[place] for place in unit)
        fits = (split for split in others if all(room[name][split] >= count for name, count in classes.items()))
        split = next(fits, first)
        for name, count in classes.items():
            room[name][split] -= count
        for place in unit:
            split_of[place] = split
    return split_of


def _order_of(orders: Sequence[str]) -> str:
    """One sample's order, or one for a whole set that is no earlier for the more samples."""
    return orders[0] if len(orders) == 1 else hashlib.sha256("".join(sorted(orders)).encode()).hexdigest()


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
