"""Exit codes, and how the command line says what went wrong."""

from __future__ import annotations

import errno
import json

import pytest
import typer

from deepenough import cli
from deepenough.errors import InputError, Interrupted


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command that raises the given error (or returns): the exit code, standard output and standard error."""

    def run_raising(error=None, *options):
        app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

        @app.command()
        def work(as_json: bool = typer.Option(False, "--json")) -> None:
            if error is not None:
                raise error

        monkeypatch.setattr(cli, "application", lambda _names: app)
        with pytest.raises(SystemExit) as left:
            cli.main([*options, "--"])  # never empty: that would show the help
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run_raising


def test_main_exits_with_0_when_a_command_is_done(run):
    assert run() == (0, "", "")


def test_main_prints_one_line_and_exits_with_2_when_the_input_is_at_fault(run):
    code, out, err = run(InputError("--margin", "a number above 0", "-1", "try --margin 0.5"))
    assert (code, out) == (2, "")
    assert err == "error: --margin: expected a number above 0; got -1; try --margin 0.5\n"


def test_main_also_prints_an_object_when_json_was_asked_for(run):
    code, out, err = run(InputError("photos/", "a folder", "nothing"), "--json")
    assert code == 2
    assert json.loads(out)["error"] == {
        "kind": "InputError",
        "message": "photos/: expected a folder; got nothing",
        "where": "photos/",
        "expected": "a folder",
        "got": "nothing",
        "remedy": "",
    }
    assert err.count("\n") == 1


def test_main_exits_with_3_and_says_how_to_go_on_when_interrupted(run):
    code, _, err = run(Interrupted("Ctrl-C", "deepenough compare photos/"))
    assert code == 3
    assert err == ("error: stopped (Ctrl-C); what was saved is kept; go on with: deepenough compare photos/\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device", "runs/x")])
def test_main_exits_with_3_when_stopped_from_outside(run, error):
    code, _, err = run(error)
    assert code == 3
    assert "go on with: the same command" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("error", [RuntimeError("a bug"), OSError(errno.EACCES, "Permission denied")])
def test_main_lets_a_bug_through_with_its_traceback(run, error):
    with pytest.raises(type(error), match=str(error.args[-1])):
        run(error)


def test_main_names_command_and_help_when_an_option_is_unknown(run):
    code, out, err = run(None, "--no-such")
    assert (code, out) == (2, "")
    assert err == "error: deepenough: No such option: --no-such; see deepenough --help\n"


def test_main_suggests_the_command_that_was_meant(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["vredict"])
    assert left.value.code == 2
    assert "verdict" in capsys.readouterr().err


def test_main_shows_the_help_when_nothing_is_asked(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("Usage: deepenough")


def test_main_prints_the_version(capsys):
    from deepenough import __version__

    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"deepenough {__version__}\n"
