"""Splits for pictures whose source declares none, or not all; nearly identical pictures stay together.

Where a manifest names groups, the groups alone are kept together: what belongs together has then been said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from deepenough.data.findings import some
from deepenough.data.opened import Opened
from deepenough.data.pairs import Likeness
from deepenough.data.splits import Dealt, assign, assign_together
from deepenough.errors import SourceError


@dataclass(frozen=True)
class Dealing:
    """How pictures are dealt out.

    Args:
        fractions: shares of train, val and test.
        seed: another seed deals otherwise.
        notes: what was done is added to it, a sentence each.
    """

    fractions: tuple[float, float, float]
    seed: int
    notes: list[str]


def with_splits(name: str, kept: list[Opened], found: Sequence[Likeness] | None, dealing: Dealing) -> list[Opened]:
    """Give every picture a split: its own where it has one, and what is missing dealt out of the others.

    Args:
        name: of the source, for messages.
        kept: the pictures, whose splits are not set yet.
        found: those that are nearly the same; None where they were too many to compare.
        dealing: how; its notes grow.

    Raises:
        SourceError: a class has too few pictures.
    """
    declared = {item.entry.split for item in kept}
    notes = dealing.notes
    train, val, test = dealing.fractions
    if declared == {None}:
        _require_three(name, kept)
        by = "class and group" if any(item.entry.group for item in kept) else "class"
        by = "identity" if all(item.entry.group == item.target for item in kept) else by
        notes.append(
            f"No splits were declared: {train:.0%} train, {val:.0%} val, {test:.0%} test, dealt by {by} and content."
        )
        return _dealt(kept, {"train": train, "val": val, "test": test}, found, dealing)
    kept = [item.in_split(item.entry.split or "") for item in kept]
    if "test" not in declared and "val" in declared:
        notes.append("No test split was declared: val is used as test, and a new val is cut from train.")
        kept = [item.in_split("test") if item.split == "val" else item for item in kept]
        declared = declared - {"val"} | {"test"}
    training = [item for item in kept if item.split == "train"]
    if "test" not in declared:
        _require_three(name, training)
        notes.append(f"Only train was declared: {val:.0%} of it was cut off for val and {test:.0%} for test.")
        others = [item for item in kept if item.split != "train"]
        return [*_dealt(training, {"train": train, "val": val, "test": test}, found, dealing), *others]
    if "val" not in declared:
        notes.append(f"No val split was declared: {val:.0%} of train was cut off for it.")
        others = [item for item in kept if item.split != "train"]
        return [*_dealt(training, {"train": 1 - val, "val": val}, found, dealing), *others]
    return kept


def by_identity(name: str, kept: Sequence[Opened], notes: list[str]) -> list[Opened]:
    """The pictures, each grouped by who it shows, so that whole identities are dealt out.

    Raises:
        SourceError: an identity is declared in two splits.
    """
    declared: dict[str, str | None] = {}
    for item in kept:
        split = declared.setdefault(item.target, item.entry.split)
        if split != item.entry.split:
            said = " and ".join(sorted({split or "no split", item.entry.split or "no split"}))
            expected = "identities that stand in one split each, since those of a test must be new to the network"
            remedy = "move all of its pictures into one split, or declare no splits"
            raise SourceError(name, expected, f"'{item.target}' in {said}", remedy)
    if any(item.entry.group not in (None, item.target) for item in kept):
        notes.append("A group is one identity here; the groups of the manifest were not used.")
    return [replace(item, entry=replace(item.entry, group=item.target)) for item in kept]


def _dealt(
    items: list[Opened], fractions: dict[str, float], found: Sequence[Likeness] | None, dealing: Dealing
) -> list[Opened]:
    ids, targets, groups = [i.sample_id for i in items], [i.dealt_by for i in items], [i.entry.group for i in items]
    if any(group is not None for group in groups):
        splits = assign(ids, targets, groups, fractions, seed=dealing.seed)
    else:
        places = {sample_id: place for place, sample_id in enumerate(ids)}
        pairs = [(pair.sample_id, pair.other_id) for pair in found or ()]
        ties = [(places[one], places[other]) for one, other in pairs if one in places and other in places]
        dealt = assign_together(ids, targets, ties, fractions, seed=dealing.seed)
        dealing.notes.extend(_said_of(dealt, compared=found is not None))
        splits = dealt.splits
    return [item.in_split(split) for item, split in zip(items, splits, strict=True)]


def _said_of(dealt: Dealt, *, compared: bool) -> Iterator[str]:
    if not compared:
        yield "There are too many pictures to keep nearly identical ones together in a split."
    if dealt.sets:
        tied = sum(map(len, dealt.sets))
        sets = "1 set" if len(dealt.sets) == 1 else f"{len(dealt.sets)} sets"
        yield f"Nearly identical pictures were kept together in a split: {tied} pictures in {sets}."
    if dealt.loose:
        yield (
            f"Nearly identical pictures were dealt out one by one in {some(dealt.loose)}: together they would leave "
            "less than half of its share to val or test."
        )


def _require_three(name: str, kept: Sequence[Opened]) -> None:
    counts = Counter(item.dealt_by for item in kept)
    for target, count in sorted(counts.items()):
        if count < 3 and (target or len(counts) == 1):  # pictures of nothing may lack in a split
            raise SourceError(
                name,
                "at least 3 different pictures in every class, one each for train, val and test",
                f"{count} in '{target}'" if target else f"{count}",
                "add pictures or remove the class",
            )
