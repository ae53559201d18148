"""Small pictures inside the page: where the two contenders differ, and images that are nearly the same."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import polars as pl

from deepenough.records import Audit, NearDuplicate, Verdict
from deepenough.report import words
from deepenough.report.evidence import MAP_ID, cam_id
from deepenough.report.language import say, term
from deepenough.report.naming import METHODS
from deepenough.report.tables import numbers

MOST_PICTURES = 48
MOST_BYTES_OF_TWINS = 400_000
MOST_BYTES = 1_300_000  # of pictures in the page, before base64: the page stays under 5 MB
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cam:
    """Where a contender found its answer on an image, and what that is for who does not see it."""

    sample_id: str
    uri: str
    says: str
    width: int
    height: int
    sha256: str
    scale: int = 0  # image side that the network saw, pixels
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One image with what each contender says, and the share of its training runs that were right."""

    sample_id: str
    uri: str
    path: str
    target: str
    width: int
    height: int
    sha256: str  # of the picture's bytes
    answers: tuple[tuple[str, str, str, bool], ...]  # contender, prediction, share of runs right, right by majority
    cams: tuple[Cam, ...] = ()  # of both contenders, scale by scale, where the study kept them


@dataclass(frozen=True, slots=True, kw_only=True)
class MapView:
    """The map of pictures as a page shows it; its points are in the block `map` of the page's data.

    `classes` are those that have a colour and a shape of their own, each with its place in the data; `sheet` holds the
    small copies, where they may be shown.
    """

    title: str
    names: tuple[str, str]
    classes: tuple[tuple[int, str], ...]
    notes: tuple[str, ...]
    sheet: Cam | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Photos in order of how much the contenders differ.

    `key` is its id in the page where something links to it; `listed` are the paths of further images, which the study
    kept no small copy of or for which there is no room, and `more` says whether there are yet others.
    """

    title: str
    photos: tuple[Photo, ...]
    key: str = ""
    listed: tuple[str, ...] = ()
    more: bool = False

    @property
    def answered(self) -> bool:
        """Whether there are answers that can be right."""
        return any(answer for photo in self.photos for _, answer, _, _ in photo.answers)

    @property
    def maps(self) -> str:
        """How maps of where answers were found were made, with the authors; empty where there are none."""
        made = next((cam.method for photo in self.photos for cam in photo.cams), "")
        return say(", ").join(map(term, METHODS.get(made, (made,)))) if made else ""

    @property
    def scales(self) -> int:
        """At how many scales maps are shown."""
        return len({cam.scale for photo in self.photos for cam in photo.cams})


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """Two nearly identical images, the splits they lie in, and what is wrong with that."""

    first: Photo
    second: Photo
    splits: tuple[str, str]
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """Pairs of nearly identical images, side by side."""

    title: str
    pairs: tuple[Twin, ...]

    @property
    def photos(self) -> tuple[Photo, ...]:
        """All images of the pairs."""
        return tuple(photo for pair in self.pairs for photo in (pair.first, pair.second))


def twins(audit: Audit, thumbnails: pl.DataFrame | None) -> Twins | None:
    """The audit's pairs in doubt of which the study kept both pictures; None where there are none.

    Args:
        audit: names the pairs.
        thumbnails: as for `gallery`.
    """
    if thumbnails is None:
        return None
    kept = {row["sample_id"]: row for row in thumbnails.unique("sample_id").iter_rows(named=True)}
    pairs, spent = [], 0
    for pair in audit.pairs_in_doubt():
        rows = [kept.get(sample) for sample in (pair.sample_id, pair.other_sample_id)]
        there = [row for row in rows if row is not None and kind_of(row["image"] or b"") is not None]
        spent += sum(len(row["image"]) for row in there)
        if len(there) == 2 and spent <= MOST_BYTES_OF_TWINS:
            pairs.append(_twin(pair, *there))
    title = say("Nearly identical images under different classes or in different splits")
    return Twins(title=title, pairs=tuple(pairs)) if pairs else None


def _twin(pair: NearDuplicate, first: dict, second: dict) -> Twin:
    wrong = [
        *([say("different classes")] if pair.target != pair.other_target else []),
        *([say("different splits")] if pair.split != pair.other_split else []),
        say("correlation {agreement}", agreement=numbers.fixed(pair.agreement, 2)),
        *([say("mirrored")] if pair.mirrored else []),
    ]
    return Twin(
        first=_photo({**first, "path": pair.path, "target": pair.target}),
        second=_photo({**second, "path": pair.other_path, "target": pair.other_target}),
        splits=(term(pair.split), term(pair.other_split)),
        says=say(", ").join(wrong).capitalize(),
    )


def gallery(frame: pl.DataFrame, thumbnails: pl.DataFrame | None, verdict: Verdict) -> Gallery | None:
    """The pictures that the study kept of its disagreements; None where it kept none.

    Args:
        frame: as `comparison.disagreements` gives it, with the column `path`.
        thumbnails: columns `sample_id`, `image` (PNG or JPEG bytes; anything else is left out), `width`, `height`.
        verdict: names the contenders.
    """
    if thumbnails is None:
        return None
    joined = frame.join(thumbnails.unique("sample_id"), on="sample_id", how="inner", maintain_order="left")
    kept = {row["sample_id"]: row for row in thumbnails.iter_rows(named=True)}
    photos, spent, drawn = [], 0, _drawn(kept)
    for row in joined.iter_rows(named=True):
        kind, maps = kind_of(row["image"]), _maps(row["sample_id"], kept, verdict, drawn)
        spent += sum(len(each["image"]) for each in (row, *maps))
        if kind is not None and spent <= MOST_BYTES and len(photos) < MOST_PICTURES:
            photos.append(photo(row, verdict, maps))
    return Gallery(title=say("Largest differences first"), photos=tuple(photos)) if photos else None


def _drawn(kept: Iterable[str]) -> list[tuple[int, str]]:
    """At which scales, ascending, and how the maps were made that are kept under these ids (`evidence.cam_id`)."""
    ends = {tuple(each.split(" ")[-2:]) for each in kept if " " in each}
    return sorted((int(scale), method) for scale, method in ends if scale.isdigit())


def _maps(
    sample_id: str, kept: Mapping[str, dict], verdict: Verdict, drawn: Sequence[tuple[int, str]]
) -> list[dict[str, Any]]:
    """The rows of both contenders' maps of a sample, scale by scale, without those of which one is no picture."""
    found = []
    for scale, method in drawn:
        rows = [kept.get(cam_id(sample_id, name, scale, method)) for name in (verdict.small, verdict.big)]
        there = [row for row in rows if row is not None and kind_of(row["image"] or b"") is not None]
        if len(there) == len(rows):
            found += [{**row, "scale": scale, "method": method} for row in there]
    return found


