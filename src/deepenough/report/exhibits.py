"""What both networks made of the samples that divide them the most: pictures side by side, boxes, likenesses.

What there is to show was said by the task when the study was decided (`records.EXHIBITS`); here it is put into words
and places. A word that a later version wrote is shown without a name rather than not at all.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from unicodedata import east_asian_width

import polars as pl

from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.evidence import exhibit_id
from deepenough.report.gallery import kind_of, uri
from deepenough.report.language import later, say, term
from deepenough.report.tables import numbers

MOST_BYTES = 600_000  # of pictures, before base64
LONGEST = 320.0  # of a drawing with boxes, in its own units
FONT = 11.0  # of its text, in the same
WIDE = 160  # pixels that a cut-out is shown across, at least nearly
_LONGEST_NAME = 18
_LETTER = 0.72  # width of a bold letter in font sizes, rather too much than too little
_TITLES = {"harmed": later("harmed"), "mended": later("mended by {name}"), "clean": later("the original")}
_NOTES = {
    "mended": later(
        "Cut-outs at the image's own resolution, enlarged so that every pixel can be seen, from where what the two "
        "networks made of the image differs most; PSNR is that of the cut-out. Both networks are of seed {seed}."
    ),
    "found": later(
        "Solid: the boxes that a network gives a score above {threshold}, named where there is room; dashed: the true "
        "ones. Both networks are of seed {seed}, and the image is as large as they saw it, or smaller."
    ),
    "similarity": later(
        "Similarity is the cosine of the two embeddings; above the threshold, the best one on validation, a network "
        "takes both images for the same. Both networks are of seed {seed}."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A box in a drawing's units; `label` stands at (`x`, `y`) where there is room for it, `says` tells all of it."""

    left: float
    top: float
    width: float
    height: float
    true: bool
    says: str
    label: str = ""
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture with what is said of it; `across` and `down` are its size as shown, `place` that of its network."""

    sample_id: str
    uri: str
    width: int
    height: int
    across: float
    down: float
    sha256: str
    says: str
    title: str
    figure: str = ""
    place: int = 0  # 1 the smaller network's, 2 the bigger one's
    exact: bool = False
    marks: tuple[Mark, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A sample: its path and target, its pictures, and a line for each network that has a figure alone."""

    path: str
    target: str
    panels: tuple[Panel, ...]
    lines: tuple[tuple[int, str, str], ...]  # place of the network, its name, what it says

    @property
    def form(self) -> str:
        """How its pictures are laid out: `exact`, `boxes` or `plain`."""
        if any(panel.marks is not None for panel in self.panels):
            return "boxes"
        return "exact" if any(panel.exact for panel in self.panels) else "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibits:
    """The samples in order of how much the two networks differ."""

    title: str
    notes: tuple[str, ...]
    samples: tuple[Shown, ...]

    @property
    def photos(self) -> tuple[Panel, ...]:
        """All pictures."""
        return tuple(panel for sample in self.samples for panel in sample.panels)


def exhibits(
    kept: pl.DataFrame | None, thumbnails: pl.DataFrame | None, differing: pl.DataFrame | None, verdict: Verdict
) -> Exhibits | None:
    """What the study kept to be shown; None where it kept nothing, or no picture may be shown.

    Args:
        kept: columns of `records.EXHIBITS` but for the image.
        thumbnails: holds the images, under `evidence.exhibit_id`.
        differing: the samples on which the two differ, each with its path and target.
        verdict: names the networks.
    """
    if kept is None or thumbnails is None or kept.is_empty():
        return None
    images = {row["sample_id"]: row for row in thumbnails.iter_rows(named=True)}
    known = {} if differing is None else {row["sample_id"]: row for row in differing.iter_rows(named=True)}
    samples, spent = [], 0
    for sample, group in groupby(kept.iter_rows(named=True), key=lambda row: row["sample_id"]):
        rows = list(group)
        pictures = [images.get(exhibit_id(sample, row["place"])) for row in rows if row["width"] is not None]
        there = [picture for picture in pictures if picture and kind_of(picture["image"] or b"") is not None]
        spent += sum(len(picture["image"]) for picture in there)
        if there and len(there) == len(pictures) and spent <= MOST_BYTES:
            samples.append(_shown(rows, images, known.get(sample, {}), verdict))
    notes = _notes(kept.row(0, named=True), set(kept["what"]))
    title = say("What the two networks made of it, where they differ most")
    return Exhibits(title=title, notes=notes, samples=tuple(samples)) if samples else None


def _notes(row: Mapping[str, Any], there: set[str]) -> tuple[str, ...]:
    threshold = numbers.shortest(row["threshold"]) if row["threshold"] is not None else numbers.ABSENT
    return tuple(say(note, seed=row["seed"], threshold=threshold) for what, note in _NOTES.items() if what in there)


