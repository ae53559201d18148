"""Every outcome of every run as bits: one for each sample, in one order for all runs.

A contender's runs at one scale stand one below the other; each run is a row of ceil(samples / 8) bytes, the first
sample in the highest bit of the first byte. Scores other than 0 and 1 take eight bytes each (little-endian float64);
where that is too much for a page, only the deciding scale is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from deepenough.comparison import Aligned
from deepenough.comparison.pairing import aligned_runs
from deepenough.errors import RecordError
from deepenough.report.bundle import blocks
from deepenough.report.bundle.blocks import Block
from deepenough.stats import is_binary

MOST_FLOATS = 1_000_000  # bytes of scores that are not 0 or 1, before base64


def pack(aligned: Aligned, scale: int) -> tuple[Block, dict[str, Any]]:
    """The outcomes as a block, with what it takes to read it.

    Args:
        aligned: the scores of a study.
        scale: the deciding one, kept alone where all would be too much.
    """
    cells = list(aligned.cells)
    binary = all(is_binary(aligned.cells[cell].scores) for cell in cells)  # NaN is not
    if not binary and 8 * sum(aligned.cells[cell].scores.size for cell in cells) > MOST_FLOATS:
        cells = [cell for cell in cells if cell[1] == scale]
    header = {
        "kind": "bits" if binary else "float64",
        "samples": len(aligned.sample_ids),
        "cells": [
            {"contender": name, "scale": side, "seeds": list(aligned.cells[name, side].seeds)} for name, side in cells
        ],
    }
    rows = [row for cell in cells for row in aligned.cells[cell].scores]
    content = b"".join(np.packbits(row > 0).tobytes() if binary else row.astype("<f8").tobytes() for row in rows)
    return blocks.plain("outcomes", content), header


def unpack(block: Block, header: Mapping[str, Any], sample_ids: pl.Series) -> Aligned:
    """The inverse of `pack`, under the ids that the page gives its samples.

    Raises:
        RecordError: the block does not hold what the header says.
    """
    samples, binary = int(header["samples"]), header["kind"] == "bits"
    width = -(-samples // 8) if binary else 8 * samples
    content = blocks.unplain(block)
    keys = [(cell["contender"], seed, cell["scale"]) for cell in header["cells"] for seed in cell["seeds"]]
    if len(content) != width * len(keys) or len(sample_ids) != samples:
        wanted = f"{len(keys)} runs of {samples} outcomes in {width * len(keys)} bytes"
        raise RecordError("block outcomes", wanted, f"{len(content)} bytes")
    rows = np.frombuffer(content, np.uint8).reshape(len(keys), width)
    scores = (
        np.unpackbits(rows, axis=1, count=samples).astype(np.float64) if binary else rows.view("<f8").astype(np.float64)
    )
    return aligned_runs(sample_ids, dict(zip(keys, scores, strict=True)))


def as_frame(aligned: Aligned) -> pl.DataFrame:
    """The scores as a table of `contender`, `seed`, `scale`, `sample_id`, `score`, without those that are missing."""
    frames = [
        pl.DataFrame(
            {
                "contender": pl.repeat(name, len(aligned.sample_ids), dtype=pl.String, eager=True),
                "seed": pl.repeat(seed, len(aligned.sample_ids), dtype=pl.Int64, eager=True),
                "scale": pl.repeat(scale, len(aligned.sample_ids), dtype=pl.Int32, eager=True),
                "sample_id": aligned.sample_ids,
                "score": row,
            }
        )
        for (name, scale), cell in aligned.cells.items()
        for seed, row in zip(cell.seeds, cell.scores, strict=True)
    ]
    return pl.concat(frames).filter(pl.col("score").is_not_nan())
