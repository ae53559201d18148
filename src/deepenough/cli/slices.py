"""`deepenough slices`: which network wins in which class, image size, shape or column of the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepenough.cli import _options, _output

if TYPE_CHECKING:
    import polars as pl

    from deepenough.cli._slicing import Sliced

_MOST_IDS = 20  # a slice, with --json
_MOST_ROWS = 40  # a column, as text
_NAME = 26  # columns of the terminal for a level


def slices(  # noqa: PLR0913  one option, one argument
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER|PREDICTIONS...",
            help="A study's folder, or files of predictions in any form that verdict reads.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="COLUMN,...", help="Only these: class, size, aspect, a column of the manifest.")
    ] = "",
    scale: Annotated[
        int | None, typer.Option(help="At this image side in pixels; otherwise the deciding one.", show_default=False)
    ] = None,
    small: _options.SmallOption = None,
    big: _options.BigOption = None,
    run: _options.RunOption = None,
    targets: _options.TargetsOption = None,
    classes: _options.ClassesOption = None,
    form: _options.FormOption = None,
    values: _options.ValuesOption = "labels",
    as_json: _options.JsonOption = False,
) -> None:
    """List the gain of the big network in every slice of the test images.

    A slice is a class, a range of sizes, a shape, or a value of any further column of the manifest or of predictions in
    the forms long and single; see docs/predictions.md for the forms.
    q is the false discovery rate over all slices and scales of the study, whatever is shown: of those with q up to
    0.05 at most 5 % are there by chance. Confidence and predictions are outcomes and cannot be sliced by.

    \b
    Examples:
      deepenough slices runs/demo
      deepenough slices runs/my_photos --by class,size --scale 64 --json
      deepenough slices r50_s0.csv r50_s1.csv r101_s0.csv r101_s1.csv
    """
    from deepenough.cli import _foreign, _slicing

    files = _foreign.Files(
        paths=tuple(sources or ()), runs=tuple(run or ()), form=form, values=values, targets=targets, classes=classes
    )
    if len(files.paths) == 1 and files.paths[0].is_dir():
        files.refuse_beside(files.paths[0])
        sliced = _slicing.in_folder(files.paths[0], small=small, big=big)
    else:
        sliced = _slicing.from_predictions(files, small=small, big=big)
    shown = sliced.shown([name.strip() for name in by.split(",") if name.strip()], scale)
    if as_json:
        _output.say_json({"unit": sliced.unit, "metric": sliced.metric, "slices": _with_samples(shown, sliced)})
    else:
        _say(shown, f"{sliced.unit} of {sliced.metric}" if sliced.metric else sliced.unit)
        if sliced.level != 0.95 and not shown.is_empty():
            _output.say(
                f"The verdict's intervals are at {100 * sliced.level:.4g} %, at which all its looks hold together; "
                "those of slices stay at 95 %, as for a study that is looked at once."
            )


def _with_samples(shown: pl.DataFrame, sliced: Sliced) -> list[dict[str, object]]:
    """The rows, each with the samples on which the two differ most."""
    from deepenough.comparison import differing_samples

    if shown.is_empty():
        return []
    first = shown.row(0, named=True)
    pair = {"small": first["small"], "big": first["big"], "scale": first["scale"]}
    behind = differing_samples(sliced.scores, sliced.samples, **pair, most=_MOST_IDS)
    return [{**row, "sample_ids": behind[row["column"], row["level"]]} for row in shown.iter_rows(named=True)]


def _say(shown: pl.DataFrame, unit: str) -> None:
    from deepenough.comparison.slices import FALSE_SHARE, FEW
    from deepenough.report import display_name

    if shown.is_empty():
        _output.say("Nothing to slice by: the test images are all alike in class, size and shape.")
        return
    first = shown.row(0, named=True)
    small, big = display_name(first["small"]), display_name(first["big"])
    at = f" at {first['scale']} px" if first["scale"] > 0 else ""
    decimals = 1 if unit == "points" else _decimals(shown)
    _output.say(f"Gain of {big} over {small}{at}, {unit}; interval 95 %, for each slice alone.")
    for column in shown["column"].unique(maintain_order=True):
        _output.say()
        _say_column(str(column), shown.filter(shown["column"] == column), decimals)
    _output.say()
    marked = shown.filter(shown["q_value"] <= FALSE_SHARE).height
    wins = f"images that {big} gets right more often" if unit == "points" else f"images on which {big} scores higher"
    _output.say(
        f"{marked} of these {shown.height} slices have q of at most {FALSE_SHARE:g}. Wins: {wins}, and those "
        f"{'that' if unit == 'points' else 'on which'} {small} does. *: fewer than {FEW} images."
    )
    if shown["q_value"].null_count() == shown.height:
        _output.say("With two seeds the far tail is not known and there is no q: train a third.")


def _decimals(shown: pl.DataFrame) -> int:
    """As many as two digits of a middling interval's half width take."""
    from deepenough.report.tables import numbers

    middling = (shown["high"] - shown["low"]).median()
    return numbers.decimals_for(middling / 4 if isinstance(middling, float) else 0.0)


def _say_column(column: str, shown: pl.DataFrame, decimals: int) -> None:
    from deepenough.comparison.slices import FEW
    from deepenough.report.tables import numbers

    rows = shown.sort("q_value", "p_value", "level", nulls_last=True).to_dicts()
    lines = [
        (
            numbers.shortened(row["level"], _NAME),
            f"{numbers.count(row['samples'])}{'*' if row['samples'] < FEW else ''}",
            numbers.signed(row["difference"], decimals),
            numbers.interval((row["low"], row["high"]), decimals),
            numbers.probability(row["q_value"]),
            f"{row['only_big']}:{row['only_small']}",
        )
        for row in rows[:_MOST_ROWS]
    ]
    heads = (numbers.shortened(column, _NAME), "images", "gain", "interval", "q", "wins")
    _output.say_lines(_output.table(heads, lines))
    if len(rows) > _MOST_ROWS:
        _output.say(f"... and {numbers.count(len(rows) - _MOST_ROWS)} more; --json lists all.")
