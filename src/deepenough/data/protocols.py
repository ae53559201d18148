"""Pictures of people for verification: where they lie, and which pairs of them a protocol asks about.

A protocol is a file beside the pictures: `pairs_test.csv` (or `pairs.csv`) with the columns `file_a,file_b` and, if
wanted, `same`; or the text form of Labeled Faces in the Wild (`pairs.txt`, `pairsDevTest.txt`). `pairs_val.csv` and
`pairs_test_shifted.csv` do the same for those splits. Of any other pairs file only who is in it counts: those people
are not tested.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from deepenough.data.entries import SPLIT_NAMES, Entry, Source, shown
from deepenough.data.folders import is_folder, is_hidden, open_folder
from deepenough.errors import SourceError
from deepenough.records import ANNOTATIONS

_YES, _NO = {"1", "true", "yes", "same"}, {"0", "false", "no", "different"}


def open_people(name: str, root: Path) -> Source:
    """A folder with one folder a person, or with one folder that holds those (`people/ID/`) and pairs files beside it.

    Raises:
        SourceError: as `open_folder`.
    """
    folders = [path for path in sorted(root.iterdir()) if is_folder(path) and not is_hidden(path.name)]
    if len(folders) != 1 or folders[0].name.lower() in SPLIT_NAMES or not _holds_folders(folders[0]):
        return open_folder(name, root)
    inner = folders[0]
    source, before = open_folder(name, inner), f"{shown(inner.name)}/"
    return replace(
        source,
        entries=[replace(entry, path=before + entry.path) for entry in source.entries],
        skipped=[left._replace(path=before + left.path) for left in source.skipped],
        notes=[*source.notes, f"The people are those in the folder '{shown(inner.name)}'."],
    )


def _holds_folders(folder: Path) -> bool:
    return any(is_folder(child) and not is_hidden(child.name) for child in folder.iterdir())


def with_protocols(source: Source, root: Path | None) -> Source:
    """The source with the splits and the pairs that the protocols in `root` declare; as it is where there are none.

    Who is in a protocol of test, test_shifted or val is in that split, and all others are trained on. The pairs
    travel as JSON in the column `annotations`: of the first picture of each, the paths of the others.

    Raises:
        SourceError: a protocol cannot be read, names a picture that is not there, or contradicts the folders, or two
            protocols or a declared split want the same person in different splits.
    """
    files = {} if root is None else _files_by_split(source.name, root)
    if not files:
        return source
    known = _Known.of(source.entries)
    splits: dict[str, str] = {}
    partners: dict[str, list[str]] = defaultdict(list)
    notes = list(source.notes)
    for split, file in files.items():
        named = list(_pairs_in(file, known))
        pairs = list(dict.fromkeys((min(pair), max(pair)) for pair in named))
        for pair in pairs:
            for path in pair:
                person = known.people[path]
                if splits.setdefault(person, split) != split:
                    got = f"{person} also in {splits[person]}"
                    raise SourceError(f"{source.name}, {file.name}", "people of no other split", got)
        if split == "train":
            notes.append(f"Who is in {file.name} is not tested; its pairs are not asked about.")
            continue
        for first, second in pairs:
            partners[first].append(second)
        twice = f"; {len(named) - len(pairs)} more stand there twice" if len(named) > len(pairs) else ""
        notes.append(f"The pairs of {split} are the {len(pairs)} of {file.name}{twice}.")
    declared = {split for split in splits.values() if split != "train"}
    entries = [_placed(source.name, entry, splits.get(entry.target or "", "train")) for entry in source.entries]
    notes.append(f"People in no protocol of {' or '.join(sorted(declared)) or 'test'} are trained on.")
    noted = [
        replace(entry, further=(*entry.further, json.dumps({"pairs": there}) if there else None))
        for entry, there in ((entry, partners.get(entry.path, [])) for entry in entries)
    ]
    return replace(source, entries=noted, notes=notes, columns={**source.columns, ANNOTATIONS: pl.String})


def _placed(name: str, entry: Entry, split: str) -> Entry:
    """The entry in the split of its protocol; a split that the source declares itself must agree."""
    if entry.split is None or (split == "train" and entry.split in ("val", "test_shifted")):
        return replace(entry, split=entry.split or split)
    if entry.split != split:
        got = f"{entry.target} in {entry.split} by the source and in {split} by the pairs"
        raise SourceError(name, "pairs of people of their own split", got, "mend the pairs or the splits")
    return entry


@dataclass(frozen=True)
class _Known:
    """The pictures of a source: the person of each by path, and the path of each by LFW's name of it."""

    people: dict[str, str]
    numbered: dict[tuple[str, int], str]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> _Known:
        people = {entry.path: entry.target or "" for entry in entries}
        numbered = {}
        for path, person in people.items():
            last = Path(path).stem.rpartition("_")[2]
            if last.isdecimal():
                numbered[person, int(last)] = path
        return cls(people, numbered)


