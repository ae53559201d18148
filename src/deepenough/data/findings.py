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

_REASONS: dict[str, tuple[Literal["info", "warning"], str]] = {
    "conflicting_labels": (
        "warning",
        "stand under more than one class with the very same bytes; all copies are left out",
    ),
    "dangling_link": ("warning", "are links to files that are not there"),
    "duplicate": ("info", "are byte-identical copies of another picture of their split; the first is kept"),
    "duplicate_across_splits": (
        "warning",
        "are byte-identical copies of a picture in another split; the copy nearer to test is left out",
    ),
    "empty": ("warning", "have zero bytes"),
    "hidden": ("info", "are hidden or system files"),
    "link_loop": ("warning", "are links that lead back to themselves"),
    "missing": ("warning", "are named but not there"),
    "no_path": ("warning", "are rows without a path"),
    "no_target": ("warning", "are rows without a class"),
    "not_a_file": ("warning", "are pipes, sockets or devices"),
    "not_an_image": ("warning", "are no pictures of a known format"),
    "outside_class_folder": ("info", "lie beside the class folders"),
    "too_large": ("warning", "are above the limit of size"),
    "truncated": ("warning", "are cut short"),
    "undecodable": ("warning", "cannot be decoded"),
    "unreadable": ("warning", "cannot be read"),
    "unused_folder": ("info", "lie in a folder that is no split"),
    "unused_split": ("info", "belong to another split"),
}
_TRAITS: dict[str, tuple[Literal["info", "warning"], str]] = {
    "alpha": ("info", "have transparency; it is laid over white"),
    "animated": ("warning", "have several frames; the first is used"),
    "cmyk": ("info", "are CMYK; they are converted without their profile"),
    "deep": ("info", "have more than 8 bits a channel; they are scaled to 8"),
    "other_mode": ("info", "are in another colour space; they are converted to RGB"),
    "palette": ("info", "have a palette; it is looked up"),
    "profile": ("info", "carry a colour profile; it is not applied"),
    "rotated": ("info", "are turned as their EXIF orientation says"),
    "wrong_ending": ("warning", "are of another format than their name says; they are used"),
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


def _finding(kind: str, severity: Literal["info", "warning"], message: str, paths: Iterable[str]) -> Finding:
    examples = sorted(paths)
    return Finding(kind=kind, severity=severity, message=message, count=len(examples), paths=examples[:MAX_EXAMPLES])


def _left_out(quarantined: Sequence[Skipped]) -> list[Finding]:
    paths: dict[str, list[str]] = defaultdict(list)
    for item in quarantined:
        paths[item.reason].append(item.path)
    found = []
    for reason, names in sorted(paths.items()):
        severity, what = _REASONS[reason]
        found.append(_finding(reason, severity, f"{len(names)} files {what}.", names))
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
            message = f"{len(missing)} classes have no picture in {split}: {', '.join(missing[:5])}."
            found.append(
                Finding(kind=f"class_missing_from_{split}", severity="warning", message=message, count=len(missing))
            )
    ranked = sorted(classes, key=lambda name: (counts["train"][name], name))
    least, most = counts["train"][ranked[0]], counts["train"][ranked[-1]]
    if least and most / least >= SEVERE_IMBALANCE:
        message = f"The largest class in train, '{ranked[-1]}', has {most / least:.0f} times the pictures of '{ranked[0]}' ({most} to {least})."
        found.append(Finding(kind="imbalance", severity="warning", message=message, count=len(classes)))
    tested = sum(counts["test"].values())
    if tested < FEW_TEST_SAMPLES:
        message = f"Only {tested} pictures in test: one more or less right moves accuracy by {100 / max(tested, 1):.1f} points."
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
    message = f"{len(astride)} groups stand in more than one declared split, so test is not independent of train: {', '.join(astride[:5])}."
    return [Finding(kind="group_across_splits", severity="warning", message=message, count=len(astride))]


def _shapes(kept: Sequence[Opened]) -> list[Finding]:
    short = [min(item.width, item.height) for item in kept]
    message = f"The short side of the pictures is {min(short)} to {max(short)} px, median {median(short):.0f} px."
    found = [Finding(kind="sizes", severity="info", message=message, count=len(kept))]
    tiny = [item.entry.path for item in kept if min(item.width, item.height) < TINY_SIDE]
    if tiny:
        found.append(_finding("tiny", "warning", f"{len(tiny)} pictures are narrower than {TINY_SIDE} px.", tiny))
    long = [i.entry.path for i in kept if max(i.width, i.height) > EXTREME_ASPECT * min(i.width, i.height)]
    if long:
        message = f"{len(long)} pictures are more than {EXTREME_ASPECT} times as long as wide; most of them is cut off at test."
        found.append(_finding("extreme_aspect", "warning", message, long))
    return found


def _traits(kept: Sequence[Opened]) -> list[Finding]:
    found = []
    for trait, (severity, what) in _TRAITS.items():
        paths = [item.entry.path for item in kept if trait in item.traits]
        if paths:
            found.append(_finding(trait, severity, f"{len(paths)} pictures {what}.", paths))
    return found
