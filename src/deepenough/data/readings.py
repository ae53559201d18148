"""What a source says of each picture, and what follows from it for classes and splits.

A task names the reading that it needs (`tasks.registry`). A new form of target is a new entry here, and an opener in
`sources` where folders and manifests do not hold it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

SEPARATOR = "|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One form of target.

    Args:
        name: by which tasks ask for it.
        several: a target holds any number of names, joined by `|`, also none.
        disjoint: a name never stands in two splits: whole identities are dealt out.
        named: every picture has a name at least, and there are two names at least.
        annotated: what it says stands in files of annotations, COCO's or VOC's.
    """

    name: str
    several: bool = False
    disjoint: bool = False
    named: bool = True
    annotated: bool = False

    def names(self, target: str | None) -> tuple[str, ...]:
        """The names in a target, sorted.

        >>> READINGS["labels"].names("b|a"), READINGS["classes"].names("b|a")
        (('a', 'b'), ('b|a',))
        """
        if not self.named and not self.several:
            return ()
        if not self.several:
            return () if target is None else (target,)
        return tuple(sorted({part.strip() for part in (target or "").split(SEPARATOR) if part.strip()}))

    def strata(self, targets: Sequence[str]) -> list[str]:
        """Within which pictures are dealt out, so that each split gets its share: of several names the rarest.

        >>> READINGS["labels"].strata(["a", "a|b", "", "a"])
        ['a', 'b', '', 'a']
        """
        if self.disjoint or not (self.named or self.several):
            return [""] * len(targets)
        if not self.several:
            return list(targets)
        counts = Counter(name for target in targets for name in self.names(target))
        return [min(self.names(target), key=lambda name: (counts[name], name), default="") for target in targets]


READINGS: dict[str, Reading] = {
    reading.name: reading
    for reading in (
        Reading(name="classes"),
        Reading(name="labels", several=True, named=False),
        Reading(name="boxes", several=True, named=False, annotated=True),
        Reading(name="identities", disjoint=True),
        Reading(name="pictures", named=False),
    )
}
