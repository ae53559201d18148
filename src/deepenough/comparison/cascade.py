"""A cascade from stored outcomes: the second network is asked only where the first is unsure.

Viola and Jones (CVPR 2001) and Wang et al. (arXiv 2012.01988, "Wisdom of Committees") describe such chains. Nothing is
trained: the threshold of confidence is chosen on validation, one for each seed as whoever ships one would, and judged
on test samples that had no say in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from deepenough.errors import StudyError
from deepenough.records import AVERAGE, CASCADE, SCORES, Threshold
from deepenough.stats.distributions import FloatArray

_POINTS = 20  # of a curve, beside its beginning
_OUTCOME = ("prediction", "score", "confidence")


def choose_threshold(
    confidence: FloatArray, first: FloatArray, second: FloatArray, *, within: float | None, share: float | None = None
) -> float:
    """The threshold of confidence below which samples are passed on.

    Args:
        confidence: of the first network, (samples,), in [0, 1].
        first: the first network's scores, (samples,).
        second: the second's.
        within: the lowest threshold whose mean score stays less than this below the best of any threshold.
        share: instead, the highest threshold that passes on no more than this share of the samples.

    Returns:
        Half-way between two confidences that occur; 0 where no sample is passed on, above 1 where all are.

    >>> confidence, first, second = np.array([0.2, 0.4, 0.6, 0.8]), np.array([0.0, 0, 1, 1]), np.array([1.0, 1, 1, 0])
    >>> round(choose_threshold(confidence, first, second, within=0.01), 3)
    0.5
    >>> round(choose_threshold(confidence, first, second, within=None, share=0.3), 3)
    0.3
    """
    order = np.argsort(confidence, kind="stable")
    sure, size = confidence[order], len(confidence)
    gained = np.concatenate([[0.0], np.cumsum((second - first)[order])]) / size
    # samples of one confidence are passed on together or not at all
    cuts = np.flatnonzero(np.concatenate([[True], sure[1:] > sure[:-1], [True]]))
    if share is not None:
        chosen = int(cuts[cuts <= share * size + 1e-9].max())
    else:
        reached = gained[cuts]
        near = (reached.max() - reached < (within or 0.0)) | (reached == reached.max())
        chosen = int(cuts[near].min())
    if chosen == 0:
        return 0.0
    return math.nextafter(1.0, 2.0) if chosen == size else float(sure[chosen - 1] + sure[chosen]) / 2.0


def cascade_scores(
    scores: pl.DataFrame,
    validation: pl.DataFrame,
    pair: tuple[str, str],
    scale: int,
    *,
    multiplier: float,
    within: float | None,
    share: float | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, list[Threshold]]:
    """The outcomes of a cascade, run by run: seed s asks the first network's run s, then the second's run s.

    Args:
        scores: `records.SCORES` on test.
        validation: the same on validation.
        pair: the first network and the second.
        scale: at which both see the images, pixels.
        multiplier: units for a score of 1.
        within: in units; see `choose_threshold`.
        share: see `choose_threshold`.

    Returns:
        Rows of `records.SCORES` under the contender `cascade`, on test and on validation, and each seed's threshold.

    Raises:
        StudyError: no seed that both have, or no confidences on record.
    """
    made: list[pl.DataFrame] = []
    seen: list[pl.DataFrame] = []
    thresholds: list[Threshold] = []
    for seed in seeds_of_both(scores, pair, scale):
        tried, asked = (_joined(frame, pair, scale, seed) for frame in (validation, scores))
        threshold = choose_threshold(
            tried["confidence"].to_numpy(),
            tried["score"].to_numpy(),
            tried["score_second"].to_numpy(),
            within=None if within is None else within / multiplier,
            share=share,
        )
        passed_on_validation, passed = (frame["confidence"] < threshold for frame in (tried, asked))
        before, after = (_composed(frame, threshold) for frame in (tried, asked))
        seen.append(before)
        made.append(after)
        thresholds.append(
            Threshold(
                seed=seed,
                threshold=threshold,
                validation_share=float(passed_on_validation.to_numpy().mean()),
                validation_mean=float(before["score"].to_numpy().mean()) * multiplier,
                share=float(passed.to_numpy().mean()),
                mean=float(after["score"].to_numpy().mean()) * multiplier,
            )
        )
    return pl.concat(made), pl.concat(seen), thresholds


def seeds_of_both(scores: pl.DataFrame, pair: tuple[str, str], scale: int) -> list[int]:
    """The seeds of which both contenders have a run at the scale, ascending.

    Raises:
        StudyError: there is none.
    """
    at = scores.filter(pl.col("scale") == scale)
    runs = [set(at.filter(pl.col("contender") == name)["seed"].unique()) for name in pair]
    both = sorted(runs[0] & runs[1])
    if not both:
        got = " and ".join(
            f"{name}: {', '.join(map(str, sorted(own))) or 'none'}" for name, own in zip(pair, runs, strict=True)
        )
        raise StudyError("scores", f"a seed that both have at {scale} px", got)
    return both


def curve(scores: pl.DataFrame, pair: tuple[str, str], scale: int, *, multiplier: float) -> list[dict[str, float]]:
    """The mean score where the least sure share of the samples is passed on; seeds weigh alike. It decides nothing.

    Returns:
        21 points with `share` from 0 to 1 and `mean`.
    """
    gains = []
    for seed in seeds_of_both(scores, pair, scale):
        frame = _joined(scores, pair, scale, seed).sort("confidence", maintain_order=True)
        steps = np.concatenate([[0.0], np.cumsum((frame["score_second"] - frame["score"]).to_numpy())])
        gains.append((frame["score"].to_numpy().sum() + steps) / frame.height)
    mean = np.mean(gains, axis=0) * multiplier
    size = len(mean) - 1
    places = [round(size * place / _POINTS) for place in range(_POINTS + 1)]
    return [{"share": place / size, "mean": float(mean[place])} for place in places]


def _joined(frame: pl.DataFrame, pair: tuple[str, str], scale: int, seed: int) -> pl.DataFrame:
    """One seed's outcomes of both networks, the second's under names ending in `_second`, in the first's order."""
    first, second = (
        frame.filter(pl.col("contender") == name, pl.col("scale") == scale, pl.col("seed") == seed) for name in pair
    )
    if first.is_empty() or first["confidence"].null_count():
        got = "none" if first.is_empty() else "empty cells"
        raise StudyError("scores", f"the confidence of every answer of {pair[0]}, seed {seed}, at {scale} px", got)
    both = first.join(second.select("sample_id", *_OUTCOME), on="sample_id", suffix="_second", maintain_order="left")
    if both.height != first.height:
        got = f"{first.height - both.height} that {pair[1]} lacks"
        raise StudyError("scores", "the same samples for both networks", got)
    return both


