"""`deepenough ablate`: what each of the article's levers buys on your images, and at what cost."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from deepenough.cli import _options, _output, _values

_SHOWN = 34  # characters of a setting


def ablate(  # noqa: PLR0913  one option a parameter
    source: Annotated[
        str, typer.Argument(metavar="SOURCE|STUDY", help="As for compare: a folder, a manifest, a study file, digits.")
    ] = "digits",
    contender: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]",
            help="Move the levers of this one alone, or of the same at both depths.  [default: resnet50,resnet101]",
        ),
    ] = None,
    levers: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="all, or some of depth, layers, width, kernels, kernel, structure, time, preprocessing, algorithm, "
            "rate, diversity.",
        ),
    ] = "all",
    seeds: Annotated[int | None, typer.Option(help="Trainings of each setting.  [default: 3]", min=2)] = None,
    train_scale: Annotated[int | None, typer.Option(metavar="PX", help="Image side in training and test.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Images a training step.", min=2)] = None,
    budget_hours: Annotated[
        float | None,
        typer.Option(metavar="H", help="Hours for all: fits what is not given.  [default: 1]", min=0.01),
    ] = None,
    learning_rate: Annotated[
        str | None,
        typer.Option("--learning-rate", "--lr", metavar="RATE", help="The peak, or auto.  [default: by optimizer]"),
    ] = None,
    at_once: Annotated[int | None, typer.Option(help="Networks in memory at a time.  [default: 4]", min=1)] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.  [default: auto, by measurement]")] = None,
    threads: Annotated[int | None, typer.Option(help="Torch's threads.  [default: all cores]", min=1)] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that augment.  [default: 1]", min=0)] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the ablation.  [default: runs/NAME-ablation]")] = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Say what each lever of network and training buys on your images, and at what cost.

    Each setting changes one thing and is trained on the seeds of the base; its effect has an interval, and p-values are
    Holm's over all effects. Prints the plan before it begins; goes on where it was by the same command.

    \b
    Examples:
      deepenough ablate my_photos/ --budget-hours 8
      deepenough ablate my_photos/ --contender resnet50 --levers width,kernel,time
    """
    from deepenough.search.levers import chosen
    from deepenough.studies.asking import folder_of, request_of

    asked = chosen(levers)
    request = request_of(
        source,
        {
            "seeds": seeds,
            "train_scale": train_scale,
            "scales": None if train_scale is None else (train_scale,),
            "epochs": epochs,
            "batch": batch,
            "budget": None if budget_hours is None else f"{budget_hours * 3600:.0f}s",
            "at_once": at_once,
            "precision": precision,
            "threads": threads,
            "workers": workers,
            "recipe": {"learning_rate": _values.rate(learning_rate)},
        },
        where="option",
    )
    from deepenough.studies.ablating import ablation_of

    study, settings = ablation_of(request, None if contender is None else _values.parts(contender), asked)
    folder = out or folder_of(source).with_name(f"{folder_of(source).name}-ablation")
    from deepenough import report
    from deepenough.cli._progress import Terminal
    from deepenough.studies import run_study
    from deepenough.studies.ablating import conclude
    from deepenough.studies.store import hold

    command = shlex.join(["deepenough", *sys.argv[1:]])
    run_study(study, folder, listener=Terminal(quiet=as_json), command=command)
    with hold(folder):
        record = conclude(folder, settings, asked)
        report.write(folder)
    if as_json:
        _output.say_json(record)
        return
    _say(record)
    _output.say(f"Report: {folder / 'report.html'}")


def _say(record: Mapping[str, Any]) -> None:
    from deepenough.report import display_name

    unit = record["unit"]
    for base in record["bases"]:
        _output.say()
        _output.say(
            f"{display_name(base)}: effect of each setting in {unit} of {record['metric']} at {record['scale']} px"
        )
        own = [each for each in record["effects"] if each["base"] == base]
        _output.say_lines(_output.table(("setting", "effect", "interval", "p", "time", "MACs"), _rows(own)))
    if record["interactions"]:
        _output.say()
        _output.say(f"How much more each buys at the larger depth, {unit}")
        _output.say_lines(
            _output.table(("setting", "more", "interval", "p"), [row[:4] for row in _rows(record["interactions"])])
        )
    _output.say()
    _output.say(
        f"{record['samples']} test samples, {record['seeds']} trainings of each. Intervals are at 95 %, each for "
        "itself; p is Holm's over all effects, of all bases. Time and MACs are factors of the base's."
    )


def _rows(effects: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    from deepenough.report.tables import numbers

    return [
        (
            numbers.shortened(f"{each['lever']}: {each['label']}", _SHOWN),
            numbers.signed(each["difference"], 1),
            numbers.interval(each["interval"], 1),
            numbers.probability(each["p_adjusted"]),
            numbers.ratio(each["costs"].get("training_s")),
            numbers.ratio(each["costs"].get("macs")),
        )
        for each in sorted(effects, key=lambda each: -abs(each["difference"] or 0.0))
    ]
