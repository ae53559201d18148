"""Two networks on corrupted copies of the test images: a gain for each corruption, and whether it is kept.

A sample's score under a corruption is its mean over the severities, run by run; what follows is the estimator of every
verdict. Hendrycks and Dietterich (arXiv 1903.12261) divide by AlexNet's error, which nobody has for these images; here
the two networks are held against each other, and against themselves on the images as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from deepenough.comparison.estimating import estimate_gain
from deepenough.comparison.pairing import align, cluster_labels
from deepenough.errors import StudyError
from deepenough.records import PairResult, Verdict
from deepenough.records.robustness import ALL, Robustness, UnderCorruption
from deepenough.stats import bonferroni_level, decide, holm
from deepenough.stats.distributions import FloatArray

_KEY = ("contender", "seed", "scale", "sample_id")
Matrices = Mapping[str, FloatArray]  # contender -> (seeds, samples), columns alike for all


def decide_robustness(
    verdict: Verdict,
    scores: pl.DataFrame,
    corrupted: Mapping[str, pl.DataFrame],
    *,
    groups: Mapping[str, str | None] | None = None,
) -> Robustness:
    """Hold the verdict's two networks against each other under every corruption.

    Args:
        verdict: gives the pair, the scale, the margin, the unit and the level.
        scores: `records.SCORES` on the images as they are.
        corrupted: `records.robustness.CORRUPTED` by corruption, each with the same runs, samples and severities.
        groups: cluster of each sample id, where samples are not independent.

    Raises:
        StudyError: the verdict is not on accuracy, or nothing was corrupted.
        RecordError: runs lack samples.
    """
    if verdict.metric != "accuracy" or not corrupted:
        got = f"one on {verdict.metric}" if verdict.metric != "accuracy" else "no corruption"
        raise StudyError("--corruptions", "a verdict on accuracy, and corruptions", got)
    pair, factor = (verdict.small, verdict.big), 100.0 if verdict.unit == "points" else 1.0
    own = scores.filter(pl.col("contender").is_in(pair), pl.col("scale") == verdict.scale)
    aligned = align(own.sort(*_KEY), where="scores")
    clean = {name: aligned.cells[name, verdict.scale].scores for name in pair}
    seeds = {name: list(aligned.cells[name, verdict.scale].seeds) for name in pair}
    clusters = cluster_labels(aligned.sample_ids, groups)
    severities = sorted({int(level) for frame in corrupted.values() for level in frame["severity"].unique()})
    means = {name: _matrices(verdict, frame, aligned.sample_ids, seeds) for name, frame in corrupted.items()}
    everything = {name: np.mean([found[name] for found in means.values()], axis=0) for name in pair}

    def under(corruption: str, found: Matrices, level: float) -> UnderCorruption:
        frames = [corrupted[corruption]] if corruption != ALL else list(corrupted.values())
        kept = {name: found[name] - clean[name] for name in pair}
        return UnderCorruption(
            corruption=corruption,
            means={name: float(found[name].mean()) * factor for name in pair},
            by_severity={name: _by_severity(frames, name, severities, factor) for name in pair},
            gain=_pair(verdict, found, clusters, factor, level),
            kept=_pair(verdict, kept, clusters, factor, level),
        )

    each = [under(name, found, verdict.level) for name, found in means.items()]
    wide = bonferroni_level(len(each), verdict.level)
    corrected = {part: holm([getattr(one, part).p_value for one in each]) for part in ("gain", "kept")}
    together = [under(name, found, wide) for name, found in means.items()]
    each = [
        replace(
            one,
            gain=replace(one.gain, p_adjusted=corrected["gain"][i], simultaneous_interval=all_.gain.interval),
            kept=replace(one.kept, p_adjusted=corrected["kept"][i], simultaneous_interval=all_.kept.interval),
        )
        for i, (one, all_) in enumerate(zip(each, together, strict=True))
    ]
    return Robustness(
        small=verdict.small,
        big=verdict.big,
        scale=verdict.scale,
        metric=verdict.metric,
        unit=verdict.unit,
        margin=verdict.margin,
        level=verdict.level,
        samples=len(aligned.sample_ids),
        seeds=seeds,
        severities=severities,
        clean={name: float(clean[name].mean()) * factor for name in pair},
        corruptions=each,
        overall=under(ALL, everything, verdict.level),
    )


def _matrices(verdict: Verdict, frame: pl.DataFrame, ids: pl.Series, seeds: Mapping[str, list[int]]) -> Matrices:
    """Each contender's mean over severities, (seeds, samples) in the order of `ids`."""
    mean = frame.group_by(*_KEY).agg(pl.col("score").mean()).sort(*_KEY)
    aligned = align(mean, where="scores under corruption")
    if not aligned.sample_ids.equals(ids) or any(
        list(aligned.cells[name, verdict.scale].seeds) != seeds[name] for name in (verdict.small, verdict.big)
    ):
        raise StudyError("scores under corruption", "the runs and samples of the study", "others", "evaluate anew")
    return {name: aligned.cells[name, verdict.scale].scores for name in (verdict.small, verdict.big)}


def _by_severity(frames: list[pl.DataFrame], name: str, severities: list[int], factor: float) -> list[float]:
    found = [
        dict(frame.filter(pl.col("contender") == name).group_by("severity").agg(pl.col("score").mean()).iter_rows())
        for frame in frames
    ]
    return [float(np.mean([means[level] for means in found])) * factor for level in severities]


def _pair(verdict: Verdict, found: Matrices, clusters: np.ndarray | None, factor: float, level: float) -> PairResult:
    guard = 2 if verdict.looks else 1
    estimate = estimate_gain(found[verdict.big], found[verdict.small], clusters, level=level, guard=guard)
    estimate = estimate.scaled(factor)
    return PairResult(
        small=verdict.small,
        big=verdict.big,
        scale=verdict.scale,
        answer=decide(estimate.interval, verdict.margin).answer,
        difference=estimate.difference,
        interval=estimate.interval,
        p_value=estimate.p_value,
        degrees_of_freedom=estimate.degrees_of_freedom,
        standard_error=estimate.standard_error,
    )