def _composed(both: pl.DataFrame, threshold: float) -> pl.DataFrame:
    passed = pl.col("confidence") < threshold
    outcome = (pl.when(passed).then(pl.col(f"{name}_second")).otherwise(pl.col(name)).alias(name) for name in _OUTCOME)
    return both.with_columns(*outcome, contender=pl.lit(CASCADE)).select(list(SCORES))


def expected_costs(
    costs: pl.DataFrame | None, pair: Sequence[str], scale: int, share: float
) -> dict[str, dict[str, float]]:
    """Seconds and multiply-accumulates an image of both networks and, by the share passed on, of the cascade.

    Args:
        costs: `records.COSTS`; the smallest batch, median latency.
        pair: the first network and the second.
        scale: pixels.
        share: of images passed on.

    Returns:
        `latency_s` and `macs` by contender, with the `cascade` and the `average`, which asks both; empty where a
        network's cost at this scale is not on record.
    """
    if costs is None or costs.is_empty():
        return {}
    at = costs.filter(pl.col("scale") == scale, pl.col("batch") == pl.col("batch").min())
    found = {
        row["contender"]: {"latency_s": row["latency_s"]["p50"] / row["batch"], "macs": float(row["macs"])}
        for row in at.iter_rows(named=True)
        if row["latency_s"] is not None and row["latency_s"]["p50"] is not None and row["macs"] is not None
    }
    if any(name not in found for name in pair):
        return {}
    first, second = (found[name] for name in pair)
    parts = {CASCADE: share, AVERAGE: 1.0}
    both = {name: {key: first[key] + part * second[key] for key in first} for name, part in parts.items()}
    return {pair[0]: first, pair[1]: second, **both}
