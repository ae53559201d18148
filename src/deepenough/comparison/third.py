"""Third answers decided: a cascade and an average, held against the two networks that they are made of.

They are contenders like any other and get the same intervals. Their run s holds the very networks of run s of both, so
where there are three seeds the runs are held against each other in pairs (`stats.paired`); with two they are taken as
independent, which makes the interval too wide and never too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from deepenough.comparison.cascade import cascade_scores, curve, expected_costs
from deepenough.comparison.estimating import as_pair, estimate_gain, interval_of_mean
from deepenough.comparison.pairing import Aligned, align, cluster_labels, matched
from deepenough.errors import StudyError
from deepenough.records import AVERAGE, CASCADE, ContenderResult, PairResult, ThirdAnswers, Verdict
from deepenough.stats import bonferroni_level, holm


def decide_third(
    verdict: Verdict,
    scores: pl.DataFrame,
    validation: pl.DataFrame,
    *,
    average: tuple[pl.DataFrame, pl.DataFrame] | None = None,
    costs: pl.DataFrame | None = None,
    groups: Mapping[str, str | None] | None = None,
    within: float | None = None,
    share: float | None = None,
) -> tuple[ThirdAnswers, pl.DataFrame]:
    """Make a cascade from outcomes on record and hold it, and an average, against both networks.

    Args:
        verdict: gives the pair, the scale, the margin, the unit and the level.
        scores: `records.SCORES` on test.
        validation: the same on validation.
        average: rows of `records.SCORES` of the contender `average`, on test and on validation; None without one.
        costs: `records.COSTS`; gives the expected cost.
        groups: cluster of each sample id, where samples are not independent.
        within: in the verdict's unit: the threshold is the lowest that stays less than this below the best on
            validation; the verdict's margin where None.
        share: the threshold passes on no more than this share of the validation samples instead.

    Returns:
        The record, and the rows of `records.SCORES` of the third answers on test.

    Raises:
        StudyError: the verdict is not about a mean of outcomes, the outcomes hold no confidences, or no seed is shared.
    """
    if verdict.metric != "accuracy":
        remedy = "decide with: deepenough verdict FOLDER --metric accuracy"
        raise StudyError("cascade", "a verdict on accuracy", f"one on {verdict.metric}", remedy)
    if share is None:
        within = verdict.margin if within is None else within
    pair, multiplier = (verdict.small, verdict.big), 100.0 if verdict.unit == "points" else 1.0
    chosen = {"multiplier": multiplier, "within": None if share is not None else within, "share": share}
    tested, tried, thresholds = cascade_scores(scores, validation, pair, verdict.scale, **chosen)
    made, seen = [tested], [tried]
    if average is not None:
        made.append(average[0])
        seen.append(average[1])
    own = scores.filter(pl.col("contender").is_in(pair), pl.col("scale") == verdict.scale).select(tested.columns)
    aligned = align(pl.concat([own, *made]), where="third answers")
    validated = pl.concat([validation.filter(pl.col("scale") == verdict.scale).select(tested.columns), *seen])
    answers = [CASCADE, *([AVERAGE] if average is not None else [])]
    passed_on = sum(each.share for each in thresholds) / len(thresholds)
    expected = expected_costs(costs, pair, verdict.scale, passed_on)
    record = ThirdAnswers(
        small=verdict.small,
        big=verdict.big,
        scale=verdict.scale,
        metric=verdict.metric,
        unit=verdict.unit,
        margin=verdict.margin,
        level=verdict.level,
        within=chosen["within"],
        declared_share=share,
        thresholds=thresholds,
        contenders=_results(verdict, aligned, [*pair, *answers], validated, groups, multiplier),
        pairs=_pairs(verdict, aligned, answers, expected, groups, multiplier),
        costs=expected,
        curve=curve(scores, pair, verdict.scale, multiplier=multiplier),
    )
    return record, pl.concat(made)


def _results(
    verdict: Verdict,
    aligned: Aligned,
    names: list[str],
    validation: pl.DataFrame,
    groups: Mapping[str, str | None] | None,
    multiplier: float,
) -> list[ContenderResult]:
    clusters = cluster_labels(aligned.sample_ids, groups)
    found = []
    for name in names:
        cell = aligned.cells[name, verdict.scale]
        ends = interval_of_mean(cell.scores, clusters, level=verdict.level)
        seeds = validation.filter(pl.col("contender") == name).group_by("seed").agg(pl.col("score").mean())["score"]
        found.append(
            ContenderResult(
                contender=name,
                scale=verdict.scale,
                mean=float(cell.seed_means().mean()) * multiplier,
                interval=None if ends is None else (ends[0] * multiplier, ends[1] * multiplier),
                per_seed={
                    seed: float(mean) * multiplier for seed, mean in zip(cell.seeds, cell.seed_means(), strict=True)
                },
                validation_mean=None if seeds.is_empty() else float(seeds.to_numpy().mean()) * multiplier,
                samples=len(aligned.sample_ids),
            )
        )
    return found


def _pairs(
    verdict: Verdict,
    aligned: Aligned,
    answers: list[str],
    expected: Mapping[str, Mapping[str, float]],
    groups: Mapping[str, str | None] | None,
    multiplier: float,
) -> list[PairResult]:
    """Each third answer against each network, the cheaper of two as the small one, corrected for their number."""
    made = []
    asked = [(answer, name) for answer in answers for name in (verdict.small, verdict.big)]
    level = bonferroni_level(len(asked), verdict.level)
    for answer, name in asked:
        small, big = (name, answer) if _dearer(answer, name, verdict, expected) else (answer, name)
        made.append(
            replace(
                _pair(verdict, aligned, (small, big), groups, multiplier, verdict.level),
                simultaneous_interval=_pair(verdict, aligned, (small, big), groups, multiplier, level).interval,
            )
        )
    corrected = holm([each.p_value for each in made])
    return [replace(each, p_adjusted=p_value) for each, p_value in zip(made, corrected, strict=True)]


def _dearer(answer: str, name: str, verdict: Verdict, expected: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether a third answer costs more than a network; without costs, a cascade less than the big one."""
    if expected:
        return expected[answer]["latency_s"] > expected[name]["latency_s"]
    return answer == AVERAGE or name == verdict.small


def _pair(
    verdict: Verdict,
    aligned: Aligned,
    pair: tuple[str, str],
    groups: Mapping[str, str | None] | None,
    multiplier: float,
    level: float,
) -> PairResult:
    small, big = (aligned.cells[name, verdict.scale] for name in pair)
    first, second, pairs = matched(big, small, paired=True)
    clusters = cluster_labels(aligned.sample_ids, groups)
    guard = 2 if verdict.looks else 1
    estimate = estimate_gain(first, second, clusters, level=level, guard=guard, pairs=pairs).scaled(multiplier)
    return as_pair(estimate, *pair, verdict.scale, verdict.margin)
