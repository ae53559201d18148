"""`deepenough evaluate`: a finished study's networks on corrupted copies of its test images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepenough.cli import _options, _output, _values

if TYPE_CHECKING:
    from deepenough.records.robustness import Robustness


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A study's folder, with verdict.json in it.")],
    corruptions: Annotated[
        str,
        typer.Option(
            metavar="A,B", help="all; noise, blur, weather, digital; or single ones, such as fog,jpeg_compression."
        ),
    ] = "all",
    severities: Annotated[str, typer.Option(metavar="1,3,5", help="From 1, slight, to 5, severe.")] = "1,2,3,4,5",
    source: _options.PlaceOption = None,
    threads: _options.StudyThreadsOption = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Test both networks on corrupted copies of the test images, and say which holds up.

    The 15 common corruptions of Hendrycks and Dietterich 2019 at five severities, drawn from each image's id, so that
    every network meets the same copies. A call that was stopped goes on. See docs/robustness.md.

    \b
    Examples:
      deepenough evaluate runs/demo
      deepenough evaluate runs/demo --corruptions noise,fog --severities 3
    """
    found = evaluated(folder, corruptions, severities, source=source, threads=threads, as_json=as_json)
    if as_json:
        _output.say_json(found)
        return
    say(found)
    _output.say(f"Written to {folder / 'robustness.json'}; renew the page with: deepenough report {folder}")


def evaluated(
    folder: Path,
    corruptions: str,
    severities: str,
    *,
    source: str | None = None,
    threads: int | None = None,
    as_json: bool = False,
) -> Robustness:
    """Do what `evaluate` does, and print nothing of the answer."""
    from deepenough.data.corruptions import named
    from deepenough.studies.finished import open_finished
    from deepenough.studies.robustness import evaluate_corrupted
    from deepenough.studies.store import hold

    levels = _values.numbers(severities, "--severities", "from 1 to 5, such as 1,3,5")
    names = named(corruptions)

    tell = _output.teller(as_json=as_json)
    finished = open_finished(folder, source=source, threads=threads)
    with hold(folder):
        return evaluate_corrupted(finished, names, levels, tell=tell)


def say(found: Robustness) -> None:
    """Print the answer: sentences and the table."""
    from deepenough.report import robustness as words

    for sentence in words.sentences(found):
        _output.say(sentence)
    _output.say()
    _output.say_lines(_output.table(*words.lines(found)))
    _output.say()
