"""What `deepenough plan` draws and prints of what could be decided."""

from __future__ import annotations

import errno
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from deepenough.cli import _output
from deepenough.errors import InputError

if TYPE_CHECKING:
    from deepenough.comparison.planning import Prospect
    from deepenough.data import Prepared
    from deepenough.report.tables import Table
    from deepenough.studies.outlook import Outlook


def draw(prospect: Prospect, picture: Path) -> None:
    """Write the picture."""
    from deepenough.records import write_atomically
    from deepenough.report.figures.planning import margin_over_images

    text = margin_over_images(prospect)
    try:
        write_atomically(picture, lambda stream: stream.write(text.encode("utf-8", errors="replace")))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise InputError(f"--out {picture}", "a file that can be written", error.strerror or str(error)) from None


def plain(prospect: Prospect, outlook: Outlook | None, prepared: Prepared | None, picture: Path) -> dict[str, object]:
    """All of it, for machines."""
    return {
        **asdict(prospect),
        "time": None if outlook is None else asdict(outlook),
        "audit": None if prepared is None else asdict(prepared.audit),
        "picture": str(picture),
    }


def say(prospect: Prospect, outlook: Outlook | None, prepared: Prepared | None) -> None:
    """Print what could be decided."""
    from deepenough.report import planning as words
    from deepenough.report.tables import numbers
    from deepenough.report.tables import planning as tables

    if prepared is not None:
        _say_source(prepared)
    for sentence in words.basis(prospect):
        _output.say(sentence)
    for made in (tables.margins(prospect), tables.sure(prospect), tables.likely(prospect)):
        say_table(made)
    if outlook is not None:
        say_table(tables.time({k: asdict(parts) for k, parts in outlook.forecasts.items()}))
        names = " and ".join(outlook.contenders)
        _output.say(
            f"For {names}, {outlook.epochs} epochs at {outlook.train_scale} px in {outlook.precision}, as compare "
            "would train them; more images, scales or epochs take longer. Decoded images take about "
            f"{numbers.size(outlook.cache_bytes)} on disk, once for all seeds."
        )
        for lost in outlook.gave_up:
            _output.say(f"Given up to fit the budget: {lost}.")
    _output.say()
    for sentence in words.answers(prospect):
        _output.say(sentence)


def _say_source(prepared: Prepared) -> None:
    from deepenough.cli._output import one_line

    audit = prepared.audit
    sizes = ", ".join(f"{count} {split}" for split, count in audit.splits.items())
    _output.say(one_line(f"{audit.source}: {audit.used} of {audit.found} images used, {sizes}."))
    for note in audit.notes:
        _output.say(one_line(note))
    serious = [finding for finding in audit.findings if finding.severity != "info"]
    for finding in serious:
        _output.say(one_line(f"{finding.severity}: {finding.message}"), hanging="  ")
    if prepared.samples["group"].null_count() < prepared.samples.height:
        _output.say(
            "The images come in groups, and groups are what counts: read the numbers of images below as numbers of "
            "groups, or measure a pilot, which allows for them."
        )
    _output.say()


def say_table(made: Table) -> None:
    """Print a table below an empty line."""
    _output.say()
    _output.say(made.caption)
    _output.say_lines(_output.table([column.title for column in made.columns], made.rows))
