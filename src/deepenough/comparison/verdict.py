"""From scores to a verdict: pair over samples, estimate, decide, and say what the answer rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from deepenough.comparison import caveats as caveat
from deepenough.comparison.estimating import as_pair, estimate_gain, for_planning, interval_of_mean, method_of
from deepenough.comparison.labels import labels_share
from deepenough.comparison.needs import in_samples
from deepenough.comparison.noise import account_of
from deepenough.comparison.order import (
    deciding_pair,
    deciding_scale,
    from_small_to_big,
    taught_pairs,
    validation_means,
)
from deepenough.comparison.pairing import (
    Aligned,
    Groups,
    align,
    cluster_labels,
    matched,
    require_pairs,
)
from deepenough.comparison.stored import StoredScores
from deepenough.errors import InputError, StudyError
from deepenough.records import ContenderResult, Needed, PairResult, Trained, Verdict
from deepenough.stats import Decision, Estimate, bonferroni_level, check_margin, decide, holm, needed, tipping_seed_sd
from deepenough.stats.mrmc import Guard


@dataclass(frozen=True, slots=True)
class _Question:
    """What all pairs of a study have in common."""

    aligned: Aligned
    clusters: np.ndarray | None
    margin: float
    multiplier: float
    level: float
    guard: Guard
    paired_seeds: bool

    def estimate(
        self, small: str, big: str, scale: int, level: float | None = None, *, paired: bool = False
    ) -> Estimate:
        cells = self.aligned.cells
        paired = self.paired_seeds or (paired and cells[big, scale].complete and cells[small, scale].complete)
        first, second, pairs = matched(cells[big, scale], cells[small, scale], paired=paired)
        try:
            gain = estimate_gain(first, second, self.clusters, level=level or self.level, guard=self.guard, pairs=pairs)
        except InputError as error:  # of scores with gaps, which name the side
            where = {"a": big, "b": small}.get(error.where, f"{small} and {big}")
            at = f" at {scale} px" if scale else ""
            raise StudyError(f"{where}{at}", error.expected, error.got, error.remedy) from None
        return gain.scaled(self.multiplier)

    def samples(self, estimate: Estimate) -> int:
        """How many samples an estimate rests on; with gaps, those that both contenders scored."""
        return estimate.samples if self.clusters is None else len(self.aligned.sample_ids)


def decide_study(  # noqa: PLR0913  one call, all that a verdict depends on
    scores: pl.DataFrame | StoredScores,
    *,
    margin: float,
    validation: pl.DataFrame | None = None,
    small: str | None = None,
    big: str | None = None,
    costs: pl.DataFrame | None = None,
    metric: str = "accuracy",
    unit: str = "points",
    multiplier: float = 100.0,
    groups: Groups | None = None,
    caveats: Sequence[str] = (),
    scale: int | None = None,
    noise_runs: pl.DataFrame | None = None,
    level: float = 0.95,
    guard: Guard = 1,
    trained: Trained = "all",
    gaps: bool = False,
    paired_seeds: bool = False,
) -> Verdict:
    """Decide whether the small contender is enough.

    The deciding pair is the declared one, else the cheapest and the costliest contender; the deciding scale the
    declared one, else the best on validation. Every other contender and scale is estimated too, against the small
    contender, and every pupil against its teacher, run by run where they share three seeds.

    Args:
        scores: columns `contender`, `seed`, `scale`, `sample_id`, `score`, higher is better; `prediction` too tells
            which new samples would need a label.
        margin: above 0, in `unit`: the gain too small to pay for.
        validation: as `scores`, on other samples; chooses the scale. Its samples never enter the estimate.
        small: contender that would be enough.
        big: contender that might be needed.
        costs: `records.COSTS`; orders the contenders where the pair is not declared.
        metric: what a score is, for the record.
        unit: of margin, differences and means in the verdict.
        multiplier: units for a score of 1.
        groups: cluster of each sample id, where samples are not independent.
        caveats: sentences the caller knows (diverged runs, ...); they come first.
        scale: the deciding scale, declared before looking.
        noise_runs: `records.NOISE`, trainings that vary one source of randomness each; they never enter the decision.
        level: of every interval; that of a look (`stats.schedule`) where a study is looked at more than once.
        guard: 2 makes the degrees of freedom more cautious, as looks do.
        trained: of the networks, for the record; of a linear probe (`head`) no seed decides anything.
        paired_seeds: run s of one contender shares with run s of another what its seed fixes, such as the training
            subset (`stats.paired`). Declare it, never choose it from the data. Needs three seeds that the deciding
            pair shares; where another pair has fewer, its seeds are taken as independent.
        gaps: runs may lack samples, if whether they do has nothing to do with the score (`stats.unbalanced`).

    Raises:
        InputError: (of its kinds) if the margin, the pair, the scale, the level or the scores cannot be used.
    """
    check_margin(margin)
    if not 0.0 < level < 1.0:
        raise StudyError("level", "a number between 0 and 1", str(level))
    aligned = scores.aligned if isinstance(scores, StoredScores) else align(scores, gaps=gaps)
    ordered = from_small_to_big(aligned.contenders, costs)
    pair = deciding_pair(ordered, small, big)
    at, chosen_on = deciding_scale(aligned, pair, validation, scale)
    clusters = cluster_labels(aligned.sample_ids, groups)
    question = _Question(aligned, clusters, margin, multiplier, level, guard, paired_seeds)
    if paired_seeds:
        require_pairs(aligned, pair, at)
    if question.clusters is not None and not all(cell.complete for cell in aligned.cells.values()):
        got = "groups of samples, and runs that lack some of them"
        raise StudyError("scores", "whole scores where samples come in groups", got, "decide on what all runs share")
    if len(aligned.sample_ids) < 2:
        raise StudyError("scores", "at least 2 test samples", str(len(aligned.sample_ids)), "test on more samples")
    estimate = question.estimate(*pair, at)
    decision = decide(estimate.interval, margin)
    pairs = _pairs(question, ordered, pair, at, estimate)
    deciding = [(name, aligned.cells[name, at]) for name in pair]
    seeds = {name: list(aligned.cells[name, at].seeds) for name in pair}
    said = [
        *caveats,
        *caveat.of_seeds(estimate, deciding[0], deciding[1], unit, trained),
        *(caveat.of_pairs(*deciding) if paired_seeds else []),
        *caveat.of_outliers(deciding),
        *caveat.of_samples(deciding[0], deciding[1], question.clusters),
        *caveat.of_variance(estimate),
        *caveat.of_looks(len(pairs), aligned, chosen_on),
    ]
    return Verdict(
        answer=decision.answer,
        scope="architecture" if min(len(s) for s in seeds.values()) > 1 else "checkpoint",
        small=pair[0],
        big=pair[1],
        metric=metric,
        unit=unit,
        scale=at,
        difference=estimate.difference,
        interval=estimate.interval,
        margin=margin,
        p_value=estimate.p_value,
        degrees_of_freedom=estimate.degrees_of_freedom,
        standard_error=estimate.standard_error,
        samples=question.samples(estimate),
        seeds=seeds,
        method=method_of(estimate, clustered=question.clusters is not None, guard=guard),
        beyond_margin=decision.beyond_margin,
        enough_for_any_margin_above=estimate.interval[1],
        needed=_with_labels(_needed(question, estimate, decision), scores, pair, at),
        caveats=list(dict.fromkeys(said)),
        scale_chosen_on=chosen_on,
        contenders=_contenders(question, ordered, validation),
        pairs=pairs,
        noise=None
        if "missing_scores" in estimate.warnings
        else account_of(estimate, pair, scores, noise_runs, question.clusters, aligned.sample_ids, multiplier),
        level=level,
        trained=trained,
        paired_seeds=paired_seeds,
    )


def _pairs(
    question: _Question, ordered: Sequence[str], deciding: tuple[str, str], at: int, known: Estimate
) -> list[PairResult]:
    """Every contender against the reference, and every pupil against its teacher, at every scale that both have."""
    taught = [pair for pair in taught_pairs(ordered) if pair != deciding]
    asked = dict.fromkeys((*_with_reference(ordered, deciding), *taught))
    results: list[PairResult] = []
    for small, big in asked:
        for scale in question.aligned.scales:
            if not all((name, scale) in question.aligned.cells for name in (small, big)):
                continue
            decides = (small, big, scale) == (*deciding, at)
            found = known if decides else question.estimate(small, big, scale, paired=(small, big) in taught)
            results.append(as_pair(found, small, big, scale, question.margin))
    others = [i for i, result in enumerate(results) if (result.small, result.big, result.scale) != (*deciding, at)]
    for i, p_value in zip(others, holm([results[i].p_value for i in others]), strict=True):
        found, level = results[i], bonferroni_level(len(others), question.level)
        paired = (found.small, found.big) in taught
        together = question.estimate(found.small, found.big, found.scale, level, paired=paired).interval
        results[i] = replace(found, p_adjusted=p_value, simultaneous_interval=together)
    return results


def _with_reference(ordered: Sequence[str], deciding: tuple[str, str]) -> list[tuple[str, str]]:
    """The deciding pair's small contender with every other one, the cheaper first."""
    reference = deciding[0]
    others = [name for name in ordered if name != reference]
    below = {other for other in others if ordered.index(other) < ordered.index(reference) and other != deciding[1]}
    return [(other, reference) if other in below else (reference, other) for other in others]


