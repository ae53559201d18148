"""Two networks on corrupted copies of the test images: a gain for each corruption, and whether it is kept.

A sample's score under a corruption is its mean over the severities, run by run; what follows is the estimator of every
verdict. Influence values average as scores do: a run's mean over the samples is the mean of its metric over the
severities, and varies with the samples as that does. Hendrycks and Dietterich (arXiv 1903.12261) divide by AlexNet's
error, which nobody has for these images; here the two networks are held against each other, and against themselves on
the images as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from deepenough.comparison.estimating import as_pair, estimate_gain
from deepenough.comparison.pairing import Cells, Groups, align, cluster_labels, matched
from deepenough.errors import StudyError
from deepenough.records import PairResult, Verdict
from deepenough.records.robustness import ALL, Robustness, UnderCorruption
from deepenough.stats import bonferroni_level, holm

_KEY = ("contender", "seed", "scale", "sample_id")
Runs = Mapping[str, Cells]  # by contender, columns alike for all


@dataclass(frozen=True, slots=True)
class _Found:
    """What is left of a corruption's scores: means over the severities, and means at each of them."""

    scores: Runs
    by_severity: Mapping[str, list[float]]  # by contender


def decide_robustness(
    verdict: Verdict,
    scores: pl.DataFrame,
    corrupted: Iterable[tuple[str, pl.DataFrame]],
    *,
    groups: Groups | None = None,
) -> Robustness:
    """Hold the verdict's two networks against each other under every corruption.

    Args:
        verdict: gives the pair, the scale, the metric, the margin, the unit and the level.
        scores: `records.SCORES` on the images as they are.
        corrupted: each corruption with its `records.robustness.CORRUPTED`, of the same runs, samples and severities;
            taken one after the other, so that no two need be in memory.
        groups: cluster of each sample id, or its two, where samples are not independent.

    Raises:
        StudyError: nothing was corrupted, or other runs or samples.
        RecordError: runs lack samples.
    """
    pair, factor = (verdict.small, verdict.big), 100.0 if verdict.unit == "points" else 1.0
    own = scores.filter(pl.col("contender").is_in(pair), pl.col("scale") == verdict.scale)
    aligned = align(own.sort(*_KEY), where="scores")
    clean = {name: aligned.cells[name, verdict.scale] for name in pair}
    question = _Question(verdict, cluster_labels(aligned.sample_ids, groups), factor)
    severities: list[int] = []
    found: dict[str, _Found] = {}
    for name, frame in corrupted:
        severities = severities or sorted(map(int, frame["severity"].unique()))
        found[name] = _found(frame, clean, verdict.scale, aligned.sample_ids, severities)
    if not found:
        raise StudyError("--corruptions", "corruptions", "none")

    def under(corruption: str, of: _Found, level: float) -> UnderCorruption:
        kept = {name: Cells(cell.seeds, of.scores[name].scores - cell.scores) for name, cell in clean.items()}
        return UnderCorruption(
            corruption=corruption,
            means={name: float(of.scores[name].scores.mean()) * factor for name in pair},
            by_severity={name: [mean * factor for mean in of.by_severity[name]] for name in pair},
            gain=question.pair(of.scores, level),
            kept=question.pair(kept, level),
        )

    each = [under(name, of, verdict.level) for name, of in found.items()]
    wide = bonferroni_level(len(each), verdict.level)
    corrected = {part: holm([getattr(one, part).p_value for one in each]) for part in ("gain", "kept")}
    together = [under(name, of, wide) for name, of in found.items()]
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
        sample=verdict.sample,
        seeds={name: list(cell.seeds) for name, cell in clean.items()},
        severities=severities,
        clean={name: float(cell.scores.mean()) * factor for name, cell in clean.items()},
        corruptions=each,
        overall=under(ALL, _mean_of(list(found.values())), verdict.level),
    )


def _found(frame: pl.DataFrame, clean: Runs, scale: int, ids: pl.Series, severities: Sequence[int]) -> _Found:
    """One corruption's scores, of the runs of `clean` and of its samples `ids`, in that order."""
    at: list[Runs] = []
    for severity in severities:
        aligned = align(frame.filter(pl.col("severity") == severity).sort(*_KEY), where="scores under corruption")
        cells = {name: aligned.cells.get((name, scale), Cells((), cell.scores)) for name, cell in clean.items()}
        if not aligned.sample_ids.equals(ids) or any(cells[name].seeds != cell.seeds for name, cell in clean.items()):
            raise StudyError("scores under corruption", "the runs and samples of the study", "others", "evaluate anew")
        at.append(cells)
    return _Found(_mean(at), {n: [float(cells[n].scores.mean()) for cells in at] for n in clean})


def _mean(several: Sequence[Runs]) -> Runs:
    """The mean of each score over several of the same runs."""
    return {
        name: Cells(cell.seeds, np.mean([runs[name].scores for runs in several], axis=0))
        for name, cell in several[0].items()
    }


def _mean_of(found: Sequence[_Found]) -> _Found:
    """The mean over corruptions."""
    by_severity = {
        name: [float(np.mean(means)) for means in zip(*(of.by_severity[name] for of in found), strict=True)]
        for name in found[0].scores
    }
    return _Found(_mean([of.scores for of in found]), by_severity)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked under every corruption: the verdict's question."""

    verdict: Verdict
    clusters: np.ndarray | None
    factor: float

    def pair(self, runs: Runs, level: float) -> PairResult:
        """Big minus small, in the verdict's unit."""
        verdict, big, small = self.verdict, runs[self.verdict.big], runs[self.verdict.small]
        first, second, pairs = matched(big, small, paired=verdict.paired_seeds)
        guard = 2 if verdict.looks else 1
        estimate = estimate_gain(first, second, self.clusters, level=level, guard=guard, pairs=pairs)
        estimate = estimate.scaled(self.factor)
        return as_pair(estimate, verdict.small, verdict.big, verdict.scale, verdict.margin)
