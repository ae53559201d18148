"""What the audit says about pictures that were opened: each finding has its count, its severity and examples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from deepenough.data.entries import Entry, Skipped
from deepenough.records import Finding

MAX_EXAMPLES = 20
FEW_TEST_SAMPLES = 100  # below it one picture is more than a point
SEVERE_IMBALANCE = 10  # largest class to smallest, in train
TINY_SIDE = 8  # pixels
EXTREME_ASPECT = 4  # long side to short side; the centre crop then drops most of the picture

Severity = Literal["info", "warning"]

_REASONS: dict[str, tuple[Severity, str]] = {
    "conflicting_labels": ("warning", "the very same bytes under more than one class; all copies are left out"),
    "dangling_link": ("warning", "links to files that are not there"),
    "duplicate": ("info", "byte-identical copies of another picture of their split; the first is kept"),
    "duplicate_across_splits": (
        "warning",
        "byte-identical copies of a picture in another split; the copy nearer to test is left out",
    ),
    "empty": ("warning", "files of zero bytes"),
    "hidden": ("info", "hidden or system files"),
    "link_loop": ("warning", "links to themselves or to a folder that is already listed"),
    "missing": ("warning", "files that are named but not there"),
    "no_path": ("warning", "rows without a path"),
    "no_target": ("warning", "rows without a class"),
    "not_a_file": ("warning", "pipes, sockets or devices"),
    "not_an_image": ("warning", "files that are no picture of a known format"),
    "outside_class_folder": ("info", "files beside the class folders"),
    "too_large": ("warning", "files or pictures above the limit of size"),
    "truncated": ("warning", "pictures that are cut short"),
    "undecodable": ("warning", "pictures that cannot be decoded"),
    "unreadable": ("warning", "files or folders that cannot be read"),
    "unused_folder": ("info", "files in a folder that is no split"),
    "unused_split": ("info", "rows of another split"),
}
_TRAITS: dict[str, tuple[Severity, str]] = {
    "alpha": ("info", "pictures with transparency; laid over white"),
    "animated": ("warning", "files of several frames or pages; the first is used"),
    "cmyk": ("info", "CMYK pictures; converted without their profile"),
    "deep": ("info", "pictures of more than 8 bits a channel; scaled to 8"),
    "other_mode": ("info", "pictures in another colour space; converted to RGB"),
    "palette": ("info", "pictures with a palette; looked up"),
    "profile": ("info", "pictures with a colour profile; it is not applied"),
    "rotated": ("info", "pictures turned as their EXIF orientation says"),
    "wrong_ending": ("warning", "pictures of another format than their name says; they are used"),
}


@dataclass(frozen=True, slots=True)
class Opened:
    """One picture that was decoded; `split` is empty until it has been dealt out, sizes are in pixels."""

    sample_id: str
    entry: Entry
    width: int
    height: int
    traits: frozenset[str]
    split: str = ""

    @property
    def target(self) -> str:
        """The class name."""
        return self.entry.target or ""


def findings(kept: Sequence[Opened], quarantined: Sequence[Skipped]) -> list[Finding]:
    """All that the audit has to say, warnings before remarks."""
    found = [*_left_out(quarantined), *_balance(kept), *_groups(kept), *_shapes(kept), *_traits(kept)]
    return sorted(found, key=lambda finding: ("error", "warning", "info").index(finding.severity))


def _finding(kind: str, severity: Severity, message: str, paths: Iterable[str]) -> Finding:
    examples = sorted(paths)
    return Finding(kind=kind, severity=severity, message=message, count=len(examples), paths=examples[:MAX_EXAMPLES])


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _some(names: Sequence[str]) -> str:
    """The first names and how many there are beside them.

    >>> _some(["a", "b"]), _some(list("abcdefg"))
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _left_out(quarantined: Sequence[Skipped]) -> list[Finding]:
    paths: dict[str, list[str]] = defaultdict(list)
    for item in quarantined:
        paths[item.reason].append(item.path)
    found = []
    for reason, names in sorted(paths.items()):
        severity, what = _REASONS[reason]
        found.append(_finding(reason, severity, f"{_capital(what)}: {len(names)}.", names))
    return found


def _balance(kept: Sequence[Opened]) -> list[Finding]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for item in kept:
        counts[item.split][item.target] += 1
    classes = sorted({item.target for item in kept})
    found = []
    for split in ("val", "test"):
        missing = [name for name in classes if not counts[split][name]]
        if missing:
            message = f"Classes without a picture in {split}: {_some(missing)}."
            found.append(
                Finding(kind=f"class_missing_from_{split}", severity="warning", message=message, count=len(missing))
            )
    ranked = sorted(classes, key=lambda name: (counts["train"][name], name))
    least, most = counts["train"][ranked[0]], counts["train"][ranked[-1]]
    if least and most / least >= SEVERE_IMBALANCE:
        message = (
            f"The largest class in train, '{ranked[-1]}', has {most / least:.0f} times the pictures of the smallest, "
            f"'{ranked[0]}' ({most} to {least})."
        )
        found.append(Finding(kind="imbalance", severity="warning", message=message, count=len(classes)))
    tested = sum(counts["test"].values())
    if tested < FEW_TEST_SAMPLES:
        points = 100 / max(tested, 1)
        message = f"Pictures in test: only {tested}; one more or less right moves accuracy by {points:.1f} points."
        found.append(Finding(kind="few_test", severity="warning", message=message, count=tested))
    return found


def _groups(kept: Sequence[Opened]) -> list[Finding]:
    splits: dict[str, set[str]] = defaultdict(set)
    for item in kept:
        if item.entry.group is not None:
            splits[item.entry.group].add(item.split)
    astride = sorted(group for group, where in splits.items() if len(where) > 1)
    if not astride:
        return []
    message = f"Groups in more than one declared split, so test is not independent of train: {_some(astride)}."
    return [Finding(kind="group_across_splits", severity="warning", message=message, count=len(astride))]


def _shapes(kept: Sequence[Opened]) -> list[Finding]:
    short = [min(item.width, item.height) for item in kept]
    message = f"The short side of the pictures is {min(short)} to {max(short)} px, median {median(short):.0f} px."
    found = [Finding(kind="sizes", severity="info", message=message, count=len(kept))]
    tiny = [item.entry.path for item in kept if min(item.width, item.height) < TINY_SIDE]
    if tiny:
        found.append(_finding("tiny", "warning", f"Pictures narrower than {TINY_SIDE} px: {len(tiny)}.", tiny))
    long = [i.entry.path for i in kept if max(i.width, i.height) > EXTREME_ASPECT * min(i.width, i.height)]
    if long:
        message = f"Pictures more than {EXTREME_ASPECT} times as long as wide, most of which is cut off: {len(long)}."
        found.append(_finding("extreme_aspect", "warning", message, long))
    return found


def _traits(kept: Sequence[Opened]) -> list[Finding]:
    found = []
    for trait, (severity, what) in _TRAITS.items():
        paths = [item.entry.path for item in kept if trait in item.traits]
        if paths:
            found.append(_finding(trait, severity, f"{_capital(what)}: {len(paths)}.", paths))
    return found