def _shown(rows: Sequence[Mapping], images: Mapping[str, Mapping], known: Mapping, verdict: Verdict) -> Shown:
    path, target = known.get("path") or rows[0]["sample_id"], known.get("target") or ""
    if any(row["boxes"] is not None for row in rows):
        target = ""  # which the boxes say
    elif any(row["width"] is None for row in rows):
        target = say("truth: {target}", target=term(target))
    return Shown(
        path=path,
        target=target,
        panels=tuple(
            _panel(row, images[exhibit_id(row["sample_id"], row["place"])], path, verdict)
            for row in rows
            if row["width"] is not None
        ),
        lines=tuple(
            (_place(row, verdict), words.display_name(row["contender"] or ""), _likeness(row))
            for row in rows
            if row["width"] is None
        ),
    )


def _place(row: Mapping, verdict: Verdict) -> int:
    return {verdict.small: 1, verdict.big: 2}.get(row["contender"], 0)


def _likeness(row: Mapping) -> str:
    value, threshold = numbers.fixed(row["value"], 3), numbers.fixed(row["threshold"], 3)
    above = row["value"] is not None and row["threshold"] is not None and row["value"] > row["threshold"]
    said = say("same") if above else say("different")
    return say("{said}: similarity {value}, threshold {threshold}", said=said, value=value, threshold=threshold)


def _panel(row: Mapping, image: Mapping, path: str, verdict: Verdict) -> Panel:
    name = "" if row["contender"] is None else words.display_name(row["contender"])
    title = say(_TITLES[row["what"]], name=name) if row["what"] in _TITLES else name
    factor = max(1, WIDE // max(1, image["width"])) if row["exact"] else LONGEST / max(image["width"], image["height"])
    figure = numbers.level(row["value"], row["unit"] or "") if row["value"] is not None else ""
    if row["boxes"] is not None:
        figure = _found(row["boxes"])
    return Panel(
        sample_id=image["sample_id"],
        uri=uri(image["image"]),
        width=image["width"],
        height=image["height"],
        across=image["width"] * factor,
        down=image["height"] * factor,
        sha256=hashlib.sha256(image["image"]).hexdigest(),
        says=say(", ").join(part for part in (path, title, figure) if part),
        title=title,
        figure=figure,
        place=_place(row, verdict),
        exact=bool(row["exact"]),
        marks=None if row["boxes"] is None else _marks(row["boxes"], factor, (image["width"], image["height"])),
    )


def _found(boxes: Sequence[Mapping]) -> str:
    """How many boxes of each class were found, and how many there are."""
    true = Counter(box["label"] for box in boxes if box["score"] is None)
    found = Counter(box["label"] for box in boxes if box["score"] is not None)
    each = [
        say("{label}: {found} found, {true} true", label=label, found=found[label], true=true[label])
        for label in sorted(true | found)
    ]
    return say("; ").join(each) if each else say("no boxes")


def _marks(boxes: Sequence[Mapping], factor: float, size: tuple[int, int]) -> tuple[Mark, ...]:
    """The true boxes, then those found; of each class the surest is named first, others where no name is covered."""
    found = sorted((box for box in boxes if box["score"] is not None), key=lambda box: -box["score"])
    seen: set[str] = set()
    firsts = [box for box in found if not (box["label"] in seen or seen.add(box["label"]))]
    taken: list[tuple[float, float, float, float]] = []
    named: dict[int, tuple[str, float, float]] = {}
    across, down = size[0] * factor, size[1] * factor
    for box in [*firsts, *(box for box in found if not any(box is first for first in firsts))]:
        label = numbers.shortened(box["label"], _LONGEST_NAME)
        spot = _spot(label, box["left"] * factor, box["top"] * factor, (across, down))
        if not any(_overlap(spot, other) for other in taken):
            taken.append(spot)
            named[id(box)] = (label, spot[0], spot[3])
    ordered = [*(box for box in boxes if box["score"] is None), *found]
    return tuple(_mark(box, factor, *named.get(id(box), ("", 0.0, 0.0))) for box in ordered)


def _mark(box: Mapping, factor: float, label: str, x: float, y: float) -> Mark:
    true = box["score"] is None
    return Mark(
        left=box["left"] * factor,
        top=box["top"] * factor,
        width=max(0.0, box["right"] - box["left"]) * factor,
        height=max(0.0, box["bottom"] - box["top"]) * factor,
        true=true,
        says=box["label"] if true else f"{box['label']} {numbers.share(box['score'], 0)}",
        label=label,
        x=x,
        y=y,
    )


def _spot(label: str, left: float, top: float, size: tuple[float, float]) -> tuple[float, float, float, float]:
    """Where a name may stand at a box's upper left corner, within the drawing: left, top, right, bottom."""
    ems = sum(1.0 if east_asian_width(letter) in "WF" else _LETTER for letter in label)
    width = FONT * ems
    x = max(0.0, min(left + 2.0, size[0] - width))
    y = max(0.0, min(top + 1.0, size[1] - FONT))
    return x, y, x + width, y + FONT


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
