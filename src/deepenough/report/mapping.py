"""The section with the map of the test pictures, and how far each map may be trusted."""

from __future__ import annotations

from collections import Counter

from deepenough.records import Verdict
from deepenough.records.embedding import PictureMap
from deepenough.report.document import Section
from deepenough.report.evidence import Evidence
from deepenough.report.gallery import MapView, sheet_of
from deepenough.report.language import later, say
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers

_TITLE = later("Map of the test images")
MOST_CLASSES = 30  # six colours in five shapes; further classes are grey
_METHODS = {"umap": later("UMAP"), "pca": later("their two first principal components")}


def section(evidence: Evidence) -> Section | None:
    """Only where `deepenough embed` was run; a map of another pair or scale is said to be one."""
    found = evidence.mapped
    if found is None:
        return None
    if not same_question(found, evidence.verdict):
        said = say("It was made for another pair or scale than the verdict's; anew:")
        lead = say("{said} deepenough embed {folder}", said=said, folder=evidence.folder)
        return Section(key="map", title=say(_TITLE), lead=(lead,))
    names = (display_name(found.small), display_name(found.big))
    counted = Counter(code for code in found.labels if code >= 0)
    largest = sorted(counted, key=lambda code: (-counted[code], code))[:MOST_CLASSES]
    view = MapView(
        title=say("Where each network places the test images"),
        names=names,
        classes=tuple((code, found.classes[code]) for code in sorted(largest)),
        notes=tuple(_notes(found, len(counted))),
        sheet=sheet_of(evidence.thumbnails) if found.tile else None,
    )
    return Section(key="map", title=say(_TITLE), lead=tuple(sentences(found)), blocks=(view,))


def same_question(found: PictureMap, verdict: Verdict) -> bool:
    """Whether it was made for what the verdict is about."""
    return all(getattr(found, key) == getattr(verdict, key) for key in ("small", "big", "scale"))


def sentences(found: PictureMap) -> list[str]:
    """What the map is, and how far it may be trusted."""
    small, big = display_name(found.small), display_name(found.big)
    said = [
        say(
            "Each of {shown} test images is a point, placed by its vector by each network of seed "
            "{seed} at {scale} px, brought to two dimensions by {method}; the second map is turned to lie on the first "
            "as nearly as it can.",
            shown=numbers.count(len(found.labels)),
            seed=found.seed,
            scale=found.scale,
            method=say(_METHODS.get(found.method, found.method)),
        ),
        say(
            "Trustworthiness, 1 where all neighbours on a map are neighbours in the full space: {small} {first}, {big} "
            "{second}. A map is not the space: distances between groups, their sizes and their directions mean "
            "nothing.",
            small=small,
            first=numbers.fixed(found.trust[found.small], 3),
            big=big,
            second=numbers.fixed(found.trust[found.big], 3),
        ),
    ]
    if found.method != "pca":
        said.append(
            say(
                "Two principal components would have {first} and {second}.",
                first=numbers.fixed(found.plain[found.small], 3),
                second=numbers.fixed(found.plain[found.big], 3),
            )
        )
    if found.pictures > len(found.labels):
        said.append(say("They are the first of {all} test images.", all=numbers.count(found.pictures)))
    return said


def _notes(found: PictureMap, classes: int) -> list[str]:
    said = [
        say(
            "Point at an image, tap it, or go from one to the next with the arrow keys: it is marked on both maps. A "
            "class from the list shows that class alone."
        )
    ]
    if any(code >= 0 for each in found.answers.values() for code in each):
        said.append(say("Filled: the answer of the network is right; hollow: it is wrong."))
    if classes > MOST_CLASSES:
        shown, more = numbers.count(MOST_CLASSES), numbers.count(classes - MOST_CLASSES)
        said.append(
            say("The {shown} largest classes have a colour and a shape; {more} more are grey.", shown=shown, more=more)
        )
    return said
