"""All figures of a study's report, for those who want them without the page."""

from __future__ import annotations

from pathlib import Path

from deepenough.report import evidence, sections
from deepenough.report.document import Document
from deepenough.report.figures import Picture


def pictures(folder: Path) -> list[Picture]:
    """The figures of the report of a study folder, the verdict's first, each key once.

    Raises:
        RecordError: if there is no verdict, or a record that is there is torn.
    """
    return pictures_of(sections.document(evidence.load(folder)))


def pictures_of(document: Document) -> list[Picture]:
    """The figures of a document, each key once."""
    blocks = (block for section in document.sections for block in (*section.blocks, *section.aside))
    found = [document.picture, *(block for block in blocks if isinstance(block, Picture))]
    return list({picture.key: picture for picture in found}.values())
