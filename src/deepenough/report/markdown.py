"""The report as text: the same document in Markdown that also reads well unrendered."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deepenough.report.document import Block, Document, Listing
from deepenough.report.exhibits import Exhibits, Shown
from deepenough.report.figures import Picture
from deepenough.report.gallery import Gallery, MapView, Twin, Twins
from deepenough.report.language import say
from deepenough.report.tables import Table


def render(document: Document) -> str:
    """The document as Markdown; a figure is its description and its data."""
    parts = [f"# {escape(document.headline)}", say("Study: {name}", name=escape(document.name))]
    parts += [escape(sentence) for sentence in document.sentences]
    if document.caveats:
        parts += [f"## {say('Read with care')}", "\n".join(f"- {escape(caveat)}" for caveat in document.caveats)]
    parts += [f"## {say('The decision in numbers')}", _table(document.facts)]
    parts += [f"## {say('Next')}", _code("\n".join(document.next_steps))]
    for section in document.sections:
        parts.append(f"## {escape(section.title)}")
        parts += [escape(sentence) for sentence in section.lead]
        parts += [part for block in (*section.blocks, *section.aside) for part in _block(block)]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    r"""Text that Markdown and the HTML within it leave as it is, on one line.

    >>> escape("<b>a|b</b>")
    '&lt;b&gt;a\\|b&lt;/b&gt;'
    """
    one_line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*\[\]|])", r"\\\1", one_line)


def block(block: Block) -> str:
    """One block as Markdown."""
    return "\n\n".join(_block(block)) + "\n"


def _block(block: Block) -> list[str]:
    if isinstance(block, Picture):
        return [f"*{escape(block.title)}.* {escape(block.description)}", _table(block.twin)]
    if isinstance(block, Table):
        return [f"*{escape(block.caption)}*", _table(block)]
    if isinstance(block, Listing):
        return [f"*{escape(block.title)}*", _code(block.text.rstrip("\n"))]
    if isinstance(block, Twins):
        return [f"*{escape(block.title)}*", "\n".join(_twin(pair) for pair in block.pairs)]
    if isinstance(block, Exhibits):
        return [f"*{escape(block.title)}*", *map(escape, block.notes), "\n".join(map(_shown, block.samples))]
    if isinstance(block, MapView):
        return [say("The page shows the map itself.")]
    return [_photos(block)]


def _twin(pair: Twin) -> str:
    named = (
        f"{escape(photo.path)} ({escape(photo.target)}, {escape(split)})"
        for photo, split in zip((pair.first, pair.second), pair.splits, strict=True)
    )
    first, second = named
    return say("- {first} and {second}: {says}", first=first, second=second, says=escape(pair.says))


def _shown(sample: Shown) -> str:
    said = [f"{panel.title} {panel.figure}".strip() for panel in sample.panels if panel.title]
    said += [f"{name} {says}" for _, name, says in sample.lines]
    return f"- {escape(sample.path)}: {escape(say('; ').join(said))}"


def _photos(gallery: Gallery) -> str:
    if not gallery.key:
        return say("The page shows {photos} of these images; the list follows.", photos=len(gallery.photos))
    named = ", ".join(escape(path) for path in (*(photo.path for photo in gallery.photos), *gallery.listed))
    return f"*{escape(gallery.title)}*: {named}{', …' if gallery.more else ''}"


def _code(text: str) -> str:
    """A fence longer than any in the text, so that nothing in it can close it."""
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _table(table: Table) -> str:
    heads = [escape(column.title) for column in table.columns]
    rows = [
        [_bold(escape(str(cell)), index in table.strong_rows) for cell in row] for index, row in enumerate(table.rows)
    ]
    widths = [max(3, *(len(row[place]) for row in [heads, *rows])) for place in range(len(heads))]
    numeric = [column.numeric for column in table.columns]
    rule = "| " + " | ".join("-" * (w - 1) + (":" if n else "-") for w, n in zip(widths, numeric, strict=True)) + " |"
    lines = [_line(heads, widths, numeric), rule, *(_line(row, widths, numeric) for row in rows)]
    return "\n".join(lines) + (f"\n\n{escape(table.note)}" if table.note else "")


def _bold(text: str, strong: bool) -> str:
    return f"**{text}**" if strong and text else text


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    ]
    return "| " + " | ".join(padded) + " |"
