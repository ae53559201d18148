"""Write docs/reference.md: Python from its docstrings, the study file from its schema, the commands from --help.

    .venv/bin/python scripts/write_reference.py

A test holds the page to what this writes, so whoever changes a docstring runs it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

import deepenough
from deepenough import api, cli
from deepenough.studies.choices import AugmentationChoice, Published, RecipeChoice
from deepenough.studies.study import Study

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference.md"
HEAD = """# Reference

Written by `python scripts/write_reference.py` from docstrings, the study file's schema and the commands' own words; do
not edit. For explanations read
[Python](python.md), [the study file](study-file.md) and [what is on disk](study-folder.md).
"""
SECTIONS = {"Args": "takes", "Returns": "gives", "Raises": "raises", "Yields": "gives one by one"}
EXAMPLE = re.compile(r"^>>> .*\n?(?:^.+\n?)*", re.MULTILINE)
SHOWN = (api.OpenStudy, api.ShownVerdict, api.ShownFigure)


def documented(docstring: str) -> str:
    """A Google docstring as Markdown: its sections as lists, its examples as code."""
    lines, name = [], ""
    for line in inspect.cleandoc(docstring).splitlines():
        if (found := re.fullmatch(r"(\w+):", line)) and found[1] in SECTIONS:
            name = found[1]
            lines += ["", f"*{SECTIONS[name]}*", ""]
        elif name and (entry := re.fullmatch(r"    ([\w*]+): (.*)", line)) and name != "Returns":
            lines.append(f"- `{entry[1]}`: {entry[2]}")
        elif name and line.startswith("    "):
            lines.append(f"  {line.strip()}" if name != "Returns" else line.strip())
        else:
            name = "" if line else name
            lines.append(line)
    text = "\n".join(lines).strip()
    return EXAMPLE.sub(lambda code: f"```python\n{code[0].rstrip()}\n```\n", text)


def signature(thing: object, name: str) -> str:
    """A function's signature on one line, or one line a parameter where that is too long."""
    written = inspect.signature(thing, eval_str=False)  # type: ignore[arg-type]
    line = f"{name}{written}".replace("'", "")
    if len(line) <= 100:
        return line
    parts = [str(part) for part in written.parameters.values()]
    kinds = [part.kind for part in written.parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        parts.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    gives = "" if written.return_annotation is inspect.Signature.empty else f" -> {written.return_annotation}"
    return "\n".join([f"{name}(", *(f"    {_unquoted(part)}," for part in parts), f"){gives}"])


def _unquoted(parameter: str) -> str:
    """A parameter whose type is written as code, its default as it is."""
    return re.sub(r": '([^']*)'", r": \1", parameter)


def functions() -> Iterator[str]:
    """The names of `deepenough` that are called or raised."""
    for name in sorted(deepenough.__all__):
        thing = getattr(deepenough, name)
        if inspect.isfunction(thing):
            call = f"```python\n{signature(thing, name)}\n```"
            yield f"### `deepenough.{name}`\n\n{call}\n\n{documented(thing.__doc__ or '')}\n"
        elif inspect.isclass(thing):
            yield f"### `deepenough.{name}`\n\n{documented(thing.__doc__ or '')}\n"


def classes() -> Iterator[str]:
    """What a study is made of in a notebook, with its public attributes."""
    for kind in SHOWN:
        yield f"### `{kind.__name__}`\n\n{documented(kind.__doc__ or '')}\n"
        rows = []
        for name, member in vars(kind).items():
            said = inspect.getdoc(member)
            if name.startswith("_") or not said or not (callable(member) or hasattr(member, "__get__")):
                continue
            shown = f"{name}()" if inspect.isfunction(member) else name
            first = said.split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
            rows.append(f"| `{shown}` | {first} |")
        if rows:
            yield "\n".join(["| | |", "|---|---|", *rows, ""])


def allowed(schema: dict[str, object]) -> str:
    """What an entry of a JSON schema allows, in a few words.

    >>> allowed({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]})
    'integer, at least 1; may be left open'
    """
    if "anyOf" in schema:
        kinds = [part for part in schema["anyOf"] if part.get("type") != "null"]  # type: ignore[union-attr]
        open_ = "; may be left open" if len(kinds) < len(schema["anyOf"]) else ""  # type: ignore[arg-type]
        return " or ".join(allowed(part) for part in kinds) + open_
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))  # type: ignore[union-attr]
    if "$ref" in schema:
        return "see below"
    words = {"string": "text", "array": "list", "object": "mapping", "boolean": "true or false"}
    said = [words.get(str(schema.get("type")), str(schema.get("type")))]
    if isinstance(items := schema.get("items"), dict):
        said[0] += f" of {allowed(items)}"
    bounds = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    return ", ".join(said + [f"{word} {schema[key]:g}" for key, word in bounds.items() if key in schema])


def entries(model: type[BaseModel], title: str, meanings: dict[str, str]) -> str:
    """A model's entries as a table."""
    rows = []
    for name, schema in model.model_json_schema()["properties"].items():
        default = schema.get("default")
        shown = "" if default is None or isinstance(default, dict) else f"`{default}`".replace("'", "").lower()
        meaning = f" {meanings.get(name, '')} |" if meanings else ""
        rows.append(f"| `{name}` | {allowed(schema)} | {shown} |{meaning}")
    head = ["| key | value | default |", "|---|---|---|"]
    if meanings:
        head = ["| key | value | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"### {title}", "", *head, *rows, ""])


def meanings(docstring: str) -> dict[str, str]:
    """The words of the `Args` of a docstring, by name."""
    body = inspect.cleandoc(docstring).partition("Args:\n")[2]
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", body, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", text).replace("|", "\\|") for name, text in found}


def commands() -> Iterator[str]:
    """Every command and what it does, in its own words."""
    import typer.main

    yield "| command | does |\n|---|---|"
    for name in cli.COMMANDS:
        group = typer.main.get_command(cli.application([name]))
        command = group.commands[name] if hasattr(group, "commands") else group  # type: ignore[attr-defined]
        first = inspect.cleandoc(command.help or "").split("\n\n")[0].replace("\n", " ")
        yield f"| `deepenough {name}` | {first} |"


def written() -> str:
    """The whole page."""
    parts = [HEAD, "## Commands\n", "\n".join(commands()), "\n`deepenough COMMAND --help` lists its options.\n"]
    parts += ["## Functions\n", *functions(), "## What a study shows\n", *classes(), "## The study file\n"]
    parts.append(entries(Study, "A study", meanings(Study.__doc__ or "")))
    parts += [entries(RecipeChoice, "`recipe`", {}), entries(AugmentationChoice, "`augmentation`", {})]
    parts += [entries(Published, "`published`", {})]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")
