"""Commands as a shell would call them, in an empty folder."""

from __future__ import annotations

import sys

import pytest

from deepenough import cli


@pytest.fixture
def invoke(capsys, monkeypatch, tmp_path):
    """Run a command in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["deepenough", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return call


@pytest.fixture
def invoke_in_line(invoke):
    """The same, standard error in one line however it was wrapped."""

    def call(*arguments):
        code, out, err = invoke(*arguments)
        return code, out, " ".join(err.split())

    return call
