"""Every command that README and docs show is one that the program takes: its name, its options, their values' form."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import typer

from deepenough import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES.remove(ROOT / "docs" / "log.md")  # says what was typed at its time
FENCE = re.compile(r"^```(?:sh|bash|shell|console)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(?:^|(?<=/)|(?<=\$ ))deepenough ([a-z]+)\b(.*)")
STANDS_FOR = {  # what a page writes for something of the reader's own
    "FOLDER": "runs/demo",
    "STUDY": "runs/demo",
    "FILE": "file.csv",
    "SOURCE": "photos",
    "DIR": "out",
    "...": "",
    "…": "",
}


def commands(text):
    """The commands of a page: name and arguments, without prompt, comment and redirection; halves are not commands."""
    shown = [line for block in FENCE.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    shown += [code for code in INLINE.findall(FENCE.sub("", text)) if code.count(" ") > 1]  # else a mere mention
    for line in shown:
        found = COMMAND.search(line.strip())
        if found is None or found[1] not in cli.COMMANDS:
            continue
        bare = re.split(r"\s(?:#|>|\||&&)(?:\s|$)", found[2])[0]
        words = shlex.split(bare)
        yield found[1], [kept for word in words if (kept := STANDS_FOR.get(word, word))]


SHOWN = [
    pytest.param(name, arguments, id=f"{page.name}: {name} {' '.join(arguments)}"[:100])
    for page in PAGES
    for name, arguments in dict.fromkeys((name, tuple(words)) for name, words in commands(page.read_text("utf-8")))
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
    assert len(SHOWN) > 40


def test_command_with_an_unknown_option_would_be_noticed():
    text = "```\n$ deepenough verdict runs/demo --margins 2  # why\n```\nand `deepenough report FOLDER --nothing`"
    found = list(commands(text))
    assert found == [("verdict", ["runs/demo", "--margins", "2"]), ("report", ["runs/demo", "--nothing"])]
    for name, arguments in found:
        with pytest.raises(typer.TyperException, match="No such option"):
            parse(name, arguments)
