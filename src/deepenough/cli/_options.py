"""Options that several commands share, so that they read and behave alike everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

DEFAULT_MARGIN = 0.5  # points of accuracy

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text.")]

SmallOption = Annotated[
    str | None,
    typer.Option("--small", metavar="NAME", help="The contender that costs less; found where there are two."),
]
BigOption = Annotated[
    str | None, typer.Option("--big", metavar="NAME", help="The contender that costs more; found where there are two.")
]
