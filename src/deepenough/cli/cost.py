"""`deepenough cost`: what contenders need on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepenough.cli import _output
from deepenough.cli._options import JsonOption

if TYPE_CHECKING:
    import polars as pl

DEFAULT_CONTENDERS = ("resnet50", "resnet101")


def cost(  # noqa: PLR0913  a command's options are its arguments
    contenders: Annotated[
        list[str] | None, typer.Argument(metavar="[CONTENDER]...", help="Default: resnet50 resnet101.")
    ] = None,
    scales: Annotated[str, typer.Option("--scales", metavar="PX,PX", help="Image sides.")] = "64,128",
    batch: Annotated[int, typer.Option("--batch", metavar="N", help="Images a call for throughput.")] = 32,
    classes: Annotated[int, typer.Option("--classes", metavar="N", help="Outputs of the head.")] = 1000,
    precision: Annotated[str, typer.Option("--precision", help="fp32 or bf16.")] = "fp32",
    channels_last: Annotated[bool, typer.Option("--channels-last", help="Lay channels out innermost.")] = False,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Also write a Parquet table.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure latency, throughput and memory of contenders on this machine.

    Example: deepenough cost resnet50 resnet101 --scales 64,128 --batch 32
    """
    sides = _sides(scales)
    _check_device(device)
    _check_precision(precision)

    from deepenough.cost import measure
    from deepenough.networks import build
    from deepenough.records import COSTS, write_table

    chosen = {name: build(name, classes).to(device) for name in contenders or DEFAULT_CONTENDERS}
    table = measure(
        chosen,
        sides,
        batch=batch,
        precision="bf16" if precision == "bf16" else "fp32",
        channels_last=channels_last,
    )
    if out is not None:
        write_table(out, table, COSTS)
    if as_json:
        _output.say_json(table.to_dicts())
        return
    _output.say_lines(_lines(table))
    if out is not None:
        _output.say(f"Written to {out}")


def _sides(scales: str) -> list[int]:
    from deepenough.errors import InputError

    parts = [part.strip() for part in scales.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError("--scales", "image sides in pixels with commas between", repr(scales), "try --scales 64,128")
    return sorted({int(part) for part in parts})


def _check_precision(precision: str) -> None:
    from deepenough.errors import InputError

    if precision not in ("fp32", "bf16"):
        raise InputError("--precision", "fp32 or bf16", repr(precision))


def _check_device(device: str) -> None:
    import torch

    from deepenough.errors import InputError

    if device not in ("cpu", "cuda"):
        raise InputError("--device", "cpu or cuda", repr(device))
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device", "a device of this machine", "cuda, but torch sees no GPU", "try --device cpu")


def _lines(table: pl.DataFrame) -> list[str]:
    first: dict[str, Any] = table.row(0, named=True)
    header = ("contender", "px", "batch", "GMACs", "ms p50", "ms p95", "images/s", "peak MiB", "calls")
    rows = [
        (
            row["contender"],
            row["scale"],
            row["batch"],
            f"{row['macs'] / 1e9:.2f}",
            f"{row['latency_s']['p50'] * 1e3:.1f}",
            f"{row['latency_s']['p95'] * 1e3:.1f}",
            f"{row['images_per_s']:.1f}",
            f"{row['peak_bytes'] / 2**20:.0f}",
            row["repeats"],
        )
        for row in table.iter_rows(named=True)
    ]
    closing = "ms are for a call, GMACs for one image; peak is weights and what a call adds."
    return [f"on {first['device']}, {first['precision']}", *_output.table(header, rows), closing]
