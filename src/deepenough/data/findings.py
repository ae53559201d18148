"""What the audit says about pictures that were opened: each finding has its count, its severity and examples."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from deepenough.data.entries import Entry, Skipped
from deepenough.data.likeness import LEAST_SIDE
from deepenough.data.opened import Opened
from deepenough.data.readings import READINGS, Reading
from deepenough.data.rules import REASONS, TRAITS, Severity
from deepenough.data.shortcuts import shortcut_findings
from deepenough.records import Finding, NearDuplicate

MAX_EXAMPLES = 20
FEW_TEST_SAMPLES = 100  # below it one picture is more than a point
SEVERE_IMBALANCE = 10  # largest class to smallest, in train
TINY_SIDE = 8  # pixels
EXTREME_ASPECT = 4  # long side to short side; the centre crop then drops most of the picture


def findings(
    kept: Sequence[Opened],
    quarantined: Sequence[Skipped],
    nearly_alike: Sequence[NearDuplicate] | None,
    reading: Reading = READINGS["classes"],
) -> list[Finding]:
    """All that the audit has to say, warnings before remarks."""
    found = [*_left_out(quarantined), *_near_duplicates(nearly_alike, reading), *_balance(kept, reading)]
    found += [*_groups(kept), *(() if reading.several else shortcut_findings(kept)), *_shapes(kept), *_traits(kept)]
    return sorted(found, key=lambda finding: ("error", "warning", "info").index(finding.severity))


def _finding(kind: str, severity: Severity, message: str, paths: Iterable[str]) -> Finding:
    examples = sorted(paths)
    return Finding(kind=kind, severity=severity, message=message, count=len(examples), paths=examples[:MAX_EXAMPLES])


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def some(names: Sequence[str]) -> str:
    """The first names and how many there are beside them.

    >>> some(["a", "b"]), some(list("abcdefg"))
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
        rule = REASONS[reason]
        found.append(_finding(reason, rule.severity, f"{_capital(rule.what)}: {len(names)}.", names))
    return found


def _near_duplicates(pairs: Sequence[NearDuplicate] | None, reading: Reading) -> list[Finding]:
    if pairs is None:
        message = "Nearly identical pictures were not looked for: there are too many pictures to compare."
        return [Finding(kind="near_duplicates_unknown", severity="warning", message=message, count=0)]
    across = [pair for pair in pairs if pair.split != pair.other_split]
    within = [pair for pair in pairs if pair.split == pair.other_split]
    divided = [pair for pair in pairs if pair.target != pair.other_target and not reading.several]
    said: tuple[tuple[str, Severity, str, list[NearDuplicate]], ...] = (
        (
            "near_duplicate_across_splits",
            "warning",
            "Pairs of nearly identical pictures in different splits, which make test look easier than it is; name them "
            "as one group in a manifest, or remove one of each: ",
            across,
        ),
        (
            "near_duplicate_labels",
            "warning",
            "Pairs of nearly identical pictures under different classes, of which one must be wrong: ",
            divided,
        ),
        ("near_duplicate", "info", "Pairs of nearly identical pictures within a split; both are used: ", within),
    )
    return [
        _finding(kind, severity, f"{message}{len(of)}.", (f"{pair.path} is like {pair.other_path}" for pair in of))
        for kind, severity, message, of in said
        if of
    ]


def _balance(kept: Sequence[Opened], reading: Reading) -> list[Finding]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for item in kept:
        counts[item.split].update(reading.names(item.target))
    classes = sorted({name for names in counts.values() for name in names})
    found = []
    for split in ("val", "test"):
        missing = [name for name in classes if not counts[split][name]]
        if missing and not reading.disjoint:
            message = f"Classes without a picture in {split}: {some(missing)}."
            found.append(
                Finding(kind=f"class_missing_from_{split}", severity="warning", message=message, count=len(missing))
            )
    ranked = sorted(classes, key=lambda name: (counts["train"][name], name)) or [""]
    least, most = counts["train"][ranked[0]], counts["train"][ranked[-1]]
    if least and most / least >= SEVERE_IMBALANCE:
        message = (
            f"The largest class in train, '{ranked[-1]}', has {most / least:.0f} times the pictures of the smallest, "
            f"'{ranked[0]}' ({most} to {least})."
        )
        found.append(Finding(kind="imbalance", severity="warning", message=message, count=len(classes)))
    tested = sum(item.split == "test" for item in kept)
    if tested < FEW_TEST_SAMPLES:
        points = 100 / max(tested, 1)
        message = f"Pictures in test: only {tested}; one more or less right moves accuracy by {points:.1f} points."
        if reading.several or not reading.named:
            message = f"Pictures in test: only {tested}; intervals will be wide."
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
    message = f"Groups in more than one declared split, so test is not independent of train: {some(astride)}."
    return [Finding(kind="group_across_splits", severity="warning", message=message, count=len(astride))]


def _shapes(kept: Sequence[Opened]) -> list[Finding]:
    short = [min(item.width, item.height) for item in kept]
    message = f"The short side of the pictures is {min(short)} to {max(short)} px, median {median(short):.0f} px."
    return [Finding(kind="sizes", severity="info", message=message, count=len(kept))]


def _traits(kept: Sequence[Opened]) -> list[Finding]:
    paths: dict[str, list[str]] = defaultdict(list)
    for item in kept:
        for trait in _all_traits(item):
            paths[trait].append(item.entry.path)
    paths["same_name"] = _one_file_elsewhere(item.entry.path for item in kept)
    return [
        _finding(trait, rule.severity, f"{_capital(rule.what)}: {len(paths[trait])}.", paths[trait])
        for trait, rule in TRAITS.items()
        if paths[trait]
    ]


def _all_traits(item: Opened) -> set[str]:
    traits = set(item.traits)
    if min(item.width, item.height) < TINY_SIDE:
        traits.add("tiny")
    if max(item.width, item.height) > EXTREME_ASPECT * min(item.width, item.height):
        traits.add("extreme_aspect")
    if item.copy is None and min(item.width, item.height) >= LEAST_SIDE:
        traits.add("blank")
    if not item.entry.path.isprintable() or _is_escaped(item.entry):
        traits.add("odd_name")
    return traits


def _is_escaped(entry: Entry) -> bool:
    """Whether the file's name is no UTF-8, so that the path shown is another text."""
    if entry.location is None:
        return False
    try:
        str(entry.location).encode()
    except UnicodeEncodeError:
        return True
    return False


def _one_file_elsewhere(paths: Iterable[str]) -> list[str]:
    """The paths that are one on systems that ignore letter case or normalise accents."""
    alike: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        alike[unicodedata.normalize("NFC", path).casefold()].append(path)
    return [path for names in alike.values() if len(names) > 1 for path in names]
