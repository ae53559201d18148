"""The report: a finished study folder as one offline page and as text.

Owns the words, the rounding, the figures and the page. Refuses to compute: results come from `deepenough.records` and
`deepenough.comparison`; neither torch nor the images are needed, and nothing is fetched from anywhere.

`words` phrase, in a `language` · `tables` round · `figures` draw · `sections` arrange · `page` writes.
"""

from collections.abc import Sequence
from pathlib import Path

from deepenough.report.naming import display_name
from deepenough.report.tables.numbers import duration
from deepenough.report.words import headline, next_steps, sentences

__all__ = ["display_name", "duration", "headline", "next_steps", "sentences", "write"]


def write(folder: Path, *, costs: Sequence[Path] = (), images: bool = True, language: str = "en") -> tuple[Path, Path]:
    """Write `report.html` and `report.md` into a study folder, anew if they are there; see `page.write`."""
    from deepenough.report import page  # matplotlib and jinja2 take a second: only who writes a page waits for them

    return page.write(folder, costs=costs, images=images, language=language)
