"""`deepenough tune`: the network that suits a budget, searched for on your images and then compared like any other."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from deepenough.cli import _options, _output, _values

_SHOWN = 5  # trials
_WIDE = 44  # characters of a network


def tune(  # noqa: PLR0913  one option a parameter
    source: Annotated[
        str, typer.Argument(metavar="SOURCE|STUDY", help="As for compare: a folder, a manifest, a study file, digits.")
    ] = "digits",
    budget_latency_ms: Annotated[
        float | None, typer.Option(metavar="MS", help="Most milliseconds for one image, on this machine.")
    ] = None,
    budget_macs: Annotated[
        str | None, typer.Option(metavar="N", help="Most multiply-accumulates of one image: 20M, 2G.")
    ] = None,
    budget_params: Annotated[str | None, typer.Option(metavar="N", help="Most weights: 500k, 20M.")] = None,
    trials: Annotated[int, typer.Option(help="Networks to train, those ended early among them.", min=1)] = 30,
    budget_hours: Annotated[
        float | None,
        typer.Option(metavar="H", help="Hours for all: fits the epochs.  [default: 1, without --epochs]", min=0.01),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the search is kept, to share it: sqlite:///F, postgresql://..."),
    ] = None,
    sides: Annotated[
        str | None, typer.Option(metavar="PX,PX", help="Image sides to try.  [default: by the images, up to 3]")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Fresh trainings of the winner and its rivals.  [default: 3]", min=1)
    ] = None,
    margin: Annotated[float | None, typer.Option(help="Gain too small to pay for, in points.  [default: 0.5]")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Images a training step.", min=2)] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", "--lr", metavar="RATE", help="What the search multiplies.")
    ] = None,
    sampler: Annotated[str, typer.Option(help="Who proposes: tpe or random.")] = "tpe",
    seed: Annotated[int, typer.Option(help="Of the proposals.", min=0)] = 0,
    halving: Annotated[
        bool, typer.Option("--halving/--no-halving", help="End trials early that a paired test shows to be worse.")
    ] = True,
    confirm: Annotated[
        bool | None,
        typer.Option(
            "--confirm/--no-confirm",
            help="Train the winner anew beside resnet50 and resnet101.  [default: where the hours suffice]",
        ),
    ] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.  [default: auto, by measurement]")] = None,
    threads: Annotated[int | None, typer.Option(help="Torch's threads.  [default: all cores]", min=1)] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that augment.  [default: 1]", min=0)] = None,
    executor: _options.ExecutorOption = "local",
    ray_address: _options.RayAddressOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the search.  [default: runs/NAME-tune]")] = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Search for the network that suits a budget, and compare it with ResNet-50 and ResNet-101.

    Blocks, width, kernels, stem, groups, Res2Net's scale, head, image side, learning rate and regularisation are
    searched; nothing above the budget is trained. The winner is trained anew with fresh seeds and judged on test images
    that the search never saw. The same command goes on after a stop, or joins a search that runs.

    \b
    Examples:
      deepenough tune my_photos/ --budget-macs 2G --trials 40
      deepenough tune my_photos/ --budget-latency-ms 40 --budget-hours 8
      deepenough tune my_photos/ --budget-params 20M --executor ray --threads 1
    """
    from deepenough.search.budget import Budget, amount

    began = time.monotonic()
    budget = Budget(
        latency_ms=budget_latency_ms,
        macs=None if budget_macs is None else amount(budget_macs, "--budget-macs"),
        parameters=None if budget_params is None else amount(budget_params, "--budget-params"),
    )
    from deepenough.api import executor_of
    from deepenough.cli._progress import Terminal
    from deepenough.studies.asking import folder_of, request_of
    from deepenough.studies.tune import Asked, searched

    request = request_of(
        source,
        {
            "seeds": seeds,
            "margin": margin,
            "epochs": epochs,
            "batch": batch,
            "precision": precision,
            "threads": threads,
            "workers": workers,
            "recipe": {"learning_rate": learning_rate},
        },
        where="option",
    )
    asked = Asked(
        study=request,
        budget=budget,
        trials=trials,
        sides=None if sides is None else tuple(_values.numbers(sides, "--sides", "of pixels")),
        hours=budget_hours,
        sampler=sampler,
        seed=seed,
        storage=storage,
        early=halving,
    )
    folder = out or folder_of(source).with_name(f"{folder_of(source).name}-tune")
    command = shlex.join(["deepenough", *sys.argv[1:]])
    by, told = executor_of(executor, ray_address), Terminal(quiet=as_json)
    record = searched(asked, folder, confirm=confirm, listener=told, command=command, began=began, executor=by)
    if "confirmed" in record:
        from deepenough import report
        from deepenough.studies.store import hold

        with hold(folder / "confirm"):
            report.write(folder / "confirm")
    if as_json:
        _output.say_json(record)
        return
    _say(record, folder)


def _say(record: Mapping[str, Any], folder: Path) -> None:
    from deepenough.report.tables import numbers
    from deepenough.report.tables.tune import best_first

    last = str(record["rungs"][-1])
    counted = {status: sum(each["status"] == status for each in record["trials"]) for status in ("trained", "ended")}
    _output.say()
    _output.say(
        f"{counted['trained']} networks trained to their end, {counted['ended']} ended early, on "
        f"{record['samples']} validation images; none above the budget."
    )
    rows = [
        (
            each["number"],
            numbers.fixed(record["multiplier"] * each["rungs"][last]["mean"], 1),
            numbers.millions(each["macs"]),
            numbers.millions(each["parameters"]),
            numbers.shortened(each["contender"], _WIDE),
        )
        for each in best_first(record)[:_SHOWN]
    ]
    _output.say_lines(_output.table(("trial", record["metric"], "MACs, M", "weights, M", "network"), rows))
    if record["winner"] is None:
        _output.say("No trial came to its end: allow more trials or hours; the same command goes on.")
        return
    if record["still_running"]:
        _output.say("Trials of other processes still run; the last to end trains the winner anew.")
        return
    _output.say()
    _output.say("What the best of several scored on validation is too good to be true of new images.")
    found = record.get("confirmed")
    if found is None:
        study = folder / "confirm.yaml"
        _output.say(f"Its own study, with fresh seeds: deepenough compare {study} --out {folder / 'confirm'}")
        return
    for pair in found["pairs"]:
        low, high = (numbers.signed(end, 1) for end in pair["interval"])
        _output.say(
            f"With fresh seeds, on test images: {pair['big']} minus {pair['small']} is "
            f"{numbers.signed(pair['difference'], 1)} {record['unit']} ({low} to {high})."
        )
    _output.say(f"Report: {folder / 'confirm' / 'report.html'}")
