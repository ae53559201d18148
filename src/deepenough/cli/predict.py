"""`deepenough predict`: ask a model about images, as many as there are, and hear of each."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepenough.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deepenough.serving import Answer, Found, Model
    from deepenough.tasks.answering import Answers, Record

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
        bool,
        typer.Option("--probabilities", help="With all that was computed, in JSON and CSV: unsure boxes too."),
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="IMAGE", help="Verification: is it of the same?", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Of mended images, new or empty.", show_default=False),
    ] = None,
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
    """Say what a model answers for each image, in the order given and as it goes.

    A class, labels, boxes or an embedding, by the task of its study; pictures of any size are mended and written to
    --out. Images are decoded by the same rules as in a study. One that cannot be decoded gets a line with the reason,
    the others go on, and the exit code is 2 at the end. ONNX and OpenVINO files need no torch. See docs/export.md.

    \b
    Examples:
      deepenough predict model.onnx my_photos/
      deepenough predict model.onnx "new/**/*.jpg" --csv > new.csv
      find . -name "*.png" | deepenough predict runs/demo - --json
    """
    from deepenough.cli import _answers
    from deepenough.serving import find
    from deepenough.serving.predicting import usable_cores

    if as_json and as_csv:
        raise InputError("--csv", "one form of output", "--json too", "choose one")
    threads = threads or usable_cores()
    opened = _of_study(model, contender, seed, scale, threads) if model.is_dir() else _of_file(model, threads)
    answers = opened.about.answers()
    _require_fitting(answers, opened.about.task["name"], against, out)
    if against is not None:
        answers = _likeness(answers, opened, against)
    kind = "json" if as_json else "csv" if as_csv else "table"
    found = find(images, sys.stdin.buffer if "-" in images else None)
    first = next(found, None)  # before the head of a table that would stay empty
    if first is None:
        raise InputError(", ".join(images), "images", "no files", "check the paths")
    asked = _asked(itertools.chain([first], found), opened, out, threads)
    write = _answers.writer(kind, answers, more=probabilities)
    failed = done = 0
    for answer in asked:
        of = {name: getattr(answer, name) for name in ("path", "sample_id", "error", "detail")}
        write(of, None if answer.error else _record(answer, answers, probabilities))
        done += 1
        failed += bool(answer.error)
    if failed:
        typer.echo(f"error: {failed} of {done} files got no answer; each has its reason above", err=True)
        raise typer.Exit(FAILED)


def _require_fitting(answers: Answers, task: str, against: Path | None, out: Path | None) -> None:
    """Refuse an option that the model's answers have no use for, and a lack of one that they need."""
    if answers.mends and out is None:
        raise InputError("--out", "a folder for what is mended", "none", f"a model of {task} writes pictures")
    if out is not None and not answers.mends:
        raise InputError("--out", "a model that mends pictures", f"one of {task}", "leave it out")
    if against is not None and "embedding" not in answers.outputs:
        raise InputError("--against", "a model of verification", f"one of {task}", "leave it out")


def _asked(found: Iterable[Found], opened: Model, out: Path | None, threads: int) -> Iterator[Answer]:
    from deepenough.serving import mend
    from deepenough.serving import predict as ask

    return ask(found, opened, workers=threads) if out is None else mend(found, opened, out)


def _record(answer: Answer, answers: Answers, more: bool) -> Record:
    assert answer.asked is not None, "what has no error was asked about"
    record = answers.record(answer.said, answer.asked, more=more)
    return record if answer.written is None else {"written": str(answer.written), **record}


def _likeness(answers: Answers, opened: Model, against: Path) -> Answers:
    """How every picture stands to one of them."""
    from deepenough.serving import find
    from deepenough.serving import predict as ask
    from deepenough.tasks.vectors import Likeness

    found = list(find([str(against)]))
    if len(found) != 1:
        raise InputError("--against", "one image", f"{len(found)} files in {against}")
    (answer,) = ask(found, opened)
    if answer.error:
        raise InputError(f"--against {answer.path}", "an image", answer.detail or answer.error)
    return Likeness(answers.classes, answers.kept, answer.said)


def _of_file(path: Path, threads: int) -> Model:
    from deepenough.serving import open_model

    return open_model(path, threads)


def _of_study(folder: Path, contender: str, seed: int | None, scale: int | None, threads: int) -> Model:
    """A study's own weights, by torch in fp32."""
    from deepenough.serving.opening import ENDINGS, torch_for

    if not (folder / "verdict.json").is_file():
        expected = f"a model that `deepenough export` wrote ({', '.join(ENDINGS)}), or a study's folder"
        raise InputError(str(folder), expected, "a folder without verdict.json", "name the model first, then images")
    with torch_for(folder, "a study's own weights", "pip install torch, or give an exported .onnx or .xml"):
        from deepenough.serving.torch_form import TorchModel, served_network
    from deepenough.cli import _served
    from deepenough.serving import choose
    from deepenough.studies.finished import open_finished

    choice = choose(folder, contender=contender, seed=seed, scale=scale)
    finished = open_finished(folder, threads=threads)
    about = _served.about_of(finished, choice)
    return TorchModel(about, served_network(about, finished.weights(choice.contender, choice.seed)), threads)
