"""`deepenough export`: one trained network of a study as a file for production, proven on the test pictures."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepenough.cli import _options, _output

if TYPE_CHECKING:
    from deepenough.serving import Export
    from deepenough.serving.latency import Latency


class Form(StrEnum):
    """What an exported file can be."""

    onnx = "onnx"
    torch = "torch"
    openvino = "openvino"


def export(  # noqa: PLR0913  one option, one argument
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A study's folder, with verdict.json in it.")],
    to: Annotated[Form, typer.Option("--to", help="The form of the file; torch means safetensors.")] = Form.onnx,
    contender: Annotated[
        str, typer.Option("--contender", metavar="NAME", help="By default the one that the verdict is for.")
    ] = "winner",
    seed: Annotated[
        int | None, typer.Option("--seed", help="By default the best on validation.", show_default=False)
    ] = None,
    scale: Annotated[
        int | None, typer.Option("--scale", metavar="PX", help="By default the verdict's.", show_default=False)
    ] = None,
    int8: Annotated[bool, typer.Option("--int8", help="Quantise to 8 bits, calibrated on training images.")] = False,
    margin: Annotated[
        float, typer.Option("--margin", help="Points of accuracy that int8 may not lose.")
    ] = _options.DEFAULT_MARGIN,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="By default in a folder of FOLDER/export.", show_default=False),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="PLACE", help="Where the study's images are now.", show_default=False),
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Of the runtime; by default all cores.", show_default=False)
    ] = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Write a trained network as a file, and prove that it answers as the study's.

    Squares of uint8 pixels go in, what the study's task says comes out (probabilities and labels, an embedding, boxes,
    a mended picture); scaling is in the file. Every test image is then read from its own file and asked about: in fp32
    all decisions must be torch's, or nothing is written; int8 is held against fp32 by the statistics of a verdict. A
    model card is written beside the file. See docs/export.md.

    \b
    Examples:
      deepenough export runs/demo
      deepenough export runs/demo --to openvino --int8
      deepenough export runs/demo --contender resnet101 --seed 1 --to torch
    """
    from dataclasses import asdict

    from deepenough.cli import _served
    from deepenough.serving import choose
    from deepenough.serving.places import ENDING, require_place
    from deepenough.serving.predicting import usable_cores
    from deepenough.stats import check_margin

    threads = threads or usable_cores()
    if int8:
        check_margin(margin, "--margin", _options.LOSS)
    choice = choose(folder, contender=contender, seed=seed, scale=scale)
    numbers = "-int8" if int8 else ""
    place = f"{choice.contender}-seed{choice.seed}-{choice.scale}px-{to.value}{numbers}"
    file = out or folder / "export" / place / f"model{ENDING[to.value]}"
    require_place(file, to.value, int8=int8)
    from deepenough.serving import export as write  # torch
    from deepenough.studies.finished import open_finished

    if not as_json:
        for sentence in choice.why:
            _output.say(sentence)
    material = _served.material_of(open_finished(folder, source=source, threads=threads), choice)
    tell = _output.teller(as_json=as_json)
    done = write(material, file, to.value, int8=int8, margin=margin, threads=threads, tell=tell)
    if as_json:
        _output.say_json({**asdict(done), "path": str(done.path), "card": str(done.card)})
        return
    _say(done, material.precision)


def _say(done: Export, precision: str) -> None:
    from deepenough.serving.latency import unsteady

    parity = done.held.parity
    ties = f", {parity.ties} more are ties" if parity.ties else ""
    _output.say()
    decides = parity.decides[0].upper() + parity.decides[1:]
    _output.say(
        f"{decides} as torch in fp32 gives them, from the raw files: {parity.equal:,} of {parity.samples:,}{ties}; "
        f"greatest difference of {parity.measured} {parity.largest:.1e}."
    )
    recorded = (
        ""
        if parity.recorded is None
        else f"{decides} as the study recorded them, in {precision}: {parity.recorded:,} of {parity.samples:,} (torch "
        f"in fp32: {parity.torch_recorded:,}). "
    )
    unit = "%" if parity.unit == "points" else parity.unit
    _output.say(
        f"{recorded}{parity.metric[0].upper()}{parity.metric[1:]} {parity.value:.2f} {unit}, torch in fp32 "
        f"{parity.torch_value:.2f} {unit}, recorded in {precision} {parity.recorded_value:.2f} {unit}."
    )
    if done.held.no_worse is not None:
        from deepenough.cli.gate import sentences

        for sentence in sentences(done.held.no_worse, "fp32", "int8"):
            _output.say(sentence)
    _output.say()
    _output.say_lines(_output.table(("time of a call, ms", "batch", "median", "95th", "calls"), _rows(done.latency)))
    warned = unsteady(done.latency)
    _output.say(f"Threads: {done.latency[0].threads}. In turns, without decoding and resizing. {warned}".rstrip())
    _output.say()
    _output.say(f"Written: {done.path} ({done.bytes / 1e6:.1f} MB), {done.card}")
    _output.say(f"Try it: deepenough predict {done.path} IMAGES")


def _rows(rows: list[Latency]) -> list[tuple[Any, ...]]:
    return [(row.title, row.batch, f"{1000 * row.p50_s:.2f}", f"{1000 * row.p95_s:.2f}", row.calls) for row in rows]
