"""`deepenough paper`: a study's tables, figures, methods and sources, for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deepenough.cli import _options, _output


def paper(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A study's folder, with verdict.json in it.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the files go.  [default: paper, in FOLDER]")
    ] = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Write a study's tables, figures, methods and sources for a paper.

    LaTeX with booktabs and the same in Markdown; figures 8.5 cm wide as SVG and PDF; a paragraph on methods that says
    what was done; BibTeX of the works that were used. Needs neither the images nor torch. See docs/paper.md.

    \b
    Examples:
      deepenough paper runs/demo
      deepenough paper runs/demo --out article/study
    """
    from deepenough.report.paper import write

    written = write(folder, out or folder / "paper")
    if as_json:
        _output.say_json({"files": [str(path) for path in written]})
        return
    _output.say(f"{len(written)} files in {written[0].parent}; begin with paper.tex or paper.md.")
