"""The command line: parse, call one library function, print, give an exit code.

Owns the words of the terminal and the exit codes: 0 done, 1 a bug (its traceback is shown), 2 the user's input (one
line: where, expected, got, remedy), 3 interrupted and resumable. Refuses to compute, to decide and to import anything
heavy before a command runs: each command is one plain function in a module of its own name, and its imports of torch,
polars and their like stand inside that function.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Annotated

import typer

from deepenough.cli import _output
from deepenough.errors import InputError, Interrupted
from deepenough.ranks import LOST, is_follower

__all__ = ["COMMANDS", "application", "main"]

COMMANDS = {
    "compare": "Train and test networks on your images; say which is enough.",
    "ablate": "Say what each lever of network and training buys.",
    "curves": "Draw accuracy over images, time, size and image side.",
    "tune": "Search for the network that suits a budget.",
    "networks": "List the networks that can take part.",
    "check": "Open every image of a source; list what a study would use.",
    "plan": "Say how many images and seeds it takes, before training.",
    "cost": "Measure time and memory of networks on this machine.",
    "verdict": "Decide anew from a study's scores or anybody's predictions.",
    "slices": "List where which network wins: class, size, any column.",
    "embed": "Compare both networks' embeddings and their dimensions.",
    "evaluate": "Test both networks on corrupted copies of the images.",
    "explain": "Say which network's maps tell what its answers hang on.",
    "cascade": "Say what both networks are worth together.",
    "audit": "Say what two published accuracies can and cannot show.",
    "report": "Write a study's report anew.",
    "demo": "Try pictures on both networks, in the browser.",
    "paper": "Write tables, figures, methods and sources for a paper.",
    "verify": "Have every number of a report again from its own data.",
    "export": "Write a trained network for production, proven.",
    "predict": "Ask an exported or trained network about images.",
    "gate": "Is a new model no worse than the old; by exit code.",
    "doctor": "Say what this machine can do, and what to change.",
}

_BUG, _INPUT, _INTERRUPTED = 1, 2, 3
_SIGINT_STATUS = 130  # what typer returns in place of KeyboardInterrupt: 128 + SIGINT
_HELP = """Is ResNet-50 deep enough for your images, or do you need ResNet-101, and at which scale?

\b
Examples:
  deepenough compare                        on a tiny set, for a first look
  deepenough compare my_photos/ --margin 1  on a folder of class folders
"""


def _print_version(wanted: bool) -> None:
    if wanted:
        from deepenough import __version__

        typer.echo(f"deepenough {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Hold the options of `deepenough` itself."""


def application(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The typer application with the commands `names`, of `COMMANDS`; a command lives in the module of its name."""
    app = typer.Typer(
        name="deepenough",
        help=_HELP,
        rich_markup_mode=None,  # file and class names may hold square brackets, which rich would take for markup
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_root)
    for name in names:
        app.command(name, short_help=COMMANDS[name])(getattr(import_module(f"deepenough.cli.{name}"), name))
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Args:
        arguments: what follows `deepenough` on the command line; those of this process where None.

    Raises:
        SystemExit: always, with 0, 2 or 3; a bug is not caught here, so Python shows its traceback and exits with 1.
    """
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    as_json = "--json" in given
    named = [given[0]] if given[0] in COMMANDS else COMMANDS  # the one that is called need not wait for the others
    try:
        status = application(named)(given, prog_name="deepenough", standalone_mode=False)
    except (InputError, typer.TyperException) as error:
        if isinstance(error, typer.TyperException) and is_follower():  # the first has found the same
            raise SystemExit(LOST) from None
        _output.fail(_usage_error(error) if isinstance(error, typer.TyperException) else error, as_json=as_json)
        raise SystemExit(_INPUT) from None
    except Interrupted as stop:
        _leave_interrupted(stop, as_json=as_json)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        again = Interrupted(
            f"no space left on {error.filename or 'the device'}", "the same command, once there is space"
        )
        _leave_interrupted(again, as_json=as_json)
    else:
        if status == _SIGINT_STATUS and is_follower():
            raise SystemExit(LOST)
        if status == _SIGINT_STATUS:
            _leave_interrupted(Interrupted("Ctrl-C", "the same command"), as_json=as_json)
        raise SystemExit(status or 0)


def _leave_interrupted(stop: Interrupted, *, as_json: bool) -> None:
    _output.fail(stop, as_json=as_json)
    raise SystemExit(_INTERRUPTED) from None


def _usage_error(error: typer.TyperException) -> _output.UsageError:
    """What typer says about a wrong option, in the form of all other input errors."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "deepenough"
    said = " ".join(error.format_message().split()).rstrip(".")
    return _output.UsageError(command, said, f"see {command} --help")
