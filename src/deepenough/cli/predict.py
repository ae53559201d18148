"""`deepenough predict`: ask a model about images, as many as there are, and hear of each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepenough.errors import InputError

if TYPE_CHECKING:
    from deepenough.serving import Model

FAILED = 2  # the exit code where some image got no answer


def predict(  # noqa: PLR0913  one option, one argument
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="An exported .onnx, .xml or .safetensors, or a study's folder.")
    ],
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGES...", help="Files, folders, patterns, or - for names on input.")
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, which verdict and gate read.")] = False,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="With the probability of every class, in JSON and CSV.")
    ] = False,
    contender: Annotated[
        str, typer.Option("--contender", metavar="NAME", help="Of a study's folder; as in export.")
    ] = "winner",
    seed: Annotated[int | None, typer.Option("--seed", help="The same.", show_default=False)] = None,
    scale: Annotated[int | None, typer.Option("--scale", metavar="PX", help="The same.", show_default=False)] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Of the runtime; by default all cores.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines, one an image.")] = False,
) -> None:
    """Say which class each image shows, in the order given and as it goes.

    Images are decoded by the same rules as in a study. One that cannot be decoded gets a line with the reason, the
    others go on, and the exit code is 2 at the end. ONNX and OpenVINO files need no torch. See docs/export.md.

    \b
    Examples:
      deepenough predict model.onnx my_photos/
      deepenough predict model.onnx "new/**/*.jpg" --csv > new.csv
      find . -name "*.png" | deepenough predict runs/demo - --json
    """
    from deepenough.cli import _answers
    from deepenough.serving import find
    from deepenough.serving import predict as ask
    from deepenough.serving.predicting import usable_cores

    if as_json and as_csv:
        raise InputError("--csv", "one form of output", "--json too", "choose one")
    threads = threads or usable_cores()
    opened = _of_study(model, contender, seed, scale, threads) if model.is_dir() else _of_file(model, threads)
    kind = "json" if as_json else "csv" if as_csv else "table"
    write = _answers.writer(kind, opened.about, probabilities=probabilities)
    failed = done = 0
    for answer in ask(find(images, sys.stdin.buffer if "-" in images else None), opened, workers=threads):
        write(answer)
        done += 1
        failed += bool(answer.error)
    if not done:
        raise InputError(", ".join(images), "images", "no files", "check the paths")
    if failed:
        typer.echo(f"error: {failed} of {done} files got no answer; each has its reason above", err=True)
        raise typer.Exit(FAILED)


def _of_file(path: Path, threads: int) -> Model:
    from deepenough.serving import open_model

    return open_model(path, threads)


def _of_study(folder: Path, contender: str, seed: int | None, scale: int | None, threads: int) -> Model:
    """A study's own weights, by torch in fp32."""
    from deepenough.cli import _served
    from deepenough.serving import choose
    from deepenough.serving.torch_form import TorchModel, served_network

    choice = choose(folder, contender=contender, seed=seed, scale=scale)
    about = _served.about_of(folder, choice)
    return TorchModel(about, served_network(about, _served.weights_of(folder, choice)), threads)
