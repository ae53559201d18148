"""COCO's annotations: JSON files of images, annotations and categories (cocodataset.org/#format-data).

One file a split, by its name (`train.json`, `instances_val2017.json`) or its folder (`test/_annotations.coco.json`);
one file for all has no splits. Pictures lie beside the file, or in `images/`, `images/SPLIT/`, `SPLIT/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from deepenough.data.entries import SPLIT_NAMES, SPLITS, Source, shown, split_named
from deepenough.data.objects import Annotated, Object, number, source_of, whole
from deepenough.errors import SourceError

_PARTS = {"images", "annotations", "categories"}
_REMEDY = "give a file as COCO's instances_val2017.json"


def coco_files(root: Path) -> dict[Path, str | None]:
    """The files of annotations under a folder, each with its split; None where name and folder say none."""
    places = [root, root / "annotations", *(child for child in sorted(root.iterdir()) if child.is_dir())]
    found: dict[Path, str | None] = {}
    for folder in dict.fromkeys(places):
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            split = _split_of(path, root)
            if split is not None or "annotation" in path.stem.lower() or path.stem.lower().startswith("instances"):
                found[path] = split
    return found


def _split_of(path: Path, root: Path) -> str | None:
    inside = path.parent != root
    return split_named(path.stem) or (SPLIT_NAMES.get(path.parent.name.lower()) if inside else None)


def open_coco(name: str, root: Path, files: dict[Path, str | None]) -> Source:
    """List the pictures that COCO files name.

    Args:
        name: of the source, for messages.
        root: the folder within which all pictures lie.
        files: with the split of each.

    Raises:
        SourceError: a file is torn or no such file, two files claim one split, ids stand twice or lead nowhere.
    """
    splits = list(files.values())
    for split in {split for split in splits if splits.count(split) > 1}:
        several = ", ".join(path.relative_to(root).as_posix() for path, of in files.items() if of == split)
        where = f"one file for the {split} split" if split else "a split in the name of each of several files"
        raise SourceError(name, where, shown(several), "keep the file of boxes, named instances_train.json or the like")
    pictures = [one for path, split in files.items() for one in _pictures(name, root, path, split)]
    layout = "/".join(split for split in SPLITS if split in splits) or "no splits declared"
    return source_of(name, f"COCO annotations ({layout})", pictures, [])


def _pictures(name: str, root: Path, path: Path, split: str | None) -> Iterable[Annotated]:
    where = f"{name}, {shown(path.name)}"
    content = _read(where, path)
    labels = {row["id"]: str(row["name"]) for row in _rows(where, content, "categories", ("id", "name"))}
    images = _rows(where, content, "images", ("id", "file_name"))
    marked = _rows(where, content, "annotations", ("image_id", "category_id", "bbox"))
    _require_once(where, "category", [row["id"] for row in content["categories"]])
    _require_once(where, "image", [row["id"] for row in images])
    _require_once(where, "annotation", [row["id"] for row in marked if "id" in row])
    folders = _folders(root, path, split)
    found: dict[Any, Annotated] = {}
    for row in images:
        location = _located(where, root, folders, str(row["file_name"]))
        size = (whole(row.get("width")), whole(row.get("height")))
        found[row["id"]] = Annotated(shown(location.relative_to(root).as_posix()), location, split, size)
    for row in marked:
        picture = found.get(row["image_id"])
        if picture is None:
            got = f"an annotation of image {row['image_id']!r}"
            raise SourceError(where, "annotations of the images in it", got, "mend the image_id, or add the image")
        if row["category_id"] not in labels:
            picture.fault = "unknown_class", f"category_id {row['category_id']!r} is none of the file's categories"
            continue
        picture.objects.append(_object(row, labels[row["category_id"]]))
    return found.values()


def _object(row: dict[str, Any], label: str) -> Object:
    box = row["bbox"] if isinstance(row["bbox"], list) and len(row["bbox"]) == 4 else [None] * 4
    left, top, width, height = map(number, box)
    area = number(row.get("area"))
    area = area if area > 0 else width * height
    return Object(label, (left, top, left + width, top + height), area, crowd=bool(row.get("iscrowd", 0)))


def _read(where: str, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        got = f"a file that cannot be read as one ({str(error).splitlines()[0]})"
        raise SourceError(where, "COCO annotations in JSON", got, _REMEDY) from error
    if not isinstance(content, dict) or not content.keys() >= _PARTS:
        got = ", ".join(sorted(map(str, content))[:5]) if isinstance(content, dict) else type(content).__name__
        raise SourceError(where, f"an object of {', '.join(sorted(_PARTS))}", got or "none of them", _REMEDY)
    return content


def _rows(where: str, content: dict[str, Any], part: str, needed: Sequence[str]) -> list[dict[str, Any]]:
    rows = content[part]
    if not isinstance(rows, list):
        raise SourceError(f"{where}, {part}", "a list", type(rows).__name__, _REMEDY)
    for place, row in enumerate(rows):
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str | int | list) for key in needed):
            raise SourceError(f"{where}, {part}", f"objects of {', '.join(needed)}", f"entry {place}: {row!r:.80}")
        if any(isinstance(row[key], list) for key in needed if key != "bbox"):
            raise SourceError(f"{where}, {part}", "ids that are numbers or text", f"entry {place}: {row!r:.80}")
    return rows


def _require_once(where: str, kind: str, ids: Sequence[Any]) -> None:
    seen: set[str] = set()
    for one in map(repr, ids):
        if one in seen:
            remedy = "give each its own, for example where two files were put together"
            raise SourceError(where, f"each {kind} id once", f"{one} twice", remedy)
        seen.add(one)


def _folders(root: Path, path: Path, split: str | None) -> list[Path]:
    """Where a file's pictures may lie, the likeliest first."""
    near = [path.parent, path.parent / "images"]
    names = [spelling for spelling, of in SPLIT_NAMES.items() if of == split]
    stem = path.stem.removeprefix("instances_")  # val2017
    inner = [root / "images" / stem, root / stem, *(root / "images" / name for name in names)]
    return [*near, root / "images", *inner, *(root / name for name in names), root]


def _located(where: str, root: Path, folders: Sequence[Path], file: str) -> Path:
    """The picture's file: where there is one of that name, else where it should have been."""
    if "\0" in file or Path(file).is_absolute() or ".." in Path(file).parts:
        raise SourceError(where, "file names inside the folder", repr(file), "name the pictures relative to it")
    there = next((folder for folder in folders if (folder / file).is_file()), None)
    return (there or next((folder for folder in folders[1:-1] if folder.is_dir()), folders[0])) / file
