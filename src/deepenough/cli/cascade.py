"""`deepenough cascade`: the third answers of a finished study, a cascade and an average of its two networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deepenough.cli import _options, _output


def cascade(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A study's folder, with verdict.json in it.")],
    within: Annotated[
        float | None,
        typer.Option(
            "--within",
            metavar="POINTS",
            help="How far below its best on validation the cascade may stay; the study's margin by default.",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            "--share", help="Instead: pass on no more than this share of the images, from 0 to 1.", show_default=False
        ),
    ] = None,
    networks: Annotated[
        bool,
        typer.Option(
            "--networks/--no-networks", help="Ask the networks again, for their average and the end-to-end time."
        ),
    ] = True,
    source: _options.PlaceOption = None,
    threads: _options.StudyThreadsOption = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Say what both networks are worth together: a cascade, and an average.

    The cascade asks the small network first and the big one only where the small one is unsure. Its threshold of
    confidence is chosen on the validation images, for each seed, and judged on the test images, with the intervals of
    any contender. It is timed end to end. See docs/cascade.md.

    \b
    Examples:
      deepenough cascade runs/demo
      deepenough cascade runs/demo --share 0.2
      deepenough cascade runs/demo --no-networks --json
    """
    from deepenough.report import third as words
    from deepenough.studies.finished import open_finished
    from deepenough.studies.store import hold
    from deepenough.studies.third import third_answers

    tell = _output.teller(as_json=as_json)
    finished = open_finished(folder, source=source, threads=threads)
    with hold(folder):
        found = third_answers(finished, within=within, share=share, networks=networks, tell=tell)
    if as_json:
        _output.say_json(found)
        return
    for sentence in words.sentences(found):
        _output.say(sentence)
    _output.say()
    for block in words.lines(found):
        _output.say_lines(_output.table(*block))
        _output.say()
    for note in found.notes:
        _output.say(note)
    _output.say(f"Written to {folder / 'third.json'}; renew the page with: deepenough report {folder}")
