"""`deepenough curves`: accuracy over images, time, size and side for both depths, and where they cross."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from deepenough.cli import _options, _output, _values


def curves(  # noqa: PLR0913  one option a parameter
    source: Annotated[
        str,
        typer.Argument(metavar="FOLDER|SOURCE|STUDY", help="A finished study, or what compare takes: trained anew."),
    ] = "digits",
    axes: Annotated[str, typer.Option(metavar="A,B", help="all, or some of images, time, size, side.")] = "all",
    seeds: Annotated[int | None, typer.Option(help="Trainings of each setting.  [default: 3]", min=2)] = None,
    train_scale: Annotated[int | None, typer.Option(metavar="PX", help="Image side in training.")] = None,
    scales: Annotated[str | None, typer.Option(metavar="PX,PX", help="Image sides at test.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Images a training step.", min=2)] = None,
    budget_hours: Annotated[
        float | None,
        typer.Option(metavar="H", help="Hours for all: fits what is not given.  [default: 1]", min=0.01),
    ] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.  [default: auto, by measurement]")] = None,
    threads: Annotated[int | None, typer.Option(help="Torch's threads.  [default: all cores]", min=1)] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that augment.  [default: 1]", min=0)] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the study.  [default: runs/NAME-curves]")] = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Draw accuracy over training images, training time, network size and image side, for both depths.

    Each setting is trained like any contender; bands and the interval of a crossing are over seeds and test images. A
    power law says what twice the images or time would bring, where it foretold the last setting from the others.

    \b
    Examples:
      deepenough curves my_photos/ --axes images,time --budget-hours 8
      deepenough curves runs/my_photos --axes side
    """
    from deepenough import report
    from deepenough.studies.curving import axes_of, conclude_curves, curves_study
    from deepenough.studies.store import hold

    asked = axes_of(axes)
    folder = Path(source)
    if not (folder / "verdict.json").is_file():
        from deepenough.cli._progress import Terminal
        from deepenough.studies import run_study
        from deepenough.studies.asking import folder_of, request_of

        request = request_of(
            source,
            {
                "seeds": seeds,
                "train_scale": train_scale,
                "scales": None if scales is None else tuple(_values.numbers(scales, "--scales", "of pixels")),
                "epochs": epochs,
                "batch": batch,
                "budget": None if budget_hours is None else f"{budget_hours * 3600:.0f}s",
                "precision": precision,
                "threads": threads,
                "workers": workers,
            },
            where="option",
        )
        folder = out or folder_of(source).with_name(f"{folder_of(source).name}-curves")
        command = shlex.join(["deepenough", *sys.argv[1:]])
        run_study(curves_study(request, asked), folder, listener=Terminal(quiet=as_json), command=command)
    with hold(folder):
        record = conclude_curves(folder, asked)
        report.write(folder)
    if as_json:
        _output.say_json(record)
        return
    _say(record)
    _output.say(f"Report: {folder / 'report.html'}")


def _say(record: Mapping[str, Any]) -> None:
    from deepenough.report.tables import curves as tables

    for found in record["curves"]:
        table = tables.settings(record, found)
        _output.say()
        _output.say(table.caption)
        heads = [column.title for column in table.columns]
        _output.say_lines(_output.table(heads, [[str(cell) for cell in row] for row in table.rows]))
        for sentence in tables.sentences(record, found):
            _output.say(sentence)
    _output.say()
    _output.say(f"{record['samples']} test images, {record['seeds']} trainings of each. Intervals are at 95 %.")