def kind_of(image: bytes) -> str | None:
    """The media type of a picture's bytes; None where it is none that a page may show."""
    return next((kind for signature, kind in _SIGNATURES.items() if image.startswith(signature)), None)


def photo(row: dict, verdict: Verdict, maps: Sequence[dict] = ()) -> Photo:
    """One row of `comparison.disagreements`, with its `path` and thumbnail, as a photo; `maps` are both contenders'."""
    answers = tuple(
        (
            words.display_name(name),
            row[f"{side}_prediction"] or "",
            _reached(row[f"{side}_prediction"], row[f"{side}_score"], verdict),
            row[f"{side}_prediction"] == row["target"] is not None,
        )
        for side, name in (("small", verdict.small), ("big", verdict.big))
    )
    cams = tuple(_cam(each, name, said) for each, (name, said, _, _) in zip(maps, cycle(answers), strict=False))
    return _photo(row, answers, cams)


def _reached(prediction: str | None, score: float, verdict: Verdict) -> str:
    """The share of runs that were right, or where there is no answer the score in the verdict's unit."""
    if prediction is not None:
        return numbers.share(score, 0)
    factor = 100.0 if verdict.unit == "points" else 1.0
    return numbers.level(factor * score, verdict.unit, words.decimals_of(verdict))


def _cam(row: dict, name: str, answer: str) -> Cam:
    return Cam(
        sample_id=row["sample_id"],
        uri=uri(row["image"]),
        says=say("Where {name} found {answer} at {scale} px", name=name, answer=answer, scale=row["scale"]),
        width=row["width"],
        height=row["height"],
        sha256=hashlib.sha256(row["image"]).hexdigest(),
        scale=row["scale"],
        method=row["method"],
    )


def sheet_of(thumbnails: pl.DataFrame | None) -> Cam | None:
    """All small copies of a map of pictures, as one picture; None where there are none that may be shown."""
    rows = [] if thumbnails is None else thumbnails.filter(pl.col("sample_id") == MAP_ID).to_dicts()
    if not rows or kind_of(rows[0]["image"]) is None:
        return None
    row = rows[0]
    return Cam(
        sample_id=MAP_ID,
        uri=uri(row["image"]),
        says=say("Small copies of the images on the map"),
        width=row["width"],
        height=row["height"],
        sha256=hashlib.sha256(row["image"]).hexdigest(),
    )


def uri(image: bytes) -> str:
    """A picture's bytes as an address that a page needs no network for."""
    return f"data:{kind_of(image)};base64,{base64.b64encode(image).decode('ascii')}"


def _photo(row: dict, answers: tuple[tuple[str, str, str, bool], ...] = (), cams: tuple[Cam, ...] = ()) -> Photo:
    return Photo(
        sample_id=row["sample_id"],
        uri=uri(row["image"]),
        path=row["path"],
        target=row["target"] or "",
        width=row["width"],
        height=row["height"],
        sha256=hashlib.sha256(row["image"]).hexdigest(),
        answers=answers,
        cams=cams,
    )
