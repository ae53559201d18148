"""How every command speaks: plain lines of at most 80 columns, JSON for machines, one line for an error."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Sequence

import typer

from deepenough.errors import DeepenoughError, InputError, Interrupted

WIDTH = 80


class UsageError(InputError):
    """A command line that cannot be parsed; typer has already said what was expected and what came."""

    def __init__(self, command: str, said: str, remedy: str) -> None:
        super().__init__(command, "a command line it knows", said, remedy)
        self.args = (f"{command}: {said}; {remedy}",)


def say(text: str = "", *, indent: str = "", hanging: str | None = None) -> None:
    """Print one paragraph on standard output, wrapped at 80 columns; words longer than a line (paths) stay whole."""
    typer.echo(wrap(text, indent=indent, hanging=hanging))


def wrap(text: str, *, indent: str = "", hanging: str | None = None) -> str:
    r"""The paragraph as lines of at most 80 columns.

    >>> wrap("one two", indent="- ")
    '- one two'
    """
    return textwrap.fill(
        one_line(" ".join(text.splitlines())),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table as lines: the first column flush left, all others flush right, two spaces between.

    >>> for line in table(("network", "px"), [("resnet50", 64), ("resnet101", 128)]):
    ...     print(line)
    network     px
    resnet50    64
    resnet101  128
    """
    cells = [[one_line(str(cell)) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join([first.strip().ljust(widths[0]), *others]).rstrip())
    return lines


def say_lines(lines: Iterable[str]) -> None:
    """Print lines as they are, but for what would move the cursor."""
    for line in lines:
        typer.echo(one_line(line))


def say_json(record: object) -> None:
    """Print a record, mapping or list as JSON on standard output; NaN becomes null."""
    from deepenough.records import to_json

    typer.echo(visible_json(to_json(record)))


def teller(*, as_json: bool) -> Callable[[str], None]:
    """Tells what is being done on standard error; nothing where a machine listens."""
    return lambda text: None if as_json else typer.echo(f"{text} ...", err=True)


def visible_json(text: str) -> str:
    r"""The same JSON with whatever a terminal would not show as it stands, or obey, as JSON's escapes.

    >>> print(visible_json('{"猫\u202e": "a\U000e0001"}'))
    {"猫\u202e": "a\udb40\udc01"}
    """
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def fail(error: DeepenoughError, *, as_json: bool) -> None:
    """Print one line on standard error and, for machines, the same as a JSON object on standard output."""
    if as_json:
        typer.echo(visible_json(json.dumps({"error": _parts(error)}, ensure_ascii=False, indent=2)))
    typer.echo(f"error: {one_line(str(error))}", err=True)


def one_line(text: str) -> str:
    r"""The text with whatever would break the line or move the cursor written as escapes.

    >>> one_line("a\nb\x1b[31m\u202e")
    'a\\nb\\x1b[31m\\u202e'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _parts(error: DeepenoughError) -> dict[str, str]:
    parts = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, InputError):
        parts |= {"where": error.where, "expected": error.expected, "got": error.got, "remedy": error.remedy}
    if isinstance(error, Interrupted):
        parts |= {"why": error.why, "how_to_go_on": error.how_to_go_on}
    return parts
