"""`deepenough verdict`: decide from a study folder, or from predictions that came from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepenough.cli import _options, _output

if TYPE_CHECKING:
    from deepenough.records import Verdict


def verdict(
    source: Annotated[
        Path, typer.Argument(metavar="FOLDER|PREDICTIONS", help="A study's folder, or predictions in CSV or Parquet.")
    ],
    margin: Annotated[
        float | None,
        typer.Option(
            help="The gain too small to pay for, in points; the study's own where left out.", show_default=False
        ),
    ] = None,
    small: _options.SmallOption = None,
    big: _options.BigOption = None,
    scale: Annotated[
        int | None,
        typer.Option(
            help="Decide at this image side in pixels; otherwise the one chosen on validation.", show_default=False
        ),
    ] = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Decide anew from a study's scores or anybody's predictions.

    Needs neither the images nor torch, and takes about a second. In a study folder, verdict.json is rewritten; a margin
    that differs from the one declared before the results were known is named as such in the verdict.

    Predictions are a table with the columns sample_id, target, contender, seed, prediction.

    \b
    Examples:
      deepenough verdict runs/demo --margin 1
      deepenough verdict predictions.csv --margin 0.5 --json
    """
    from deepenough.cli import _redecide, _slicing

    wish = _redecide.Wish(margin=margin, small=small, big=big, scale=scale)
    decided = _redecide.in_folder(source, wish) if source.is_dir() else _redecide.from_predictions(source, wish)
    if source.is_dir():
        _slicing.renew(source, decided)
    if as_json:
        _output.say_json(decided)
        return
    say_verdict(decided)
    if source.is_dir():
        _output.say()
        _output.say(
            f"Written to {source / 'verdict.json'} and slices.parquet; renew the page with: deepenough report {source}"
        )


def say_verdict(decided: Verdict) -> None:
    """Print a verdict: headline, sentences, caveats."""
    from deepenough.report import words

    _output.say(words.headline(decided))
    _output.say()
    for sentence in words.sentences(decided):
        _output.say(sentence)
    if decided.caveats:
        _output.say()
        _output.say("Bear in mind:")
    for caveat in decided.caveats:
        _output.say(caveat, indent="- ", hanging="  ")
