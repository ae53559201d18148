"""`deepenough verdict`: decide from a study folder, or from predictions that came from anywhere."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepenough.cli import _options, _output

if TYPE_CHECKING:
    from deepenough.cli._foreign import Files
    from deepenough.cli._redecide import Wish
    from deepenough.records import Verdict

_METRICS = "accuracy, macro_f1, balanced_accuracy, auroc or average_precision"


def verdict(  # noqa: PLR0913  one option, one argument
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER|PREDICTIONS...",
            help="A study's folder, or files of predictions: CSV, Parquet, JSON.",
            show_default=False,
        ),
    ] = None,
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
    metric: Annotated[str | None, typer.Option(metavar="NAME", help=f"Decide by this: {_METRICS}.")] = None,
    positive: Annotated[
        str | None, typer.Option(metavar="CLASS", help="The class that is looked for, for auroc and its like.")
    ] = None,
    group_column: Annotated[
        str | None,
        typer.Option("--group-column", metavar="NAME", help="Samples alike in this column depend on each other."),
    ] = None,
    paired_seeds: Annotated[
        bool | None,
        typer.Option(
            "--paired-seeds/--independent-seeds",
            help="Run s of one network shares with run s of the other what its seed fixes; see the protocol.",
            show_default=False,
        ),
    ] = None,
    run: _options.RunOption = None,
    targets: _options.TargetsOption = None,
    classes: _options.ClassesOption = None,
    form: _options.FormOption = None,
    values: _options.ValuesOption = "labels",
    common: Annotated[bool, typer.Option("--common", help="Decide on the samples that all runs share.")] = False,
    missing: Annotated[
        str,
        typer.Option(metavar="MODE", help="Samples that some run lacks: refuse, or allow where chance left them out."),
    ] = "refuse",
    list_unmatched: Annotated[
        Path | None,
        typer.Option("--list-unmatched", metavar="FILE", help="Write the samples that some run lacks, as CSV."),
    ] = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Decide anew from a study's scores or anybody's predictions.

    Needs neither the images nor torch, and takes about a second. In a study folder, verdict.json is rewritten; what
    differs from what was declared before the results were known is named as such in the verdict.

    Predictions may be a table with the columns sample_id, target, contender, seed, prediction; one with a column for
    each run; a file for each run, of timm's inference.py too; or an export of FiftyOne. See docs/predictions.md.

    \b
    Examples:
      deepenough verdict runs/demo --margin 1
      deepenough verdict predictions.csv --margin 0.5 --json
      deepenough verdict r50_s0.csv r50_s1.csv r101_s0.csv r101_s1.csv
    """
    from deepenough.cli import _foreign, _redecide

    wish = _redecide.Wish(
        margin=margin,
        small=small,
        big=big,
        scale=scale,
        metric=metric,
        positive=positive,
        group_column=group_column,
        paired_seeds=paired_seeds,
    )
    files = _foreign.Files(
        paths=tuple(sources or ()),
        runs=tuple(run or ()),
        form=form,
        values=values,
        targets=targets,
        classes=classes,
        group_column=group_column,
        common=common,
        missing=missing,
        list_unmatched=list_unmatched,
    )
    with _no_garbage():
        if len(files.paths) == 1 and files.paths[0].is_dir():
            _say_folder(files, wish, as_json=as_json)
        else:
            _say_files(files, wish, as_json=as_json)


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Without the search for cyclic garbage, here and when Python ends: 0.2 of 1.0 s, and next to none is made."""
    atexit.register(gc.freeze)
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _say_folder(files: Files, wish: Wish, *, as_json: bool) -> None:
    from deepenough.cli import _redecide, _slicing
    from deepenough.studies.store import hold

    folder = files.paths[0]
    files.refuse_beside(folder)
    with hold(folder):
        sliced = _slicing.pair_of(folder)  # first: a torn file must not leave a new verdict beside old slices
        decided = _redecide.in_folder(folder, wish)
        _slicing.renew(folder, decided, sliced)
    if as_json:
        _output.say_json(decided)
        return
    say_verdict(decided)
    _say_third(folder, decided)
    _output.say()
    _output.say(f"Written to {folder / 'verdict.json'}; renew the page with: deepenough report {folder}")


def _say_third(folder: Path, decided: Verdict) -> None:
    """What a cascade and an average were found to be worth, where they were asked for and the question is the same."""
    path = folder / "third.json"
    if not path.is_file():
        return
    from deepenough.records import read_json, third_from_json
    from deepenough.report import third

    found = third_from_json(read_json(path))
    _output.say()
    if not third.same_question(found, decided):
        _output.say(f"The third answers in {path} are to another question; anew: deepenough cascade {folder}")
        return
    for sentence in third.sentences(found):
        _output.say(sentence)


def _say_files(files: Files, wish: Wish, *, as_json: bool) -> None:
    from dataclasses import asdict

    from deepenough.cli import _foreign

    settled = _foreign.from_predictions(files, wish)
    if as_json:
        _output.say_json({**asdict(settled.verdict), "read_as": settled.read_as})
        return
    say_verdict(settled.verdict)
    _output.say()
    for line in settled.read_as:
        _output.say(line)


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
