"""`deepenough compare`: the main job."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepenough.cli import _launch, _options, _output, _values
from deepenough.tasks.registry import TASKS

if TYPE_CHECKING:
    from deepenough.records import Verdict


_TASKS = ", ".join(TASKS)

_SIDES = "of pixels, such as 64,96,128"


def compare(  # noqa: PLR0913  one option a parameter
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE|STUDY",
            help="A folder of class folders, a manifest (.csv, .parquet), tar shards, a folder that datasets saved, "
            "torchvision:NAME, a study file (.yaml), or digits, the tiny set that comes with the program.",
        ),
    ] = "digits",
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"What is asked of the images: {_TASKS}.  [default: classification]"),
    ] = None,
    task_options: Annotated[
        list[str] | None,
        typer.Option("--task-option", metavar="NAME=VALUE", help="An option of the task; may be repeated."),
    ] = None,
    allow_outside: _options.AllowOutsideOption = False,
    contenders: Annotated[
        str | None, typer.Option(metavar="A,B", help="Networks to compare.  [default: resnet50,resnet101]")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Trainings of each network.  [default: 3]", min=1)] = None,
    looks: Annotated[
        str | None,
        typer.Option(metavar="K,K", help="Decide after so many seeds, such as 3,5,8,12, and stop when settled."),
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="The gain too small to pay for, in points, declared now.  [default: 0.5]")
    ] = None,
    train_scale: Annotated[int | None, typer.Option(metavar="PX", help="Image side in training.")] = None,
    scales: Annotated[str | None, typer.Option(metavar="PX,PX", help="Image sides at test.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.", min=1)] = None,
    batch: Annotated[
        str | None,
        typer.Option(metavar="N", help="Images a training step, or auto: in parts as memory and speed here ask for."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Time for all, such as 30m: fits what is not given.  [default: 1h]"),
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw, sgd or lamb.  [default: adamw]")] = None,
    learning_rate: Annotated[
        str | None,
        typer.Option(
            "--learning-rate",
            "--lr",
            metavar="RATE",
            help="The peak, or auto: found for each network by range tests.  [default: by optimizer]",
        ),
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(metavar="PART", help="all, or head: a linear probe of the starting weights.  [default: all]"),
    ] = None,
    layer_decay: Annotated[
        float | None,
        typer.Option(
            help="Factor of the learning rate from each part to the one before it, such as 0.7.  [default: off]"
        ),
    ] = None,
    augmentation: Annotated[
        str | None, typer.Option(help="auto, light, standard or strong.  [default: auto, by epochs]")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN|NAME=ORIGIN",
            help="Starting weights: auto, none, torchvision:RECIPE or timm:RECIPE for all, or for one network, such as "
            "resnet50=FILE; may be repeated.  [default: auto]",
        ),
    ] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.  [default: auto, by measurement]")] = None,
    threads: Annotated[int | None, typer.Option(help="Torch's threads.  [default: all cores]", min=1)] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that augment.  [default: 1]", min=0)] = None,
    pixels: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="How decoded training images are kept: reduced, exact, jpeg, draft or off.  [default: reduced]",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            envvar="DEEPENOUGH_CACHE",
            help="Keep decoded images here, for all studies.  [default: in the study's folder]",
        ),
    ] = None,
    cache_gb: Annotated[
        float | None, typer.Option(help="Drop what was used longest ago from --cache beyond so many GB.", min=0)
    ] = None,
    images: Annotated[
        bool, typer.Option("--images/--no-images", help="Keep small copies of pictures for the report.")
    ] = True,
    noise: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Train more to see what a seed's parts do: initialisation, order, augmentation, nondeterminism.",
        ),
    ] = None,
    noise_runs: Annotated[
        int | None, typer.Option(help="Extra trainings of each network for each of them.  [default: 2]", min=1)
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Test in fp32, networks as they are: no prediction flips by rounding.")
    ] = False,
    paired_seeds: Annotated[
        bool,
        typer.Option("--paired-seeds", help="Hold networks of one seed against each other; see the protocol for when."),
    ] = False,
    corruptions: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Then test on corrupted images: all, noise, blur, weather, digital, names."),
    ] = None,
    language: _options.LanguageOption = "en",
    track: Annotated[
        str | None, typer.Option(metavar="A,B", help="Follow it in tensorboard or mlflow, a run for each training.")
    ] = None,
    executor: _options.ExecutorOption = "local",
    ray_address: _options.RayAddressOption = None,
    devices: Annotated[
        int | None,
        typer.Option(help="Train each network on so many GPUs or processes together (DDP).  [default: 1]", min=1),
    ] = None,
    batch_norm: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="Among --devices: synced, over the whole batch, or own.  [default: synced]"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the study.  [default: runs/NAME]")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a stopped study; the same command does so by itself.")
    ] = False,
    as_json: _options.JsonOption = False,
) -> None:
    """Train, test and compare networks on your images, and say which is enough.

    Prints the plan before it begins and the verdict at the end; leaves a report. A study that was stopped goes on where
    it was by the same command.

    \b
    Examples:
      deepenough compare
      deepenough compare my_photos/ --margin 1 --budget 2h
      deepenough compare my_photos/ --train-scale 96 --scales 64,96,128
    """
    if _launch.is_done_elsewhere(devices, executor):
        return
    from deepenough.studies.absent import require_obtainable
    from deepenough.studies.asking import folder_of, is_study_file, request_of

    if noise_runs is not None and noise is None and not is_study_file(source):
        from deepenough.errors import StudyError

        raise StudyError("--noise-runs", "sources of noise to train them for", "none", "name them with --noise")
    request = request_of(
        source,
        {
            "task": task,
            "task_options": _values.task_options(task_options),
            "allow_outside": allow_outside or None,
            "contenders": None if contenders is None else tuple(_values.parts(contenders)),
            "seeds": seeds,
            "looks": None if looks is None else tuple(_values.numbers(looks, "--looks", "of seeds, such as 3,5,8,12")),
            "margin": margin,
            "train_scale": train_scale,
            "scales": None
            if scales is None
            else tuple(_values.numbers(scales, "--scales", "of pixels, such as 64,96,128")),
            "epochs": epochs,
            "batch": _values.batch(batch),
            "budget": budget,
            "weights": _values.weights(weights),
            "precision": precision,
            "threads": threads,
            "workers": workers,
            "pixels": pixels,
            "images": None if images else False,
            "noise": None if noise is None else tuple(_values.parts(noise)),
            "noise_runs": noise_runs,
            "exact": exact or None,
            "paired_seeds": paired_seeds or None,
            "batch_norm": batch_norm,
            "recipe": {
                "train": train,
                "optimizer": optimizer,
                "learning_rate": _values.rate(learning_rate),
                "layer_decay": layer_decay,
            },
            "augmentation": {"strength": augmentation},
        },
        where="option",
    )
    folder = out or folder_of(source)
    if resume and not (folder / "request.json").is_file():
        from deepenough.errors import StudyError

        raise StudyError(f"--resume {folder}", "the folder of a stopped study", "no study there", "leave --resume out")
    if corruptions is not None:
        from deepenough.data.corruptions import named

        named(corruptions)  # refused now, not after the training
    require_obtainable(request, folder)  # before torch and matplotlib are imported
    if corruptions is not None:
        from deepenough.studies.finished import require_single_scale

        require_single_scale(request.contenders[:2], "--corruptions")
    from deepenough.api import carry_out, executor_of
    from deepenough.cli._progress import Terminal

    command = shlex.join(["deepenough", *sys.argv[1:]])
    tracked, listener = () if track is None else _values.parts(track), Terminal(quiet=as_json)
    by = executor_of(executor, ray_address)
    with _values.shared(cache, cache_gb) as shared:
        verdict = carry_out(
            request,
            folder,
            listener=listener,
            track=tracked,
            command=command,
            shared=shared,
            executor=by,
            language=language,
        )
    if corruptions is not None:
        _corrupt(folder, corruptions, language, as_json=as_json)
    _say(folder, verdict, as_json=as_json)


def _corrupt(folder: Path, corruptions: str, language: str, *, as_json: bool) -> None:
    """Test on corrupted images at every severity, say what came of it, and write the report anew."""
    from deepenough import report
    from deepenough.cli import evaluate

    found = evaluate.evaluated(folder, corruptions, "1,2,3,4,5", as_json=as_json)
    report.write(folder, language=language)
    if not as_json:
        _output.say()
        evaluate.say(found)


def _say(folder: Path, verdict: Verdict, *, as_json: bool) -> None:
    from deepenough.cli.verdict import say_verdict
    from deepenough.records import read_json
    from deepenough.report import published, stopping, words

    saved = stopping.time_saved(verdict, read_json(folder / "plan.json"))
    if as_json:
        _output.say_json(verdict)
        return
    _output.say()
    say_verdict(verdict)
    _output.say()
    declared = published.declared_in((folder / "study.yaml").read_text(encoding="utf-8"))
    for sentence in () if declared is None else published.in_words(declared, verdict):
        _output.say(sentence)
    if saved:
        _output.say(saved)
    _output.say(f"Report: {folder / 'report.html'}")
    _output.say("Next:")
    for step in words.next_steps(verdict, folder):
        _output.say(step, indent="  ", hanging="    ")
