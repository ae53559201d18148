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
    from deepenough.serving import About, Answer

_DIGITS = 6  # of a probability


def writer(kind: str, about: About, *, probabilities: bool) -> Callable[[Answer], None]:
    """A function that writes one answer on standard output, its header before the first.

    Args:
        kind: `table`, `json` or `csv`.
        about: of the model that answers.
        probabilities: with those of every class, in JSON and CSV.
    """
    if kind == "json":
        return lambda answer: typer.echo(
            visible_json(json.dumps(_record(answer, about, probabilities), ensure_ascii=False))
        )
    return _csv(about, probabilities) if kind == "csv" else _table(about)


def _record(answer: Answer, about: About, probabilities: bool) -> dict[str, Any]:
    record: dict[str, Any] = {"path": answer.path, "sample_id": answer.sample_id or None}
    if answer.probabilities is None:
        return {**record, "error": answer.error, "detail": answer.detail}
    record |= {"prediction": about.classes[answer.label], "confidence": round(answer.confidence, _DIGITS)}
    if probabilities:
        record["probabilities"] = dict(zip(about.classes, _rounded(answer), strict=True))
    return record


def _csv(about: About, probabilities: bool) -> Callable[[Answer], None]:
    out = csv.writer(sys.stdout, lineterminator="\n")
    columns = [f"prob_{name}" for name in about.classes] if probabilities else []
    out.writerow(["sample_id", "path", "prediction", "confidence", "error", *columns])

    def write(answer: Answer) -> None:
        if answer.probabilities is None:
            out.writerow([answer.sample_id, answer.path, "", "", answer.error, *("" for _ in columns)])
        else:
            own = _rounded(answer) if probabilities else []
            confidence = round(answer.confidence, _DIGITS)
            out.writerow([answer.sample_id, answer.path, about.classes[answer.label], confidence, "", *own])
        sys.stdout.flush()

    return write


def _table(about: About) -> Callable[[Answer], None]:
    width = max(10, *(len(name) for name in about.classes))
    typer.echo(f"{'prediction':<{width}}  sure  image")

    def write(answer: Answer) -> None:
        if answer.probabilities is None:
            said = f"{answer.error}: {answer.detail}" if answer.detail else answer.error
            typer.echo(f"{'-':<{width}}     -  {one_line(answer.path)}  ({one_line(said)})")
        else:
            name = one_line(about.classes[answer.label])
            typer.echo(f"{name:<{width}}  {answer.confidence:4.2f}  {one_line(answer.path)}")

    return write


def _rounded(answer: Answer) -> list[float]:
    assert answer.probabilities is not None
    return [round(float(value), _DIGITS) for value in answer.probabilities]
