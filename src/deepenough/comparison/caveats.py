"""What a reader must bear in mind, as plain sentences that stand by themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepenough.comparison.pairing import Aligned, Cells, shared_seeds
from deepenough.records import Trained
from deepenough.stats import Estimate, is_binary
from deepenough.stats.distributions import FloatArray, t_two_sided
from deepenough.stats.unbalanced import fit_runs

FEW_SEEDS = 5  # below this the seed variance is barely known
SMALL_TEST = 200  # samples
FEW_GROUPS = 30
FEW_ERRORS = 10  # samples a contender gets wrong
SATURATED = 0.05  # share of wrong samples below which few errors mean an easy task rather than a small test set
_OUTLIER_LEVEL = 0.01  # chance of flagging any seed where none stands out
_SHOWN = 5
_PROBE = (
    "Only a linear head was fitted to each network, which stood still (a linear probe). The head follows from the "
    "weights and the images, so no seed has a part in it, and this is about these weights: how the architectures "
    "compare when all of a network is trained is another question."
)
_UNEQUAL = {  # by the fewest seeds; measured with the guarded degrees of freedom of stats.unbalanced
    2: " (for 95 % intervals, up to 9 % instead of 5 % was measured for 10 against 2)",
    3: " (for 95 % intervals, up to 6.5 % instead of 5 % was measured for 10 against 3)",
}


def of_seeds(
    estimate: Estimate, small: tuple[str, Cells], big: tuple[str, Cells], unit: str, trained: Trained
) -> list[str]:
    """Few, unequal or unlike seeds; `estimate` is of big minus small, in `unit`."""
    counts = len(small[1].seeds), len(big[1].seeds)
    said = [_PROBE] if trained == "head" else _few_seeds(min(counts))
    if counts[0] != counts[1] and estimate.design != "paired":
        said.append(
            f"{small[0]} has {_count(counts[0], 'seed')} and {big[0]} has {counts[1]}: unequal numbers make the error "
            f"rate less exact{_UNEQUAL.get(min(counts), '')}. Prefer equal numbers."
        )
    if estimate.guarded_interval is not None:
        low, high = estimate.guarded_interval
        said.append(
            f"The contenders vary very differently from seed to seed (SD: {big[0]} {estimate.seed_sd[0]:.2g}, "
            f"{small[0]} {estimate.seed_sd[1]:.2g} {unit}), which makes the interval slightly too narrow; "
            f"a more cautious one is [{low:.2f}, {high:.2f}] {unit}."
        )
    return said


def of_pairs(small: tuple[str, Cells], big: tuple[str, Cells]) -> list[str]:
    """Seeds that were declared to come in pairs: when that holds, and which runs are without a partner."""
    shared = shared_seeds(small[1], big[1])
    alone = [f"seed {seed} of {name}" for name, cells in (small, big) for seed in cells.seeds if seed not in shared]
    said = [
        "The seeds were paired, as declared: run by run against the other network's run of the same seed. This holds "
        "where a seed fixes something that both share and new trainings would vary, such as the training subset; "
        "where it does not, nothing is gained by it and half of what is known of the spread over trainings is lost."
    ]
    if alone:
        said.append(f"Without a partner, and so left out of the gain: {', '.join(alone)}.")
    return said


def of_samples(small: tuple[str, Cells], big: tuple[str, Cells], clusters: np.ndarray | None) -> list[str]:
    """A small test set, grouped samples, or scores that are nearly perfect."""
    size = min(int((~np.isnan(cells.scores)).any(0).sum()) for _, cells in (small, big))
    said: list[str] = []
    if size < SMALL_TEST:
        said.append(f"The test set is small ({_count(size, 'sample')}): only large differences can be shown on it.")
    if clusters is not None:
        number = len(np.unique(clusters))
        rough = " With so few of them the interval is approximate." if number < FEW_GROUPS else ""
        said.append(
            f"The {size} samples come in {number} groups; groups, not samples, were taken as independent.{rough}"
        )
    for name, cells in (small, big):
        wrong = (1.0 - float(cells.seed_means().mean())) * size
        if is_binary(cells.scores[~np.isnan(cells.scores)]) and wrong < min(FEW_ERRORS, SATURATED * size):
            said.append(
                f"{name} gets nearly everything right (on average {wrong:.1f} of {size} samples wrong): "
                "the task is too easy for this test set to tell the contenders apart."
            )
    return said


def of_variance(estimate: Estimate) -> list[str]:
    """Nothing varied, over seeds or at all."""
    if "no_variance" in estimate.warnings:
        return [
            "The contenders differ by the same amount on every sample and seed, so how far new samples and trainings "
            "would differ can hardly be told."
        ]
    if "tied_seeds" in estimate.warnings:
        return [
            "All seeds of each contender reached exactly the same mean; the spread over trainings was taken from "
            "single samples instead."
        ]
    return []


def of_outliers(cells: Sequence[tuple[str, Cells]]) -> list[str]:
    """Seeds that stand far from their contender's others, as a training that went wrong would."""
    return [
        f"Seed {seed} of {name} lies far from that contender's other seeds; look at its training curve. It was kept, "
        "and it widens the interval."
        for name, seed in outlying_seeds(cells)
    ]


