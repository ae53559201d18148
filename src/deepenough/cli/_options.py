"""Options that several commands share, so that they read and behave alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_MARGIN = 0.5  # points of accuracy
LOSS = "declare the loss that is too small to matter"  # where a margin is what a model may lose

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text.")]

PlaceOption = Annotated[
    str | None,
    typer.Option("--source", metavar="PLACE", help="Where the study's images are now.", show_default=False),
]
StudyThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Of torch; by default the study's.", show_default=False)
]

ExecutorOption = Annotated[
    str, typer.Option(metavar="NAME", help="Who trains: local, this process, or ray, a task for each training.")
]
RayAddressOption = Annotated[
    str | None,
    typer.Option(metavar="ADDR", help="The Ray cluster: auto, HOST:PORT.  [default: one begun on this machine]"),
]

LanguageOption = Annotated[
    str,
    typer.Option("--lang", metavar="LANGUAGE", help="Of the report's words: en, or zh for simplified Chinese."),
]

AllowOutsideOption = Annotated[
    bool, typer.Option("--allow-outside", help="A manifest may name pictures outside its folder: only if you trust it.")
]

SmallOption = Annotated[
    str | None,
    typer.Option("--small", metavar="NAME", help="The contender that costs less; found where there are two."),
]
BigOption = Annotated[
    str | None, typer.Option("--big", metavar="NAME", help="The contender that costs more; found where there are two.")
]

RunOption = Annotated[
    list[str] | None,
    typer.Option("--run", metavar="NAME=FILE", help="A file with one run: CONTENDER[@SCALE][:SEED]=FILE."),
]
TargetsOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Sample ids and targets, where the predictions lack them.")
]
ClassesOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Class names by index, where predictions are numbers.")
]
FormOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Read as long, wide, single, timm, fiftyone or labels; else recognised."),
]
ValuesOption = Annotated[str, typer.Option(metavar="KIND", help="What a wide table holds: labels or scores.")]
