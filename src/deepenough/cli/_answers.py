"""Answers as they come: a table for people, JSON lines or CSV for machines; each is written at once."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from deepenough.cli._output import one_line, visible_json

if TYPE_CHECKING:
    from deepenough.tasks.answering import Answers, Record

_DIGITS = 6  # of a number
Write = Callable[[dict[str, Any], "Record | None"], None]


def writer(kind: str, answers: Answers, *, more: bool) -> Write:
    """A function that writes one answer on standard output, its header before the first.

    It takes `path`, `sample_id`, `error` and `detail`, and the answer; None where there is an error.

    Args:
        kind: `table`, `json` or `csv`.
        answers: of the model.
        more: with all that they have, in JSON and CSV.
    """
    return {"json": _json, "csv": _csv, "table": _table}[kind](answers, more)


def _json(answers: Answers, more: bool) -> Write:
    del answers, more

    def write(of: dict[str, Any], record: Record | None) -> None:
        named = {"path": of["path"], "sample_id": of["sample_id"] or None}
        said = {"error": of["error"], "detail": of["detail"]} if record is None else _rounded(record)
        typer.echo(visible_json(json.dumps({**named, **said}, ensure_ascii=False)))

    return write


def _csv(answers: Answers, more: bool) -> Write:
    columns = ["sample_id", "path", *answers.heads, "error", *answers.columns(more=more)]
    out = csv.DictWriter(sys.stdout, columns, restval="", extrasaction="ignore", lineterminator="\n")
    out.writeheader()

    def write(of: dict[str, Any], record: Record | None) -> None:
        for row in [{}] if record is None else answers.rows(_rounded(record)):
            out.writerow({**of, **row})
        sys.stdout.flush()

    return write


def _table(answers: Answers, more: bool) -> Write:
    del more
    sure, width = "confidence" in answers.heads, max(10, *(len(name) for name in answers.classes), 0)
    head = answers.heads[0] if answers.heads else answers.outputs[0]
    typer.echo(f"{head:<{width}}{'  sure' if sure else ''}  image")

    def write(of: dict[str, Any], record: Record | None) -> None:
        path = one_line(of["path"])
        if record is None:
            said = f"{of['error']}: {of['detail']}" if of["detail"] else of["error"]
            typer.echo(f"{'-':<{width}}{'     -' if sure else ''}  {path}  ({one_line(said)})")
            return
        shares = [row["confidence"] for row in answers.rows(record) if "confidence" in row]
        share = f"  {max(shares):4.2f}" if shares else "     -" if sure else ""
        typer.echo(f"{one_line(answers.line(record)):<{width}}{share}  {path}")

    return write


def _rounded(value: Any) -> Any:  # noqa: ANN401  plain values
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
