"""What README and docs tell a reader to type: each line, and which of them are the program's, in their page's order."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "README.zh.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
PAGES.remove(ROOT / "docs" / "log.md")  # says what was typed at its time
PAGES += sorted((ROOT / "studies").glob("*.yaml"))  # in their comments
PAGES += sorted((ROOT / "src" / "deepenough" / "cli").glob("[a-z]*.py"))  # what --help shows
PIECE = re.compile(r"^```(?P<kind>\w*)\n(?P<block>.*?)^```$|`(?P<inline>[^`\n]+)`", re.MULTILINE | re.DOTALL)
SHELL = {"", "sh", "bash", "shell", "console"}
WORKFLOW = re.compile(r"^(?:\s*- run: | {10})(\w.*)$", re.MULTILINE)  # what a job of a GitHub workflow types
INDENTED = re.compile(r"^(?:#  | {5}) +(?=deepenough )", re.MULTILINE)  # in a comment of YAML, in a docstring
LINE = re.compile(
    r"^(?P<before>\w[^|]*\| )?(?P<launcher>(?:srun )?torchrun .*)?(?:(?:python )?-m |(?:\S*/)?)"
    r"deepenough (?P<name>[a-z]+)\b(?P<rest>.*)$"
)
STANDS_FOR = {  # what a page writes for something of the reader's own
    "FOLDER": ["runs/demo"],
    "STUDY": ["runs/demo"],
    "FILE": ["predictions.csv"],
    "FILES...": ["predictions.csv"],
    "SOURCE": ["my_photos"],
    "DIR": ["out"],
    "MODEL": ["model.onnx"],
    "OLD": ["old.csv"],
    "NEW": ["new.csv"],
    "NAME": ["resnet50"],
    "resnet50=FILE": ["resnet50=r50.pth"],
    "resnet101=FILE": ["resnet101=r101.pth"],
    "...": [],
    "…": [],
}


@dataclass(frozen=True)
class Command:
    """A line of the program: name and arguments, what is piped in, the file for its output, who starts it else."""

    name: str
    arguments: tuple[str, ...]
    before: str | None = None
    into: str | None = None
    launcher: str | None = None

    def __str__(self):
        return " ".join([*([self.launcher] if self.launcher else []), self.name, *self.arguments])


def pieces(text):
    """(kind, text) of each block and of each code within a line, in the page's order; the latter's kind is None."""
    for found in PIECE.finditer(text):
        yield (None, found["inline"]) if found["inline"] else (found["kind"], found["block"])


def typed(text):
    """Every line of a page that a reader may type, of whatever program, without its prompt."""
    for kind, piece in pieces(text):
        if kind is None or kind in SHELL:
            yield from (line.strip().removeprefix("$ ") for line in piece.replace("\\\n", " ").splitlines())
        elif kind == "yaml":
            yield from WORKFLOW.findall(piece)


def command_of(line, names):
    """The program's command that a line is, its comment left out; None where it is none."""
    found = LINE.match(line)
    if found is None or found["name"] not in names:
        return None
    rest = re.split(r"\s(?:#|\||&&)(?:\s|$)", found["rest"])[0]
    rest, _, into = rest.partition(" > ")
    words = [kept for word in shlex.split(rest) for kept in STANDS_FOR.get(word, [word])]
    before, launcher = (found["before"] or "").rstrip("| ") or None, (found["launcher"] or "").strip() or None
    return Command(found["name"], tuple(words), before, into.strip() or None, launcher)


def examples(text):
    """Every line of the program in a study file's comments or a command's docstring."""
    for found in INDENTED.finditer(text):
        yield text[found.end() :].partition("\n")[0]


def commands(text, names):
    """The program's commands of a page, each once."""
    found = (command_of(line, names) for line in [*typed(text), *examples(text)])
    return list(dict.fromkeys(command for command in found if command is not None))
