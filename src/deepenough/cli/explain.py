"""`deepenough explain`: which of a finished study's two networks explains itself better."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deepenough.cli import _options, _output, _values


def explain(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A study's folder, with verdict.json in it.")],
    method: Annotated[
        str, typer.Option(metavar="NAME", help="Of the maps: gradcam, gradcampp, hirescam or layercam.")
    ] = "gradcam",
    scales: Annotated[
        str | None,
        typer.Option(metavar="PX,PX", help="Further image sides; the verdict's is always there.", show_default=False),
    ] = None,
    pictures: Annotated[int, typer.Option(min=2, help="How many test images.")] = 200,
    steps: Annotated[int, typer.Option(min=2, max=256, help="Of each curve.")] = 16,
    source: _options.PlaceOption = None,
    threads: _options.StudyThreadsOption = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Erase test images in the order of each network's own map, and say which network explains itself better.

    Deletion and insertion of Petsiuk et al. 2018, each held against an order by chance; a gain with its interval over
    seeds and images. Also how far around a place each stage looks. A call that was stopped goes on. See
    docs/explain.md.

    \b
    Examples:
      deepenough explain runs/my_photos
      deepenough explain runs/my_photos --method layercam --pictures 500
      deepenough explain runs/my_photos --scales 64,96,128
    """
    from typing import cast

    from deepenough.evaluation.explanation import Method
    from deepenough.studies.explaining import explain as explained
    from deepenough.studies.finished import open_finished
    from deepenough.studies.store import hold

    sides = _values.numbers(scales or "", "--scales", "of pixels, such as 64,96,128")
    tell = _output.teller(as_json=as_json)
    finished = open_finished(folder, source=source, threads=threads)
    with hold(folder):
        found = explained(finished, cast("Method", method), scales=sides, pictures=pictures, steps=steps, tell=tell)
    if as_json:
        _output.say_json(found)
        return
    from deepenough.report import explaining as words
    from deepenough.report.tables import explaining as tables

    for sentence in words.sentences(found):
        _output.say(sentence)
    below = [(tables.areas(found), 3), *((each, 1) for each in tables.by_scale(found)), (tables.fields(found), 1)]
    for made, whole in below:  # from which column on with what is below
        rows = [[*(cell.text for cell in row[:whole]), *map(str, row[whole:])] for row in made.rows]
        _output.say()
        _output.say_lines(_output.table([column.title for column in made.columns], rows))
        _output.say(made.note)
    _output.say()
    _output.say(f"Written to {folder / 'explanations.json'}; renew the page with: deepenough report {folder}")
