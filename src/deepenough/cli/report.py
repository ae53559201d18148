"""`deepenough report`: write the page and its text anew from a study folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deepenough.cli import _options, _output


def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A study's folder, with verdict.json in it.")],
    costs: Annotated[
        list[Path] | None,
        typer.Option("--costs", metavar="FILE", help="Costs from another machine, to show beside; may be repeated."),
    ] = None,
    images: Annotated[bool, typer.Option("--images/--no-images", help="Whether the page may show pictures.")] = True,
    language: _options.LanguageOption = "en",
    as_json: _options.JsonOption = False,
) -> None:
    """Write report.html and report.md anew from what a study left in its folder.

    Needs neither the images nor torch nor a network; the page can be sent to others as it is, and holds the outcomes
    that its numbers come from (see deepenough verify).

    \b
    Examples:
      deepenough report runs/demo
      deepenough report runs/demo --no-images
      deepenough report runs/demo --lang zh
      deepenough report runs/demo --costs gpu/costs.parquet
    """
    from deepenough import records
    from deepenough.report import headline, write
    from deepenough.studies.store import hold

    with hold(folder):
        html, markdown = write(folder, costs=costs or (), images=images, language=language)
    said = headline(records.read_verdict(folder))
    if as_json:
        _output.say_json(
            {"html": str(html), "markdown": str(markdown), "html_bytes": html.stat().st_size, "headline": said}
        )
        return
    _output.say(said)
    _output.say(f"Written to {html} and {markdown}.")
