"""`deepenough check`: what a data source holds, and what a study would leave out of it and why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from deepenough.cli import _options, _output

if TYPE_CHECKING:
    from deepenough.data import Prepared
    from deepenough.records import Audit

_NAME_WIDTH = 36  # columns, so that the widest table fits 80
_CLASSES_SHOWN = 40
_EXAMPLES_SHOWN = 3


def check(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder of class folders, a .csv or .parquet manifest, torchvision:NAME[:ROOT], or digits; "
            "for --task detection a folder of COCO or VOC annotations.",
        ),
    ],
    path_column: Annotated[str, typer.Option(metavar="NAME", help="The manifest's column of paths.")] = "path",
    target_column: Annotated[str, typer.Option(metavar="NAME", help="The manifest's column of classes.")] = "target",
    task: Annotated[str, typer.Option(metavar="NAME", help="The task whose targets are read.")] = "classification",
    split_seed: Annotated[int, typer.Option(min=0, help="Deals pictures out where no splits are declared.")] = 0,
    allow_outside: _options.AllowOutsideOption = False,
    as_json: _options.JsonOption = False,
) -> None:
    """Open every picture of a source and list what a study would use, leave out and mind.

    Nothing is changed and nothing is written. Every file met is used, quarantined or ignored, by a named rule; the
    exit code is 0 although there are warnings, and 2 where no study can use the source.

    \b
    Examples:
      deepenough check my_photos/
      deepenough check manifest.csv --target-column label --json
      deepenough check my_objects/ --task detection
    """
    from deepenough.cli._machine import usable_cores
    from deepenough.data import open_source, prepare
    from deepenough.tasks.registry import entry

    columns = {"path_column": path_column, "target_column": target_column}
    opened = open_source(source, **columns, allow_outside=allow_outside, reads=entry(task).reads)
    with opening(len(opened.entries)) as progress:
        prepared = prepare(opened, split_seed=split_seed, workers=usable_cores(), progress=progress)
    if as_json:
        _output.say_json({"audit": _plain(prepared.audit), "quarantine": prepared.quarantine.to_dicts()})
    else:
        _say(prepared)


def _plain(audit: Audit) -> dict[str, object]:
    import dataclasses

    return dataclasses.asdict(audit)


@contextmanager
def opening(total: int) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error while pictures are opened; nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Opening pictures", total=total)
        yield lambda done, _all: bar.update(task, completed=done)


def _say(prepared: Prepared) -> None:
    audit = prepared.audit
    _output.say(_output.one_line(audit.source))
    counts = f"{audit.used} used, {audit.quarantined} quarantined, {audit.ignored} ignored"
    _output.say(f"{audit.found} files found, {counts}.")
    for note in audit.notes:
        _output.say(_output.one_line(note))
    _output.say()
    _output.say_lines(_class_table(audit))
    _output.say()
    for finding in audit.findings:
        _output.say(_output.one_line(f"{finding.severity}: {finding.message}"), hanging="  ")
        for path in finding.paths[:_EXAMPLES_SHOWN]:
            _output.say(_output.one_line(path), indent="    ")
        if finding.paths and finding.count > _EXAMPLES_SHOWN:
            _output.say(f"and {finding.count - _EXAMPLES_SHOWN} more", indent="    ")
    if audit.reasons:
        _output.say()
        _output.say("Every file left out with its reason: add --json.")


def _class_table(audit: Audit) -> list[str]:
    """Pictures by class and split; only the largest classes where there are very many."""
    ranked = sorted(audit.classes, key=lambda name: (-sum(audit.classes[name].values()), name))
    rows = [_row(name, audit.classes[name]) for name in sorted(ranked[:_CLASSES_SHOWN])]
    rest = ranked[_CLASSES_SHOWN:]
    if rest:
        rows.append(
            _row(f"{len(rest)} smaller classes", {s: sum(audit.classes[n][s] for n in rest) for s in audit.splits})
        )
    rows.append(_row("all", audit.splits))
    return _output.table(("class", *audit.splits, "all"), rows)


def _row(name: str, counts: dict[str, int]) -> tuple[str, ...]:
    label = _output.one_line(name)
    if len(label) > _NAME_WIDTH:
        label = label[: _NAME_WIDTH - 1] + "…"
    return (label, *(str(count) for count in counts.values()), str(sum(counts.values())))