def _contenders(question: _Question, ordered: Sequence[str], validation: pl.DataFrame | None) -> list[ContenderResult]:
    """Mean and interval of every contender at every scale, in `unit`."""
    seen, factor = validation_means(validation), question.multiplier
    results: list[ContenderResult] = []
    for name in ordered:
        for scale in question.aligned.scales:
            cell = question.aligned.cells.get((name, scale))
            if cell is None:
                continue
            interval = interval_of_mean(cell.scores, question.clusters, level=question.level) if cell.complete else None
            by_seed = cell.seed_means()
            validated = seen.get((name, scale))
            results.append(
                ContenderResult(
                    contender=name,
                    scale=scale,
                    mean=float(by_seed.mean()) * factor,
                    interval=None if interval is None else (interval[0] * factor, interval[1] * factor),
                    per_seed={seed: float(mean) * factor for seed, mean in zip(cell.seeds, by_seed, strict=True)},
                    validation_mean=None if validated is None else validated * factor,
                    samples=int((~np.isnan(cell.scores)).any(0).sum()),
                )
            )
    return results


def _needed(question: _Question, estimate: Estimate, decision: Decision) -> Needed | None:
    """What would settle what is open; for single runs also the seed SD that would overturn what was seen."""
    found: Needed | None = None
    margin, samples = question.margin, question.samples(estimate)
    level, guard = question.level, (2 if estimate.design == "paired" else question.guard)
    plan = for_planning(estimate, level=level)
    if decision.answer == "undecided":
        found = needed(plan, margin, level=level, guard=guard)
    elif decision.beyond_margin is False:
        found = needed(plan, margin, target=estimate.difference - margin, level=level, guard=guard)
    if found is not None:
        found = in_samples(found, samples / estimate.samples)  # the estimate counts clusters where there are any
    if estimate.components.seed_variances:
        return found
    tipping = tipping_seed_sd(estimate.difference, estimate.standard_error, level=level)
    return replace(found or Needed(), tipping_seed_sd=tipping)


def _with_labels(
    found: Needed | None, scores: pl.DataFrame | StoredScores, pair: tuple[str, str], scale: int
) -> Needed | None:
    """With the share of new samples that would need a label, where designs call for new samples."""
    if found is None or not (found.guaranteed or found.likely):
        return found
    return replace(found, labels_share=labels_share(scores, pair, scale))
