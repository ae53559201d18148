"""Results that display themselves: as HTML in a notebook, as Markdown in a document, as text in a terminal."""

from __future__ import annotations

import textwrap
from dataclasses import fields
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from deepenough.errors import StudyError
from deepenough.records import Verdict, write_atomically
from deepenough.report import headline, sentences

if TYPE_CHECKING:
    from deepenough.report.figures.canvas import Picture

_WIDTH = 80


class ShownVerdict(Verdict):
    """A verdict that displays itself; every field of `records.Verdict` is there."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(
            [
                textwrap.fill(headline(self), _WIDTH, break_long_words=False),
                "",
                *(textwrap.fill(sentence, _WIDTH, break_long_words=False) for sentence in sentences(self)),
                *(textwrap.fill(f"- {text}", _WIDTH, subsequent_indent="  ") for text in self.caveats),
            ]
        )

    def _repr_markdown_(self) -> str:
        from deepenough.report import markdown  # matplotlib takes a second

        parts = [f"**{markdown.escape(headline(self))}**", *(markdown.escape(line) for line in sentences(self))]
        if self.caveats:
            parts += ["Bear in mind:", "\n".join(f"- {markdown.escape(caveat)}" for caveat in self.caveats)]
        return "\n\n".join(parts) + "\n"

    def _repr_html_(self) -> str:
        from deepenough.report.figures.verdict import verdict_picture  # matplotlib takes a second

        said = "".join(f"<p>{escape(line)}</p>" for line in sentences(self))
        listed = "".join(f"<li>{escape(caveat)}</li>" for caveat in self.caveats)
        careful = f"<p>Bear in mind:</p><ul>{listed}</ul>" if listed else ""
        picture = ShownFigure(verdict_picture(self))._repr_html_()
        return f"<div><p><strong>{escape(headline(self))}</strong></p>{picture}{said}{careful}</div>"


def shown_verdict(verdict: Verdict) -> ShownVerdict:
    """The same verdict, as one that displays itself."""
    return ShownVerdict(**{field.name: getattr(verdict, field.name) for field in fields(Verdict)})


class ShownFigure:
    """A figure that displays itself, and saves itself for a paper."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    @property
    def title(self) -> str:
        """What the figure is called."""
        return self._picture.title

    @property
    def description(self) -> str:
        """What it shows, in words."""
        return self._picture.description

    def save(self, path: str | Path) -> Path:
        """Write it 8.5 cm wide, a single column, as SVG or PDF by the ending of `path`.

        Raises:
            StudyError: another ending.
        """
        from deepenough.report.figures.alone import column_pdf, column_svg  # matplotlib takes a second

        path = Path(path)
        if path.suffix == ".pdf":
            content = column_pdf(self._picture)
        elif path.suffix == ".svg":
            content = column_svg(self._picture).encode()
        else:
            raise StudyError(str(path), "a name that ends in .svg or .pdf", path.suffix or "no ending")
        write_atomically(path, lambda stream: stream.write(content))
        return path

    def __repr__(self) -> str:
        return textwrap.fill(f"{self.title}. {self.description}", _WIDTH, break_long_words=False)

    def _repr_markdown_(self) -> str:
        from deepenough.report import markdown  # matplotlib takes a second

        return markdown.block(self._picture)

    def _repr_html_(self) -> str:
        from deepenough.report.figures.alone import picture_svg

        drawn = picture_svg(self._picture)
        return f'<figure style="margin:0;max-width:736px"><figcaption>{escape(self.title)}</figcaption>{drawn}</figure>'
