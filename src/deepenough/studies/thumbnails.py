"""Small copies of pictures for the report: where the contenders disagree, and where two are nearly the same."""

from __future__ import annotations

import contextlib
import io
from itertools import zip_longest
from pathlib import Path

import polars as pl
from PIL import Image

from deepenough.comparison import differing_samples, disagreements
from deepenough.data import Prepared, decode_rgb
from deepenough.errors import DecodeError
from deepenough.records import Verdict, write_table

LONGEST_SIDE = 160
MOST = 48
MOST_OF_A_SLICE = 4
MOST_MORE = 96  # beside the first, for slices: some 400 kB
THUMBNAILS = {"sample_id": pl.String, "image": pl.Binary, "width": pl.Int32, "height": pl.Int32}


def write_thumbnails(
    prepared: Prepared, scores: pl.DataFrame, verdict: Verdict, path: Path, samples: pl.DataFrame | None = None
) -> None:
    """Write JPEG copies, at most 160 px on the longer side, of the pictures that divide the deciding pair the most.

    Overall, and in each slice, so that the report has some to show of every slice; and of nearly identical pictures in
    different splits or under different classes. `samples` are what scores are of, where they are not the pictures.
    """
    pair = {"small": verdict.small, "big": verdict.big, "scale": verdict.scale}
    overall = disagreements(scores, **pair, limit=MOST)["sample_id"].to_list()
    slices = differing_samples(scores, prepared.samples if samples is None else samples, **pair, most=MOST_OF_A_SLICE)
    of_slices = [sample for samples in zip_longest(*slices.values()) for sample in samples if sample is not None]
    chosen = list(dict.fromkeys([*overall, *of_slices]))[: MOST + MOST_MORE]
    twins = [sample for pair in prepared.audit.pairs_in_doubt() for sample in (pair.sample_id, pair.other_sample_id)]
    rows = []
    for sample in dict.fromkeys([*chosen, *twins]):
        if sample not in prepared.entries:  # a sample of several pictures
            continue
        with contextlib.suppress(OSError, DecodeError):  # a picture that went away meanwhile is not worth a verdict
            rows.append(_thumbnail(sample, prepared.entries[sample].read()))
    write_table(path, pl.DataFrame(rows, schema=THUMBNAILS), THUMBNAILS)


def _thumbnail(sample_id: str, encoded: bytes) -> dict[str, object]:
    picture = Image.fromarray(decode_rgb(encoded))
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=80)
    return {"sample_id": sample_id, "image": target.getvalue(), "width": picture.width, "height": picture.height}