def outlying_seeds(cells: Sequence[tuple[str, Cells]]) -> list[tuple[str, int]]:
    """Seeds whose mean stands out, by a deleted-residual t test over all contenders at a 1 % family level.

    Each seed's distance from its contender's other seeds is held against the spread of all other seeds around their own
    contenders' means, and never against less than the noise of the samples, so that no seed is flagged for a
    difference that chance explains. Contenders with fewer than three seeds are passed over.
    """
    means = [(name, cell, cell.seed_means()) for name, cell in cells if len(cell.seeds) >= 3]
    total = sum(len(own) for _, _, own in means)
    flagged: list[tuple[str, int]] = []
    for position, (name, cell, own) in enumerate(means):
        rest = [others for place, (_, _, others) in enumerate(means) if place != position]
        floor = _noise(cell.scores)
        for index, seed in enumerate(cell.seeds):
            kept = np.delete(own, index)
            groups = [*rest, kept]
            df = sum(len(group) - 1 for group in groups)
            spread = max(sum(float(group.var()) * len(group) for group in groups) / df, floor)
            distance = abs(float(own[index] - kept.mean())) / np.sqrt(spread * (1.0 + 1.0 / len(kept)))
            if float(t_two_sided(distance, df)) * total < _OUTLIER_LEVEL:
                flagged.append((name, seed))
    return flagged


def of_looks(pairs: int, aligned: Aligned, chosen_on: str) -> list[str]:
    """Many comparisons, a scale chosen on the test set, and cells that are missing."""
    said: list[str] = []
    if chosen_on == "test":
        said.append(
            "The scale was chosen by the test scores themselves, for want of validation scores, so the result there is "
            "flattered and its error rate is above the one that its level states. Name the scale beforehand, or "
            "choose it on validation."
        )
    if pairs > 1:
        said.append(
            f"{pairs} comparisons were made. The verdict rests on one; the p-values of the others are adjusted (Holm) "
            "for their number; so are their simultaneous intervals (Bonferroni), their plain ones are not."
        )
    if aligned.missing:
        listed = ", ".join(f"{name} seed {seed} at scale {scale}" for name, seed, scale in aligned.missing[:_SHOWN])
        more = f" and {len(aligned.missing) - _SHOWN} more" if len(aligned.missing) > _SHOWN else ""
        said.append(f"Missing from the scores: {listed}{more}. What is there was used.")
    return said


def _few_seeds(fewest: int) -> list[str]:
    if fewest == 1:
        return [
            "A contender was trained only once, so this is about these checkpoints: how far another training run would "
            "change the result is unknown. Train at least 3 seeds of each for a claim about the networks."
        ]
    if fewest == 2:
        return [
            "With two seeds the spread over trainings is hardly known: with 95 % intervals the error rate of such a "
            "verdict was measured at 4.5 to 6.4 % instead of 5 %. Three or more seeds are better."
        ]
    if fewest < FEW_SEEDS:
        return [
            f"With {fewest} seeds the spread over trainings is known only roughly. The interval allows for that; the "
            "sizes named for settling an open question may be off by a factor of 2 or more."
        ]
    return []


def _noise(scores: FloatArray) -> float:
    """Variance of a seed's mean that the seed-by-sample residual alone explains."""
    count, size = scores.shape
    if np.isnan(scores).any():
        return max(float(fit_runs(scores).residual) / int((~np.isnan(scores)).sum(1).min()), 1e-24)
    left = scores - scores.mean(0) - (scores.mean(1) - scores.mean())[:, None]
    square = float(np.square(left).sum()) / ((count - 1) * (size - 1))
    return max(square / size, 1e-24)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
