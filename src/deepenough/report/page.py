"""The page: a document rendered as one HTML file that asks nothing of any network, and as Markdown beside it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from deepenough.records import write_atomically
from deepenough.report import evidence, markdown, sections
from deepenough.report.document import Document

TEMPLATES = Path(__file__).parent / "templates"
_UNITS = r"(?=(?:%|px|ms|s|min|h|GiB|MiB|KiB|points|seeds?|images?)\b|%)"


def write(folder: Path) -> tuple[Path, Path]:
    """Write `report.html` and `report.md` into a study folder; the same folder gives the same bytes.

    Args:
        folder: holds at least `verdict.json`; what else is missing is said in its section.

    Returns:
        The paths of both files.

    Raises:
        RecordError: if there is no verdict, or a record that is there is torn.
    """
    arranged = sections.document(evidence.load(folder))
    written = folder / "report.html", folder / "report.md"
    for path, text in zip(written, (render(arranged), markdown.render(arranged)), strict=True):
        encoded = text.encode("utf-8", errors="replace")  # a path may hold bytes that are no text
        write_atomically(path, lambda stream, content=encoded: stream.write(content))
    return written


def render(document: Document) -> str:
    """The document as one HTML page; every text in it is escaped, only the drawings are markup."""
    return _environment().get_template("report.html.j2").render(document=document)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"typeset": typeset, "kind": lambda block: type(block).__name__.lower()}
    return environment


def typeset(text: str) -> Markup:
    """Minus signs for hyphens before numbers; no line break within a network's name or between a number and its unit.

    >>> typeset("ResNet-50 gains <-0.12")
    Markup('<span class="nb">ResNet-50</span> gains &lt;−0.12')
    """
    signed = re.sub(r"(?<![\w-])-(?=\d)", "−", text)
    joined = re.sub(rf"(?<=\d) {_UNITS}", "\N{NO-BREAK SPACE}", signed)
    return Markup(re.sub(r"\b([A-Za-z]\w*-\d+)\b", r'<span class="nb">\1</span>', str(escape(joined))))
