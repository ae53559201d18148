"""The images on which the two networks of the deciding pair differ."""

from __future__ import annotations

import polars as pl

from deepenough import comparison
from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.evidence import Evidence
from deepenough.report.language import say
from deepenough.report.tables import numbers


def differing_images(evidence: Evidence, scores: pl.DataFrame) -> pl.DataFrame:
    """The images on which the two differ, each with its path, or its id where that is not known."""
    verdict = evidence.verdict
    frame = comparison.disagreements(scores, small=verdict.small, big=verdict.big, scale=verdict.scale)
    if evidence.samples is None:
        return frame.with_columns(path=pl.col("sample_id"))
    paths = evidence.samples.select("sample_id", "path").unique("sample_id")
    frame = frame.join(paths, on="sample_id", how="left", maintain_order="left")
    return frame.with_columns(pl.col("path").fill_null(pl.col("sample_id")))


def how_many(frame: pl.DataFrame, verdict: Verdict) -> str:
    """On how many images they differ, and which does better on how many."""
    small, big = words.display_name(verdict.small), words.display_name(verdict.big)
    gain, loss = (frame.filter(pl.col("difference") * sign > 0).height for sign in (1, -1))
    if frame["small_prediction"].null_count() == frame.height:
        return say(
            "Of {samples} test images, all training runs taken together, {big} does better on {gain}, {small} on "
            "{loss}.",
            samples=numbers.count(verdict.samples),
            big=big,
            gain=numbers.count(gain),
            small=small,
            loss=numbers.count(loss),
        )
    return say(
        "They differ on {images} of {samples} test images, all training runs taken together: {big} is right more "
        "often on {gain}, {small} on {loss}.",
        images=numbers.count(frame.height),
        samples=numbers.count(verdict.samples),
        big=big,
        gain=numbers.count(gain),
        small=small,
        loss=numbers.count(loss),
    )
