"""Open every picture of a source once, and say which are used, in which split, and why the others are not.

`found = used + quarantined + ignored`, whatever the source holds; `rules` names what becomes of each kind of file. The
order of samples is that of their content hash, so nothing that follows depends on what the files are called.
"""

from __future__ import annotations

import errno
import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from deepenough.data.dealing import Dealing, by_identity, with_splits
from deepenough.data.decode import decode_picture, ending_fits, quiet
from deepenough.data.entries import SPLITS, Entry, Skipped, Source
from deepenough.data.findings import findings
from deepenough.data.likeness import SIDE, small_copy
from deepenough.data.opened import Opened
from deepenough.data.pairs import likenesses, may_be_compared, near_duplicates
from deepenough.data.readings import READINGS, Reading
from deepenough.data.rules import is_ignored
from deepenough.data.threads import Progress, in_threads
from deepenough.errors import DecodeError, SourceError
from deepenough.records import QUARANTINE, SAMPLES, Audit

MOST_PAIRS = 500  # near-duplicates that the audit names one by one; it counts all
_PRIORITY = {"train": 0, "val": 1, "test": 2, "test_shifted": 3, None: 4}  # a picture in train and test stays in train
READ_REASONS = {
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.EFBIG: "too_large",
    errno.EINVAL: "not_a_file",
}


@dataclass(frozen=True)
class Prepared:
    """A source that has been opened, checked and split.

    Args:
        samples: the columns of `records.SAMPLES`, then the manifest's further ones, ordered by sample_id.
        quarantine: the columns of `records.QUARANTINE`, ordered by path.
        audit: the counts and findings.
        classes: the names in the targets, sorted; a class's number is its place here.
        entries: sample_id -> the entry that holds the picture.
    """

    samples: pl.DataFrame
    quarantine: pl.DataFrame
    audit: Audit
    classes: tuple[str, ...]
    entries: dict[str, Entry]


def prepare(
    source: Source,
    *,
    split_seed: int = 0,
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    workers: int = 0,
    progress: Progress | None = None,
) -> Prepared:
    """Decode every picture of `source` once, quarantine what cannot be used, and split what can.

    Args:
        source: from `open_source`.
        split_seed: deals samples out where the source declares no splits, or no validation split.
        fractions: shares of train, val and test where the source declares no splits; they sum to 1.
        workers: threads that decode, 0 for none beside the caller; the result does not depend on it.
        progress: called with (pictures done, pictures in all).

    Raises:
        SourceError: fewer than two classes are left, a class is missing from train, or a class has too few pictures.
    """
    opened, quarantined = _open_all(source.entries, workers, progress)
    kept, doubles = _without_doubles(opened)
    quarantined, reading = [*source.skipped, *quarantined, *doubles], READINGS[source.reads]
    _require_usable(source, kept, quarantined)
    notes = list(source.notes)
    if reading.disjoint:
        kept = by_identity(source.name, kept, notes)
    if reading != READINGS["classes"]:
        strata = reading.strata([item.target for item in kept])
        kept = [replace(item, stratum=stratum) for item, stratum in zip(kept, strata, strict=True)]
    kept.sort(key=lambda item: item.sample_id)
    found = likenesses(kept, [item.entry.split or "" for item in kept]) if may_be_compared(kept) else None
    kept = with_splits(source.name, kept, found, Dealing(fractions, split_seed, notes))
    kept.sort(key=lambda item: item.sample_id)
    classes = tuple(sorted({name for item in kept for name in reading.names(item.target)}))
    _require_training(source.name, kept, classes, reading)
    counts: dict[str, Counter[str]] = {name: Counter() for name in classes}
    for item in kept:
        for name in reading.names(item.target):
            counts[name][item.split] += 1
    if found is None:
        found = likenesses(kept, [item.split for item in kept])
    nearly_alike = None if found is None else near_duplicates(kept, found)
    ignored = sum(is_ignored(item.reason) for item in quarantined)
    splits = [s for s in SPLITS if s != "test_shifted" or any(item.split == s for item in kept)]
    audit = Audit(
        source=f"{source.name}: {source.description}",
        found=len(source.entries) + len(source.skipped),
        used=len(kept),
        quarantined=len(quarantined) - ignored,
        ignored=ignored,
        classes={name: {s: counts[name][s] for s in splits} for name in classes},
        splits={s: sum(item.split == s for item in kept) for s in splits},
        reasons=dict(sorted(Counter(item.reason for item in quarantined).items())),
        findings=findings(kept, quarantined, nearly_alike, reading),
        near_duplicates=(nearly_alike or [])[:MOST_PAIRS],
        notes=notes,
    )
    return Prepared(
        samples=_samples_frame(kept, source.columns),
        quarantine=pl.DataFrame(sorted(quarantined, key=_by_path), schema=QUARANTINE, orient="row"),
        audit=audit,
        classes=classes,
        entries={item.sample_id: item.entry for item in kept},
    )


