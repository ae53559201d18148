"""What the deciding pair answered at the deciding scale, and how sure each run was: two to three bytes an answer.

Classes are numbered in the order of their names. A right answer is 0, a wrong one the number of its class from 1, a
missing one -1; confidences are whole 254ths, and 255 where there is none. Deflated, since most answers are right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from deepenough.comparison import Aligned
from deepenough.errors import RecordError
from deepenough.report.bundle import blocks
from deepenough.report.bundle.blocks import Block

STEPS = 254  # of confidence
_ABSENT = 255

Runs = list[tuple[str, int]]  # contender, seed


@dataclass(frozen=True, slots=True)
class Answers:
    """Codes of every run of the pair, each of shape (runs, samples); targets of shape (samples,)."""

    classes: tuple[str, ...]
    runs: Runs
    targets: npt.NDArray[np.int16]
    predictions: npt.NDArray[np.int16]
    confidences: npt.NDArray[np.uint8]


def gather(scores: pl.DataFrame, pair: Sequence[str], sample_ids: pl.Series) -> Answers:
    """The answers of a pair from its scores at one scale, in the order of `sample_ids`."""
    frame = scores.filter(pl.col("contender").is_in(list(pair)))
    labels = pl.concat([frame["target"].cast(pl.String), frame["prediction"].cast(pl.String)])
    classes = labels.drop_nulls().unique().sort().to_list()
    codes = {name: place for place, name in enumerate(classes)}
    coded = frame.select(
        "contender",
        "seed",
        "sample_id",
        *(
            pl.col(name).cast(pl.String).replace_strict(codes, default=-1, return_dtype=pl.Int16)
            for name in ("target", "prediction")
        ),
        confidence=(pl.col("confidence") * STEPS).round().fill_nan(None).clip(0, STEPS).fill_null(_ABSENT),
    )
    ordered = pl.DataFrame({"sample_id": sample_ids})
    runs: Runs = []
    targets = np.full(len(sample_ids), -1, np.int16)
    predictions, confidences = [], []
    for name in pair:
        own = coded.filter(pl.col("contender") == name)
        for seed in own["seed"].unique().sort().to_list():
            run = ordered.join(own.filter(pl.col("seed") == seed), on="sample_id", how="left", maintain_order="left")
            runs.append((name, int(seed)))
            of_run = run["target"].fill_null(-1).to_numpy().astype(np.int16)
            targets = np.where(targets < 0, of_run, targets)
            predictions.append(run["prediction"].fill_null(-1).to_numpy().astype(np.int16))
            confidences.append(run["confidence"].fill_null(_ABSENT).to_numpy().astype(np.uint8))
    return Answers(tuple(classes), runs, targets, np.stack(predictions), np.stack(confidences))


def pack(answers: Answers) -> tuple[Block, dict[str, Any]]:
    """The answers as a block, with what it takes to read it."""
    given = answers.predictions
    wrong = np.where(given < 0, -1, np.where(given == answers.targets, 0, given + 1)).astype("<i2")
    content = answers.targets.astype("<i2").tobytes() + wrong.tobytes() + answers.confidences.tobytes()
    header = {"classes": list(answers.classes), "runs": [[name, seed] for name, seed in answers.runs]}
    return blocks.deflated("answers", content), header


def unpack(block: Block, header: Mapping[str, Any], samples: int) -> Answers:
    """The inverse of `pack`.

    Raises:
        RecordError: the block does not hold what the header says.
    """
    runs, content = [(str(name), int(seed)) for name, seed in header["runs"]], blocks.inflated(block)
    if len(content) != samples * (2 + 3 * len(runs)):
        raise RecordError("block answers", f"{len(runs)} runs of {samples} answers", f"{len(content)} bytes")
    split = 2 * samples * (1 + len(runs))
    codes = np.frombuffer(content[:split], "<i2").astype(np.int16).reshape(1 + len(runs), samples)
    targets, wrong = codes[0], codes[1:]
    given = np.where(wrong < 0, -1, np.where(wrong == 0, targets, wrong - 1)).astype(np.int16)
    confidences = np.frombuffer(content[split:], np.uint8).reshape(len(runs), samples)
    return Answers(tuple(header["classes"]), runs, targets, given, confidences)


def as_scores(answers: Answers, aligned: Aligned, scale: int) -> pl.DataFrame:
    """The answers with their outcomes as rows of `records.SCORES`."""
    names = pl.Series(answers.classes, dtype=pl.String)
    frames = []
    for place, (contender, seed) in enumerate(answers.runs):
        cell = aligned.cells[contender, scale]
        sure = answers.confidences[place].astype(np.float64) / STEPS
        frames.append(
            pl.DataFrame(
                {
                    "contender": pl.repeat(contender, len(sure), dtype=pl.String, eager=True),
                    "seed": pl.repeat(seed, len(sure), dtype=pl.Int64, eager=True),
                    "scale": pl.repeat(scale, len(sure), dtype=pl.Int32, eager=True),
                    "sample_id": aligned.sample_ids,
                    "target": _named(names, answers.targets),
                    "prediction": _named(names, answers.predictions[place]),
                    "score": cell.scores[cell.seeds.index(seed)],
                    "confidence": pl.Series(np.where(sure > 1.0, np.nan, sure)).fill_nan(None),
                }
            )
        )
    return pl.concat(frames).filter(pl.col("score").is_not_nan())


def _named(names: pl.Series, codes: npt.NDArray[np.int16]) -> pl.Series:
    places = pl.Series(codes.astype(np.int64))
    return names.gather(places.set(places < 0, None)) if len(names) else pl.Series([None] * len(codes), dtype=pl.String)
