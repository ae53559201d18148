"""Objects in a picture as annotations say them, one form for every kind of file; what is wrong with them in words.

A box is (left, top, right, bottom) in pixels of the whole picture, from its upper left corner. They travel as JSON in
the column `annotations` of samples.parquet.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from deepenough.data.entries import Entry, Skipped, Source
from deepenough.data.readings import SEPARATOR
from deepenough.errors import SourceError
from deepenough.records import ANNOTATIONS

TOLERANCE = 1.5  # pixels; a box that leaves its picture by no more was rounded, or counts pixels from 1, and is cut off
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Object:
    """One thing in a picture.

    Args:
        label: its class.
        box: left, top, right, bottom, pixels.
        area: square pixels, by which it counts as small, medium or large; the box's own where nobody said another.
        crowd: the box holds many of them: found ones inside count neither way, and nothing is learned from it.
        ignored: to find it counts neither way (VOC's `difficult`), though it is learned from.
    """

    label: str
    box: Box
    area: float
    crowd: bool = False
    ignored: bool = False


@dataclass(slots=True)
class Annotated:
    """A picture as a file of annotations names it.

    Args:
        path: as shown to people.
        location: the picture's file.
        split: train, val or test; None where none was declared.
        size: width and height, as the annotations say.
        objects: in the picture, also none.
        fault: the rule and its detail, where the annotations cannot be used.
    """

    path: str
    location: Path
    split: str | None
    size: tuple[int, int]
    objects: list[Object] = field(default_factory=list)
    fault: tuple[str, str] | None = None


def source_of(name: str, description: str, pictures: Sequence[Annotated], notes: Sequence[str]) -> Source:
    """A source of annotated pictures; those whose annotations cannot be used are left aside in words.

    Raises:
        SourceError: a class name that cannot travel in a target.
    """
    entries, skipped = [], []
    for picture in pictures:
        target = SEPARATOR.join(sorted({found.label for found in picture.objects}))
        fault = picture.fault or _fault(picture)
        if fault is not None:
            skipped.append(Skipped(picture.path, *fault, target, picture.split))
            continue
        text = as_text([_cut_off(found, picture.size) for found in picture.objects])
        made = Entry(picture.path, target, picture.split, None, picture.location, further=(text,), size=picture.size)
        entries.append(made)
    split = next(
        (o.label for p in pictures for o in p.objects if SEPARATOR in o.label or o.label != o.label.strip()), None
    )
    if split is not None:
        raise SourceError(name, f"class names without '{SEPARATOR}' and outer blanks", repr(split), "rename the class")
    return Source(name, description, entries, skipped, list(notes), {ANNOTATIONS: pl.String})


def as_text(objects: Sequence[Object]) -> str:
    """Objects as JSON; see `objects_in`."""
    rows = []
    for found in objects:
        row: dict[str, object] = {"label": found.label, "box": list(found.box), "area": found.area}
        row |= {flag: True for flag in ("crowd", "ignored") if getattr(found, flag)}
        rows.append(row)
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)


def objects_in(text: str | None) -> list[Object]:
    """The objects of a picture, from the column `annotations`.

    >>> objects_in('[{"label":"cat","box":[1,2,3,4],"area":4}]')
    [Object(label='cat', box=(1, 2, 3, 4), area=4, crowd=False, ignored=False)]
    """
    rows = json.loads(text or "[]")
    return [
        Object(row["label"], tuple(row["box"]), row["area"], row.get("crowd", False), row.get("ignored", False))
        for row in rows
    ]


def number(value: object) -> float:
    """A finite number, whatever a file holds there; NaN where it is none.

    >>> number("12.5"), number(None), number(True)
    (12.5, nan, nan)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        found = float(value)
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def whole(value: object) -> int:
    """A whole number above 0, or 0."""
    found = number(value)
    return int(found) if found >= 1 else 0


def _fault(picture: Annotated) -> tuple[str, str] | None:
    """The rule that a picture's annotations break, with its detail."""
    width, height = picture.size
    if min(width, height) < 1:
        return "no_size", f"its annotations say {width} x {height} pixels, so no box can be placed"
    seen: set[tuple[str, Box]] = set()
    for found in picture.objects:
        left, top, right, bottom = found.box
        said = f"a {found.label} at ({', '.join(f'{side:g}' for side in found.box)}) of {width} x {height} pixels"
        if not all(map(math.isfinite, found.box)):
            return "bad_box", f"{said}: no four numbers"
        if min(left, top) < -TOLERANCE or right > width + TOLERANCE or bottom > height + TOLERANCE:
            return "bad_box", f"{said}: leaves the picture"
        cut = _cut_off(found, picture.size).box
        if cut[2] <= cut[0] or cut[3] <= cut[1]:
            return "bad_box", f"{said}: has no area"
        if (found.label, found.box) in seen and not found.crowd:
            return "double_box", f"{said}: said twice"
        seen.add((found.label, found.box))
    return None


def _cut_off(found: Object, size: tuple[int, int]) -> Object:
    left, top, right, bottom = found.box
    box = (max(left, 0.0), max(top, 0.0), min(right, float(size[0])), min(bottom, float(size[1])))
    return found if box == found.box else replace(found, box=box)
