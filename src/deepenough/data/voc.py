"""Pascal VOC's annotations: an XML file a picture (Everingham et al. 2010, IJCV 88, section 3).

Pictures and lists as in VOCdevkit (`Annotations`, `JPEGImages`, `ImageSets/Main`), or XML beside the pictures in
train, val and test. A box's sides are pixels counted from 1, both counted in; `difficult` objects are learned from and
not counted, as in VOC's own evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from deepenough.data.entries import SPLIT_NAMES, SPLITS, Skipped, Source, shown
from deepenough.data.folders import is_hidden
from deepenough.data.objects import Annotated, Object, number, source_of, whole
from deepenough.errors import SourceError

_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".JPG", ".JPEG", ".PNG")
_MOST_BYTES = 16 << 20  # of one file; a picture's annotations are far smaller


def voc_files(root: Path) -> list[Path]:
    """The XML files under a folder that may be annotations, by path."""
    found = (path for path in root.rglob("*.xml") if path.is_file())
    return sorted(path for path in found if not any(map(is_hidden, path.relative_to(root).parts)))


def open_voc(name: str, root: Path, files: Sequence[Path]) -> Source:
    """List the pictures that VOC files annotate.

    Raises:
        SourceError: no file is one of VOC's, or the lists of splits name a picture in two.
    """
    lists, notes = _lists(name, root)
    pictures: list[Annotated] = []
    skipped: list[Skipped] = []
    for path in files:
        shown_as = shown(path.relative_to(root).as_posix())
        split = lists.get(path.stem) if lists else _split_of(path, root)
        if lists and split is None:
            skipped.append(Skipped(shown_as, "unused_split", "no list in ImageSets/Main names it", None, None))
            continue
        picture = _picture(root, path, split)
        if picture is None:
            skipped.append(Skipped(shown_as, "not_annotations", "no XML, or none with an <annotation>", None, split))
        else:
            pictures.append(picture)
    if not pictures:
        got = f"{len(files)} XML files and none of them" if files else "none"
        raise SourceError(name, "annotations in VOC's XML", got, "give the folder that holds them and the pictures")
    layout = "/".join(s for s in SPLITS if any(p.split == s for p in pictures))
    source = source_of(name, f"VOC annotations ({layout or 'no splits declared'})", pictures, notes)
    source.skipped.extend(skipped)
    return source


def _lists(name: str, root: Path) -> tuple[dict[str, str], list[str]]:
    """The split of each picture by the lists in ImageSets/Main."""
    folder, found = root / "ImageSets" / "Main", {}
    for split in SPLITS:
        path = folder / f"{split}.txt"
        if not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            stem = line.split()[0] if line.split() else ""
            if found.get(stem, split) != split:
                raise SourceError(name, "each picture in one list of ImageSets/Main", f"'{stem}' in two", "remove it")
            found.update({stem: split} if stem else {})
    return found, ["Splits are those of the lists in ImageSets/Main."] if found else []


def _split_of(path: Path, root: Path) -> str | None:
    parts = [part.lower() for part in path.relative_to(root).parts[:-1]]
    return next((SPLIT_NAMES[part] for part in parts if part in SPLIT_NAMES), None)


def _picture(root: Path, path: Path, split: str | None) -> Annotated | None:
    """The picture of a file, or None where the file is no annotation."""
    tree = _read(path)
    if tree is None:
        return None
    width, height = (whole(tree.findtext(f"size/{side}")) for side in ("width", "height"))
    location = _located(root, path, Path((tree.findtext("filename") or "").replace("\\", "/")).name)
    picture = Annotated(shown(location.relative_to(root).as_posix()), location, split, (width, height))
    for row in tree.findall("object"):
        label = (row.findtext("name") or "").strip()
        if not label:
            picture.fault = "unknown_class", "an object without a name"
            continue
        picture.objects.append(_object(row, label))
    return picture


def _object(row: ElementTree.Element, label: str) -> Object:
    left, top, right, bottom = (number(row.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax"))
    box = (left - 1.0, top - 1.0, right, bottom)  # pixels from 1, the last one inside
    area = (box[2] - box[0]) * (box[3] - box[1])
    return Object(label, box, area, ignored=(row.findtext("difficult") or "0").strip() == "1")


def _read(path: Path) -> ElementTree.Element | None:
    """The tree of an <annotation>; entities are refused, since they can grow without bound."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        content = path.read_bytes()
        if b"<!ENTITY" in content or b"<!DOCTYPE" in content:
            return None
        tree = ElementTree.fromstring(content)
    except (OSError, ElementTree.ParseError, ValueError):
        return None
    return tree if tree.tag == "annotation" else None


def _located(root: Path, path: Path, file: str) -> Path:
    """The picture of an XML file: by the name in it or by its own, beside it, in JPEGImages/ or images/."""
    folders = [path.parent, path.parent.parent / "JPEGImages", root / "JPEGImages", root / "images"]
    names = [*([file] if file else []), *(path.stem + ending for ending in _ENDINGS)]
    found = (folder / name for folder in folders for name in names)
    return next((place for place in found if place.is_file()), folders[0] / names[0])
