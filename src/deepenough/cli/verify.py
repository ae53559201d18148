"""`deepenough verify`: hold a report against the data embedded in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deepenough.cli import _options, _output


def verify(
    page: Annotated[Path, typer.Argument(metavar="REPORT", help="A report.html, or the folder that holds it.")],
    as_json: _options.JsonOption = False,
) -> None:
    """Have every number of a report again from the data embedded in it.

    Needs the page alone. Exit code 0: all of it agrees. 2: something does not,
    and what is said.

    \b
    Examples:
      deepenough verify runs/demo/report.html
      deepenough verify report.html --json
    """
    from deepenough.errors import RecordError
    from deepenough.report.proof import looks

    path = page / "report.html" if page.is_dir() else page
    found = looks(path)
    wrong = [fault for look in found for fault in look.wrong]
    if as_json:
        _output.say_json(
            {"agrees": not wrong, "looks": [{"what": look.what, "wrong": list(look.wrong)} for look in found]}
        )
    else:
        for look in found:
            _output.say(look.what, indent="WRONG  " if look.wrong else "ok     ", hanging="       ")
            for fault in look.wrong:
                _output.say(fault, indent="       - ", hanging="         ")
    if wrong:
        more = f" ({len(wrong)} faults)" if len(wrong) > 1 else ""
        remedy = "write it anew from its study with deepenough report, or ask for another copy"
        raise RecordError(str(path), "a page that agrees with its data", f"{wrong[0]}{more}", remedy)
