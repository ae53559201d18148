"""`deepenough embed`: embeddings of both networks, kept, measured and compared."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepenough.cli import _options, _output, _values

if TYPE_CHECKING:
    from collections.abc import Callable

    from deepenough.studies.embedding import Material


class Form(StrEnum):
    """How vectors are kept."""

    parquet = "parquet"
    numpy = "numpy"


def embed(  # noqa: PLR0913  one option, one argument
    source: Annotated[
        str, typer.Argument(metavar="FOLDER|SOURCE", help="A finished study's folder, or a source of images.")
    ],
    contenders: Annotated[
        str, typer.Option(metavar="A,B", help="Of a source: the two networks, the smaller one first.")
    ] = "resnet50,resnet101",
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN|NAME=ORIGIN", help="Of a source: auto, none (random), an origin or files.  [default: auto]"
        ),
    ] = None,
    scale: Annotated[int, typer.Option(metavar="PX", min=32, max=2048, help="Of a source: image side.")] = 64,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Of a source with random weights.")] = 3,
    to: Annotated[Form, typer.Option("--to", help="How the vectors are kept.")] = Form.parquet,
    umap: Annotated[
        bool, typer.Option("--umap", help="Judge UMAP in 2, 8 and 32 dimensions too; takes minutes.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="By default in FOLDER/embed or runs/NAME-embed.", show_default=False),
    ] = None,
    moved: Annotated[
        str | None,
        typer.Option("--source", metavar="PLACE", help="Where a study's images are now.", show_default=False),
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Of torch.", show_default=False)] = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Embed images by both networks; say which embedding is worth more, and how many dimensions each needs.

    Neighbours, a linear probe and retrieval with intervals; accuracy over dimensions for principal components, a random
    and a learned projection; intrinsic dimension, trustworthiness, and how alike the stages are. See docs/embed.md.

    \b
    Examples:
      deepenough embed runs/demo
      deepenough embed my_photos/ --weights timm:a1_in1k --scale 224 --to numpy
    """
    from deepenough.report import embedding as words
    from deepenough.studies.embedding import embed as run

    tell = _output.teller(as_json=as_json)
    if (Path(source) / "verdict.json").is_file():
        from deepenough.records import make_folder
        from deepenough.studies.embedding import material_of_study
        from deepenough.studies.finished import open_finished

        folder = out or Path(source) / "embed"
        make_folder(folder)  # before pictures are opened
        material = material_of_study(open_finished(Path(source), source=moved, threads=threads))
    else:
        material, folder = _of_source(
            source, {"contenders": contenders, "weights": _values.weights(weights)}, (scale, seeds, threads), out, tell
        )
    found = run(material, folder, form=to.value, umap=umap, tell=tell)
    written = words.write(found, folder)
    if as_json:
        _output.say_json(found)
        return
    for sentence in words.sentences(found):
        _output.say(sentence)
    _output.say()
    for header, rows in words.lines(found):
        _output.say_lines(_output.table(header, rows))
        _output.say()
    _output.say(f"Written: the vectors and {', '.join(path.name for path in written)} in {folder}")


def _of_source(
    source: str,
    asked: dict[str, object],
    numbers: tuple[int, int, int | None],
    out: Path | None,
    tell: Callable[[str], None],
) -> tuple[Material, Path]:
    from deepenough.studies.asking import folder_of, request_of
    from deepenough.studies.embedding import material_of_source

    scale, seeds, threads = numbers
    names = tuple(_values.parts(str(asked["contenders"])))
    settings = {
        "contenders": names,
        "weights": asked["weights"],
        "seeds": seeds,
        "threads": threads,
        "scales": (scale,),
    }
    request = request_of(source, settings, where="option")
    folder = out or folder_of(source).with_name(f"{folder_of(source).name}-embed")
    return material_of_source(request, scale, folder / "cache", tell=tell), folder