def _by_path(item: Skipped) -> tuple[str, ...]:
    return tuple(cell or "" for cell in item)


def _samples_frame(kept: Sequence[Opened], columns: Mapping[str, Any]) -> pl.DataFrame:
    rows = [(o.sample_id, o.entry.path, o.target, o.split, o.entry.group, o.width, o.height) for o in kept]
    frame = pl.DataFrame(rows, schema=SAMPLES, orient="row")
    further = (
        pl.Series(name, [o.entry.further[place] for o in kept], dtype=kind)
        for place, (name, kind) in enumerate(columns.items())
    )
    return frame.with_columns(*further)


# --- opening ----------------------------------------------------------------------------------------------------------


def _open_all(entries: Sequence[Entry], workers: int, progress: Progress | None) -> tuple[list[Opened], list[Skipped]]:
    opened: list[Opened] = []
    quarantined: list[Skipped] = []
    with quiet():
        for done, result in enumerate(in_threads(_open_one, entries, workers), start=1):
            if isinstance(result, Opened):
                opened.append(result)
            else:
                quarantined.append(result)
            if progress is not None:
                progress(done, len(entries))
    return opened, quarantined


def _open_one(entry: Entry) -> Opened | Skipped:
    try:
        encoded = entry.read()
    except OSError as error:
        reason = READ_REASONS.get(error.errno or 0, "unreadable")
        return Skipped(entry.path, reason, error.strerror or type(error).__name__, entry.target, entry.split)
    try:
        picture = decode_picture(encoded, grey_side=SIDE)
    except DecodeError as error:
        return Skipped(entry.path, error.reason, error.detail, entry.target, entry.split)
    if entry.size not in (None, (picture.width, picture.height)):
        said = "its annotations are for {} x {} pixels, it has {} x {}"
        detail = said.format(*(entry.size or ()), picture.width, picture.height)
        return Skipped(entry.path, "other_size", detail, entry.target, entry.split)
    return Opened(
        sample_id=sample_id_of(encoded),
        entry=entry,
        width=picture.width,
        height=picture.height,
        traits=picture.traits if ending_fits(entry.path, picture.format) else picture.traits | {"wrong_ending"},
        bytes=len(encoded),
        format=picture.format,
        compression=picture.compression,
        copy=small_copy(picture.image),
    )


def sample_id_of(encoded: bytes) -> str:
    """A sample's id: the first 32 hexadecimal digits of the SHA-256 of its file's bytes."""
    return hashlib.sha256(encoded).hexdigest()[:32]


# --- doubles ----------------------------------------------------------------------------------------------------------


def _without_doubles(opened: Sequence[Opened]) -> tuple[list[Opened], list[Skipped]]:
    """Keep one of each picture, in train before val before test; none of a picture that bears two classes."""
    copies: dict[str, list[Opened]] = defaultdict(list)
    for item in opened:
        copies[item.sample_id].append(item)
    kept: list[Opened] = []
    doubles: list[Skipped] = []
    for alike in copies.values():
        targets = sorted({item.target for item in alike})
        if len(targets) > 1:
            said = f"the same bytes stand under {', '.join(targets)}"
            doubles.extend(Skipped(i.entry.path, "conflicting_labels", said, i.target, i.entry.split) for i in alike)
            continue
        first, *others = sorted(alike, key=lambda item: (_PRIORITY[item.entry.split], item.entry.path))
        kept.append(first)
        for item in others:
            reason = "duplicate" if item.entry.split == first.entry.split else "duplicate_across_splits"
            doubles.append(
                Skipped(item.entry.path, reason, f"the same bytes as {first.entry.path}", item.target, item.entry.split)
            )
    return kept, doubles


# --- what cannot be used ----------------------------------------------------------------------------------------------


def _require_usable(source: Source, kept: Sequence[Opened], quarantined: Sequence[Skipped]) -> None:
    reasons = Counter(item.reason for item in quarantined)
    said = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    if not kept:
        raise SourceError(source.name, "pictures that can be decoded", f"none ({said})", "run `deepenough check` on it")
    reading = READINGS[source.reads]
    before = {name for entry in source.entries for name in reading.names(entry.target)}
    empty = sorted(before - {name for item in kept for name in reading.names(item.target)})
    if empty:
        got = f"none in '{empty[0]}' ({said})"
        raise SourceError(
            source.name, "a picture that can be used in every class", got, "mend the files or remove the class"
        )


def _require_training(name: str, kept: Sequence[Opened], classes: Sequence[str], reading: Reading) -> None:
    trained = {there for item in kept if item.split == "train" for there in reading.names(item.target)}
    missing = [target for target in classes if target not in trained and not reading.disjoint]
    if missing:
        got = f"none in train for '{missing[0]}'"
        raise SourceError(
            name, "pictures of every class in train", got, "add some, or remove the class from val and test"
        )
    for split in ("val", "test"):
        if not any(item.split == split for item in kept):
            raise SourceError(name, f"pictures in the {split} split", "none that can be used", "add some")
