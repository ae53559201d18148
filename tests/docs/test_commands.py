"""Every command that README and docs show is one that the program takes: its name, its options, their values' form.

That they also do what they should is in test_running.py.
"""

from __future__ import annotations

import re
import runpy
from functools import cache
from pathlib import Path

import pytest
import typer

from deepenough import cli

shown = runpy.run_path(str(Path(__file__).with_name("shown.py")))
PAGES, commands = shown["PAGES"], shown["commands"]
SHOWN = [
    pytest.param(command.name, command.arguments, id=f"{page.name}: {command}"[:100])
    for page in PAGES
    for command in commands(page.read_text("utf-8"), cli.COMMANDS)
    if command.arguments  # else a mere mention
]


@cache
def command(name):
    group = typer.main.get_command(cli.application([name]))
    return group.commands[name] if hasattr(group, "commands") else group


def parse(name, arguments):
    """What typer makes of a command line; nothing is run."""
    return command(name).make_context(name, list(arguments))


@pytest.mark.parametrize(("name", "arguments"), SHOWN)
def test_command_of_the_docs_is_one_that_the_program_takes(name, arguments):
    parse(name, arguments)


def test_every_command_of_the_program_is_named_somewhere():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"deepenough ([a-z]+)\b", text)) >= set(cli.COMMANDS)
    assert len(SHOWN) > 60


def test_command_with_an_unknown_option_would_be_noticed():
    text = "```\n$ deepenough verdict runs/demo --margins 2  # why\n```\nand `deepenough report FOLDER --nothing`"
    found = [(each.name, each.arguments) for each in commands(text, cli.COMMANDS)]
    assert found == [("verdict", ("runs/demo", "--margins", "2")), ("report", ("runs/demo", "--nothing"))]
    for name, arguments in found:
        with pytest.raises(typer.TyperException, match="No such option"):
            parse(name, arguments)


def test_commands_are_found_beside_blocks_of_other_kinds_in_pipes_and_in_workflows():
    text = """
```yaml
      - run: deepenough predict m.onnx new/ --csv > new.csv
      - run: |
          pip install numpy
          deepenough audit 98 97
```

says `deepenough doctor`:

```
find . -name "*.png" | deepenough predict m.onnx -
```
"""
    found = [(str(each), each.before, each.into) for each in commands(text, cli.COMMANDS)]
    assert found == [
        ("predict m.onnx new/ --csv", None, "new.csv"),
        ("audit 98 97", None, None),
        ("doctor", None, None),
        ("predict m.onnx -", 'find . -name "*.png"', None),
    ]