def _files_by_split(name: str, root: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(root.iterdir()):
        stem = path.stem.lower()
        if not (stem.startswith("pairs") and path.suffix.lower() in (".csv", ".txt") and path.is_file()):
            continue
        split = _split_of(stem)
        if split in found:
            got = f"{found[split].name} and {path.name}"
            raise SourceError(name, f"one file of pairs for {split}", got, "leave one of them there")
        found[split] = path
    if set(found) == {"train"}:
        return {}
    return found


def _split_of(stem: str) -> str:
    if stem.endswith("test_shifted"):
        return "test_shifted"
    return "test" if stem == "pairs" or stem.endswith("test") else "val" if "val" in stem else "train"


def _pairs_in(file: Path, known: _Known) -> Iterable[tuple[str, str]]:
    read = _of_csv if file.suffix.lower() == ".csv" else _of_text
    for line, first, second, same in read(file, known):
        missing = [path for path in (first, second) if path not in known.people]
        if missing:
            raise SourceError(f"{file.name}, line {line}", "pictures of the source", f"no {missing[0]}")
        alike = known.people[first] == known.people[second]
        if same is not None and same != alike:
            got = f"'{'same' if same else 'different'}' for {first} and {second}"
            raise SourceError(f"{file.name}, line {line}", "what the people's folders say", got, "mend the pair")
        if first == second:
            raise SourceError(f"{file.name}, line {line}", "two pictures", f"{first} twice", "remove the pair")
        yield first, second


def _of_csv(file: Path, known: _Known) -> Iterable[tuple[int, str, str, bool | None]]:
    del known
    try:
        frame = pl.read_csv(file, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(file.name, "a CSV file of pairs", str(error).splitlines()[0]) from error
    if not {"file_a", "file_b"} <= set(frame.columns):
        raise SourceError(file.name, "the columns file_a, file_b and, if wanted, same", ", ".join(frame.columns))
    said = frame["same"] if "same" in frame.columns else [None] * frame.height
    for line, (first, second, same) in enumerate(zip(frame["file_a"], frame["file_b"], said, strict=True), start=2):
        word = (same or "").strip().lower()
        if word not in _YES | _NO | {""}:
            raise SourceError(f"{file.name}, line {line}", "1 or 0 in the column same", repr(same))
        yield line, (first or "").strip(), (second or "").strip(), word in _YES if word else None


def _of_text(file: Path, known: _Known) -> Iterable[tuple[int, str, str, bool | None]]:
    """`name number number` and `name number name number`, below a line of numbers."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(file.name, "a text file of pairs", str(error)) from error
    for line, text in enumerate(lines, start=1):
        cells = text.split("\t") if "\t" in text else text.split()
        if not cells or all(cell.strip().isdecimal() for cell in cells):
            continue
        if len(cells) == 3:
            cells = [cells[0], cells[1], cells[0], cells[2]]
        if len(cells) != 4 or not (cells[1].strip().isdecimal() and cells[3].strip().isdecimal()):
            raise SourceError(f"{file.name}, line {line}", "name, number, number or name, number, name, number", text)
        named = [(cells[place], int(cells[place + 1])) for place in (0, 2)]
        first, second = (known.numbered.get(each, f"{each[0]}/{each[0]}_{each[1]:04d}") for each in named)
        yield line, first, second, cells[0] == cells[2]
