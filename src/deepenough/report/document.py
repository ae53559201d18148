"""What a report is made of: sections of blocks, which the page and the text render alike."""

from __future__ import annotations

from dataclasses import dataclass

from deepenough.records import Verdict
from deepenough.report.exhibits import Exhibits
from deepenough.report.figures import Picture
from deepenough.report.gallery import Gallery, MapView, Twins
from deepenough.report.panel import Panel
from deepenough.report.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Text to be shown as it is: a study file, a command."""

    title: str
    text: str


Block = Picture | Table | Gallery | Twins | Listing | MapView | Exhibits


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of the report. Blocks in `aside` are there for who asks: folded on the page."""

    key: str
    title: str
    lead: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    aside: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The whole report."""

    name: str
    answer: str
    verdict: Verdict
    headline: str
    caveats: tuple[str, ...]
    sentences: tuple[str, ...]
    picture: Picture
    facts: Table
    next_steps: tuple[str, ...]
    sections: tuple[Section, ...]
    panel: Panel | None = None
