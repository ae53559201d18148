"""The page: a document rendered as one HTML file that asks nothing of any network, and as Markdown beside it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from deepenough import __version__
from deepenough.records import write_atomically
from deepenough.records.program import source_hash
from deepenough.report import bundle, evidence, markdown, sections
from deepenough.report.bundle import Bundle, blocks
from deepenough.report.document import Document
from deepenough.report.exhibits import Exhibits
from deepenough.report.gallery import Gallery, MapView, Twins
from deepenough.report.language import say, speaking, tag
from deepenough.report.tables import numbers

TEMPLATES = Path(__file__).parent / "templates"
_UNITS = r"(?=(?:%|px|ms|s|min|h|GiB|MiB|KiB|points|seeds?|images?)\b|%)"


def write(folder: Path, *, costs: Sequence[Path] = (), images: bool = True, language: str = "en") -> tuple[Path, Path]:
    """Write `report.html` and `report.md` into a study folder; the same folder gives the same bytes.

    Args:
        folder: holds at least `verdict.json`; what else is missing is said in its section.
        costs: tables of `records.COSTS` measured on other machines, to be shown beside the study's own.
        images: whether the page may show pictures.
        language: of the words, one of `language.LANGUAGES`; numbers and names stay as they are.

    Returns:
        The paths of both files.

    Raises:
        RecordError: if there is no verdict, or a record that is there is torn.
        InputError: there is no such language.
    """
    seen = evidence.load(folder, costs=costs, images=images)
    packed = bundle.pack(seen, language)
    unpacked = bundle.unpack(packed.header, {block.name: block for block in packed.blocks}, bundle.pictures(seen))
    with speaking(language):
        arranged = sections.document(unpacked)
        texts = render(arranged, packed), markdown.render(arranged)
    written = folder / "report.html", folder / "report.md"
    for path, text in zip(written, texts, strict=True):
        encoded = text.encode("utf-8")
        write_atomically(path, lambda stream, content=encoded: stream.write(content))
    return written


def render(document: Document, packed: Bundle) -> str:
    """The document as one HTML page with its data; every text in it is escaped, only the drawings are markup."""
    index = {
        "written_by": __version__,
        "source": source_hash(),
        **packed.header,
        "blocks": {block.name: block.sha256 for block in packed.blocks},
        "pictures": pictures_of(document),
        "panel": None if document.panel is None else document.panel.state,
    }
    script = _script()
    text = (
        _environment()
        .get_template("report.html.j2")
        .render(
            document=document,
            tag=tag(),
            blocks_of_data=(blocks.as_json("index", index), *packed.blocks),
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
            blank=blocks.BLANK,
        )
    )
    return blocks.seal(text.encode("utf-8", errors="replace").decode())  # a path may hold bytes that are no text


def pictures_of(document: Document) -> list[dict[str, object]]:
    """Every picture that the page shows, once: its sample by the page's id, its size, the SHA-256 of its bytes."""
    blocks = [block for section in document.sections for block in (*section.blocks, *section.aside)]
    galleries = [block for block in blocks if isinstance(block, Gallery | Twins)]
    shown = [each for gallery in galleries for photo in gallery.photos for each in (photo, *photo.cams)]
    shown += [panel for block in blocks if isinstance(block, Exhibits) for panel in block.photos]
    shown += [block.sheet for block in blocks if isinstance(block, MapView) and block.sheet is not None]
    return [
        {"sample_id": each.sample_id, "width": each.width, "height": each.height, "sha256": each.sha256}
        for each in {each.sample_id: each for each in shown}.values()
    ]


def _script() -> str:
    return "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("panel.js", "ask.js", "map.js"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "typeset": typeset,
        "exact": numbers.exact,
        "kind": lambda block: type(block).__name__.lower(),
    }
    environment.globals["say"] = say
    return environment


def typeset(text: str) -> Markup:
    """Minus signs for hyphens before numbers; no line break within a network's name or between a number and its unit.

    >>> typeset("ResNet-50 gains <-0.12")
    Markup('<span class="nb">ResNet-50</span> gains &lt;−0.12')
    """
    signed = re.sub(r"(?<![\w-])-(?=\d)", "−", text)
    joined = re.sub(rf"(?<=\d) {_UNITS}", "\N{NO-BREAK SPACE}", signed)
    return Markup(re.sub(r"\b([A-Za-z]\w*-\d+)\b", r'<span class="nb">\1</span>', str(escape(joined))))
