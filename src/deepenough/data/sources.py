"""Open what a person names as a source of pictures: a folder, a manifest, a torchvision data set or the digits.

Nothing is decoded here and nothing is downloaded: a source is a list of entries that can be read later.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from deepenough.data.coco import coco_files, open_coco
from deepenough.data.entries import Entry, Skipped, Source, shown
from deepenough.data.folders import is_folder, open_folder, open_pictures
from deepenough.data.manifests import MANIFEST_SUFFIXES, open_manifest
from deepenough.data.named import open_digits, open_torchvision
from deepenough.data.protocols import open_people, with_protocols
from deepenough.data.readings import READINGS, Reading
from deepenough.data.rows import open_rows, rows_in
from deepenough.data.shards import expanded, is_pattern, open_shards, shards_in
from deepenough.data.voc import open_voc, voc_files
from deepenough.errors import SourceError

__all__ = ["Entry", "Skipped", "Source", "open_source"]

FORMS = (
    "a folder of class folders, a .csv or .parquet manifest, tar shards (a folder of them, or x-{000..012}.tar), "
    "a folder that datasets saved, torchvision:NAME[:ROOT], or digits"
)

ANNOTATED_FORMS = "a folder with COCO annotations (JSON) or VOC annotations (XML) in it, or a COCO file"


def open_source(
    spec: str,
    *,
    path_column: str = "path",
    target_column: str = "target",
    allow_outside: bool = False,
    reads: str = "classes",
) -> Source:
    """Open a source of labelled pictures.

    Args:
        spec: a folder of class folders (flat, or under train/val/test), a `.csv` or `.parquet` manifest, tar shards
            (`data.shards`), a folder that Hugging Face's `datasets` wrote (`data.rows`), `torchvision:NAME[:ROOT]`, or
            `digits`. A folder that is really called `digits` is written `./digits`. Where the reading knows no classes
            a folder may hold pictures at any depth.
        path_column: the manifest's column of paths, relative to the manifest's folder.
        target_column: the manifest's column of class names.
        allow_outside: whether a manifest may name files outside its folder.
        reads: the reading (`data.readings`) of its targets.

    Returns:
        The source, with at least one entry, and with at least two classes where the reading names any.

    Raises:
        SourceError: it is missing, empty, of another form, or has fewer than two classes.
    """
    reading = READINGS[reads]
    if reading.annotated:
        source = replace(open_annotated(spec), reads=reads)
        _require_classes(source, reading)
        return source
    of_manifests: dict[str, Any] = {
        "path_column": path_column,
        "target_column": target_column,
        "allow_outside": allow_outside,
    }
    nameless = not (reading.named or reading.several)
    of_folders = open_people if reading.disjoint else open_pictures if nameless else open_folder
    of_manifests |= {"empty_targets": not reading.named, "needs_targets": not nameless}
    source = _open(spec, of_manifests, of_folders)
    source = replace(with_protocols(source, _folder_of(spec)) if reading.disjoint else source, reads=reads)
    _require_classes(source, reading)
    return source


def open_annotated(spec: str) -> Source:
    """Open pictures with boxes: a folder with COCO or VOC annotations in it, or one COCO file.

    Raises:
        SourceError: there are none, or they cannot be used.
    """
    path, name = Path(os.path.expanduser(spec)), shown(spec)  # noqa: PTH111  Path.expanduser raises on ~nobody
    if path.suffix.lower() == ".json" and os.path.isfile(path):  # noqa: PTH113  Path.is_file raises on long names
        return open_coco(name, path.parent, {path: None})
    if not is_folder(path):
        raise SourceError(name, ANNOTATED_FORMS, "no such folder or JSON file", "check the path")
    found = coco_files(path)
    if found:
        return open_coco(name, path, found)
    return open_voc(name, path, voc_files(path))


def _open(spec: str, of_manifests: dict[str, Any], of_folders: Callable[[str, Path], Source]) -> Source:
    if spec == "digits":
        return open_digits()
    if spec.startswith("torchvision:"):
        return open_torchvision(spec)
    path, name = Path(os.path.expanduser(spec)), shown(spec)  # noqa: PTH111  Path.expanduser raises on ~nobody
    if is_pattern(spec) and not path.exists():
        return open_shards(name, [Path(each) for each in expanded(str(path))], several=of_manifests["empty_targets"])
    if is_folder(path):
        several = of_manifests["empty_targets"]
        if shards := shards_in(path):
            return open_shards(name, shards, several=several)
        rows = rows_in(path)
        return open_rows(name, rows, several=several) if rows else of_folders(name, path)
    if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises on names that are too long
        raise SourceError(name, FORMS, "no such file or folder", "check the path")
    if path.suffix.lower() == ".tar":
        return open_shards(name, [path], several=of_manifests["empty_targets"])
    if path.suffix.lower() not in MANIFEST_SUFFIXES:
        got = f"a file ending in '{path.suffix}'" if path.suffix else "a file"
        raise SourceError(name, FORMS, got, "give the folder that holds the class folders")
    return open_manifest(name, path, **of_manifests)


def _folder_of(spec: str) -> Path | None:
    """The folder of a source, or that of a manifest; None where it has none."""
    path = Path(os.path.expanduser(spec))  # noqa: PTH111  as in `_open`
    there = path if is_folder(path) else path.parent
    return there if path.exists() else None


def _require_classes(source: Source, reading: Reading) -> None:
    classes = sorted({name for entry in source.entries for name in reading.names(entry.target)})
    if not (classes or reading.several or reading.named) and source.entries:
        return
    if not classes:
        left = f"no picture that can be used ({len(source.skipped)} files left aside)" if source.skipped else "no files"
        if not (reading.named or reading.several):
            raise SourceError(source.name, "pictures", left, "put some into it")
        raise SourceError(source.name, "labelled pictures", left, "give one folder a class, with the pictures in it")
    if len(classes) == 1 and not reading.several:
        raise SourceError(
            source.name,
            "at least two classes",
            f"one class, '{classes[0]}'",
            "name the folder above the class folders, or add a class",
        )
    spellings: dict[str, str] = {}
    for name in classes:
        twin = spellings.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if twin != name:
            raise SourceError(
                source.name,
                "class names that differ in more than letter case",
                f"'{twin}' and '{name}'",
                "merge or rename them: on other systems they are one folder",
            )
