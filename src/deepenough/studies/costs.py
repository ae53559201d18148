"""What each contender costs on this machine: its network's cost, summed where it sees an image at several scales."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from deepenough.cost import measure
from deepenough.records import COSTS
from deepenough.studies.assembling import assemble
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender, sides_at_test


def measure_contenders(bench: Bench, progress: Callable[[int, int], None]) -> pl.DataFrame:
    """Measure every network once at every scale, and lay the rows out by contender.

    Contenders with the same network cost the same, however they were trained.

    Args:
        bench: of the study.
        progress: is called with (measured, all) configurations of scale and batch.

    Returns:
        A table of `records.COSTS`.
    """
    design, machine = bench.design, bench.setting.machine
    networks = {
        name: machine.place(assemble(bench.setting.task, name))
        for name in dict.fromkeys(contender(each).network for each in design.contenders)
    }
    measured = measure(
        networks,
        sides_at_test(design.contenders, design.scales),
        precision=machine.precision,
        channels_last=machine.channels_last,
        progress=progress,
    )
    return by_contender(measured, design.contenders, design.scales)


def by_contender(measured: pl.DataFrame, contenders: Sequence[str], scales: Sequence[int]) -> pl.DataFrame:
    """Rows of every contender at every scale, from rows of the networks.

    A contender that averages over scales has the sum of their multiply-accumulates and latencies and the largest of
    their memories, at every scale alike; the sum of their p95 is an upper bound of its own.

    Args:
        measured: the columns of `records.COSTS`, `contender` being a network, with every side that is averaged over.
        contenders: names.
        scales: of the study, pixels.
    """
    frames = []
    for name in contenders:
        found = contender(name)
        rows = measured.filter(pl.col("contender") == found.network)
        if found.average is None:
            rows = rows.filter(pl.col("scale").is_in(list(scales)))
        else:
            rows = _summed(rows.filter(pl.col("scale").is_in(list(found.average or scales))), scales)
        frames.append(rows.with_columns(contender=pl.lit(name)).select(*COSTS))
    together = pl.concat(frames)
    order = {name: place for place, name in enumerate(contenders)}
    return together.sort("scale", "batch", pl.col("contender").replace_strict(order))


def _summed(rows: pl.DataFrame, scales: Sequence[int]) -> pl.DataFrame:
    latency = pl.col("latency_s").struct
    total = rows.group_by("contender", "batch", "device", "precision", "parameters", maintain_order=True).agg(
        pl.col("macs").sum(),
        pl.struct(p50=latency.field("p50").sum(), p95=latency.field("p95").sum()).alias("latency_s"),
        images_per_s=1 / (1 / pl.col("images_per_s")).sum(),
        peak_bytes=pl.col("peak_bytes").max(),
    )
    return total.join(pl.DataFrame({"scale": list(scales)}, schema={"scale": pl.Int32}), how="cross")
