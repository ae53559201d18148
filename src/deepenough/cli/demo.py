"""`deepenough demo`: a page on this machine where a picture meets both networks of a study."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepenough.cli import _options, _output
from deepenough.errors import InputError, StudyError

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST = "127.0.0.1"
_LEAST, _MOST = 1024, 65535


def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A finished study, with its networks' weights.")],
    seed: Annotated[
        int | None, typer.Option(help="Whose networks answer.  [default: of each, the best on validation]", min=0)
    ] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="Of the page.  [default: one that is free]")] = None,
    threads: Annotated[int | None, typer.Option(help="Torch's threads.  [default: all cores]", min=1)] = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Serve a page on this machine: drop a picture and see what both networks say at every scale.

    Only this machine reaches it, nothing that is sent is kept, and Ctrl-C ends it. Needs `pip install
    'deepenough[demo]'`.

    \b
    Example:
      deepenough demo runs/my_photos
    """
    try:
        import uvicorn
    except ModuleNotFoundError:
        remedy = "pip install 'deepenough[demo]'"
        raise InputError("demo", "starlette and uvicorn installed", "no module uvicorn", remedy) from None
    listening = _bound(port)
    page = application(folder, seed=seed, threads=threads)
    address = f"http://{HOST}:{listening.getsockname()[1]}/"

    class Announced(uvicorn.Server):
        """Says where it is once it answers, and so takes Ctrl-C in order from then on."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if as_json:
                _output.say_json({"address": address})
            else:
                _output.say(f"{address}  (Ctrl-C ends it)")

    with contextlib.suppress(KeyboardInterrupt):  # how it is meant to end
        Announced(uvicorn.Config(page, log_level="warning", timeout_keep_alive=30)).run(sockets=[listening])


def application(folder: Path, *, seed: int | None = None, threads: int | None = None) -> Starlette:
    """The page of a study.

    Args:
        folder: of the study.
        seed: of the networks that answer; None for the best of each contender on validation.
        threads: of torch; None for all usable cores.

    Raises:
        InputError: (of its kinds) the study is not finished, or its weights are not there.
    """
    from deepenough.cli._served import answers_at
    from deepenough.comparison import read_scores
    from deepenough.machine import Machine, available_cores
    from deepenough.records import COSTS, read_json, read_table
    from deepenough.serving import choose
    from deepenough.serving.playground.answers import Answerer
    from deepenough.serving.playground.app import playground
    from deepenough.serving.playground.facts import facts_of
    from deepenough.studies.contenders import contender
    from deepenough.studies.finished import open_finished
    from deepenough.tasks.tested import tested_network

    finished = open_finished(folder, threads=threads)
    verdict, task = finished.verdict, finished.setting.task
    choices = {name: choose(folder, contender=name, seed=seed) for name in (verdict.small, verdict.big)}
    networks = {
        name: tested_network(task, contender(name).network, finished.weights(name, choice.seed))
        for name, choice in choices.items()
    }
    answers = {
        (name, scale): answers_at(finished, replace(choice, scale=scale))
        for name, choice in choices.items()
        for scale in choice.scales
    }
    if any(each.mends for each in answers.values()):  # a picture has one size, its own
        answers = {(name, at): each for (name, at), each in answers.items() if at == verdict.scale}
    machine = Machine(
        precision=read_json(folder / "environment.json")["precision"], threads=threads or available_cores()
    )
    costs = read_table(folder / "costs.parquet", COSTS) if (folder / "costs.parquet").is_file() else None
    facts = facts_of(
        verdict,
        read_scores(folder / "scores.parquet", ["prediction", "target"]),
        costs,
        {name: choice.seed for name, choice in choices.items()},
        answers=type(answers[verdict.small, verdict.scale]).__name__,
        sample=task.sample,
        scales=sorted({scale for _, scale in answers}),
    )
    return playground(facts, Answerer(networks, task, answers, finished.setting.preprocessing, machine))


def _bound(port: int | None) -> socket.socket:
    """A socket of this machine alone."""
    if port is not None and not _LEAST <= port <= _MOST:
        raise StudyError("--port", f"{_LEAST} to {_MOST}", str(port))
    listening: Any = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port or 0))
    except OSError as error:
        listening.close()
        raise StudyError(f"--port {port}", "one that is free", error.strerror or str(error), "leave it out") from None
    return listening
