"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
import tomllib

import pytest

from deepenough import __version__, cli

LONGEST_FILE = 300  # lines


def sources(repository):
    return sorted((repository / "src").rglob("*.py"))


def test_no_source_file_passes_300_lines(repository):
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources(repository)}
    assert len(lengths) > 20
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_every_module_says_what_it_is_for(repository):
    silent = [str(path) for path in sources(repository) if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert silent == []


def test_help_imports_nothing_heavy():
    heavy = "{'torch', 'polars', 'numpy', 'scipy', 'pydantic', 'rich', 'matplotlib', 'sklearn'}"
    script = (
        "import sys\nfrom deepenough.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as left:\n    assert left.code == 0\n"
        f"assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_command_help_shows_an_example_and_json(command, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    said = capsys.readouterr().out
    assert left.value.code == 0
    assert re.search(rf"^ +Examples?:\s(?:.*\n)*? *deepenough {command}\b", said, re.MULTILINE)
    assert re.search(r"^ +--json\b", said, re.MULTILINE)
    assert max(map(len, said.splitlines())) <= 80


def test_help_names_every_command_and_tells_what_it_does_in_full(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = capsys.readouterr().out
    listed = dict(re.findall(r"^  (\w+) +(\S.*)$", said.split("Commands:\n")[1], re.MULTILINE))
    assert max(map(len, said.splitlines())) <= 80
    assert listed == cli.COMMANDS


def test_version_is_the_changelogs_newest(repository):
    headings = re.findall(r"^## \[([^\]]+)\]", (repository / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert next(heading for heading in headings if heading != "Unreleased") == __version__


def test_constraints_pin_every_dependency(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    names = {re.split(r"[><=\[ ]", requirement)[0].lower() for requirement in wanted} - {project["name"]}
    pins = re.findall(
        r"^([A-Za-z0-9_.-]+)==", (repository / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert names - {pin.lower().replace("_", "-") for pin in pins} == set()
