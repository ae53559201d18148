"""Third answers from a finished study: a cascade and an average of its two networks, decided, timed and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import torch
from torch import Tensor

from deepenough.comparison import decide_third, groups_of
from deepenough.comparison.cascade import seeds_of_both
from deepenough.cost import measure_cascade
from deepenough.data import TestPixels
from deepenough.errors import StudyError
from deepenough.evaluation import evaluate_mean
from deepenough.records import (
    AVERAGE,
    COSTS,
    SCORES,
    CascadeTiming,
    ThirdAnswers,
    Threshold,
    read_table,
    write_json,
    write_table,
)
from deepenough.studies.finished import Finished, require_alone, require_single_scale

TIMED = 32  # images of each kind, kept and passed on
BUDGET_S = 30.0

Tell = Callable[[str], None]


def third_answers(
    finished: Finished,
    *,
    within: float | None = None,
    share: float | None = None,
    networks: bool = True,
    budget_s: float = BUDGET_S,
    tell: Tell = lambda _text: None,
) -> ThirdAnswers:
    """Make the third answers of a study, and write `third.json` and `third.parquet` into its folder.

    Args:
        finished: the study.
        within: points below the best on validation that the cascade may stay; the study's margin where None.
        share: the share of images that the cascade may pass on, instead.
        networks: whether the networks are asked again: without them there is no average and no timing, and neither
            weights nor pictures are needed.
        budget_s: seconds of timing.
        tell: told what is being done.

    Raises:
        InputError: (of its kinds) the numbers are out of range, or the study's records, weights or pictures are not
            there or do not allow it.
    """
    _require(within, share)
    require_alone(finished, "cascade")
    verdict = finished.verdict
    pair = verdict.small, verdict.big
    scores, validation = finished.scores("test"), finished.scores("validation")
    average, test = None, None
    if networks:
        require_single_scale(pair, "cascade")
        test, val = finished.pixels("test"), finished.pixels("val")
        seeds = seeds_of_both(scores, pair, verdict.scale)
        tell(f"asking both networks of {len(seeds)} seeds about {len(test) + len(val)} images, for their average")
        average = _average(finished, test, seeds), _average(finished, val, seeds)
    costs = read_table(finished.store.costs, COSTS) if finished.store.costs.is_file() else None
    found, rows = decide_third(
        verdict,
        scores,
        validation,
        average=average,
        costs=costs,
        groups=groups_of(finished.samples),
        within=within,
        share=share,
    )
    if test is not None:
        tell("timing the cascade end to end")
        found = replace(found, timing=_timing(finished, found, scores, test, budget_s))
    found = replace(found, notes=_notes(found, networks=networks))
    write_table(finished.store.root / "third.parquet", rows, SCORES)
    write_json(finished.store.root / "third.json", found)
    return found


def _require(within: float | None, share: float | None) -> None:
    if within is not None and share is not None:
        raise StudyError("--within", "one of --within and --share", "both")
    if within is not None and not 0.0 <= within <= 100.0:
        raise StudyError("--within", "points from 0 to 100", str(within))
    if share is not None and not 0.0 <= share <= 1.0:
        raise StudyError("--share", "a share from 0 to 1", str(share))


def _average(finished: Finished, pixels: TestPixels, seeds: list[int]) -> pl.DataFrame:
    verdict = finished.verdict
    shown = finished.shown(pixels.sample_ids)
    return pl.concat(
        evaluate_mean(
            [finished.network(name, seed) for name in (verdict.small, verdict.big)],
            pixels,
            shown,
            contender=AVERAGE,
            seed=seed,
            scale=verdict.scale,
            task=finished.setting.task,
            batches=finished.batches,
            exact=finished.study.exact,
        )
        for seed in seeds
    )


def _timing(
    finished: Finished, found: ThirdAnswers, scores: pl.DataFrame, test: TestPixels, budget_s: float
) -> CascadeTiming:
    """Of the seed whose share is nearest to the mean of all."""
    chosen = min(found.thresholds, key=lambda each: (abs(each.share - found.share), each.seed))
    machine = finished.setting.machine
    return measure_cascade(
        finished.network(found.small, chosen.seed),
        finished.network(found.big, chosen.seed),
        _images(finished, found, chosen, scores, test),
        threshold=chosen.threshold,
        share=chosen.share,
        seed=chosen.seed,
        precision=machine.precision,
        channels_last=machine.channels_last,
        budget_s=budget_s,
    )


def _images(
    finished: Finished, found: ThirdAnswers, chosen: Threshold, scores: pl.DataFrame, test: TestPixels
) -> list[Tensor]:
    """Test images, evenly spread over those that are kept and those that are passed on, at batch 1."""
    own = scores.filter(
        pl.col("contender") == found.small, pl.col("seed") == chosen.seed, pl.col("scale") == found.scale
    )
    sure = dict(own.select("sample_id", "confidence").iter_rows())
    passed = np.array([sure[sample] < chosen.threshold for sample in test.sample_ids])
    places: list[int] = []
    for kind in (np.flatnonzero(~passed), np.flatnonzero(passed)):
        count = min(TIMED, len(kind))
        places += [int(kind[place * len(kind) // count]) for place in range(count)]
    squares, norm = test.at(found.scale), finished.setting.preprocessing
    return [
        finished.setting.machine.images(
            torch.from_numpy(np.array(squares[place])).permute(2, 0, 1)[None], norm.mean, norm.std
        )
        for place in places
    ]


def _notes(found: ThirdAnswers, *, networks: bool) -> list[str]:
    """What a reader must bear in mind."""
    said = []
    if len(found.thresholds) == 2:  # single runs are paired over the samples, which is all there is to pair
        said.append(
            "With fewer than three seeds the third answers are held against the networks as if trained apart, though "
            "they hold the very same: their intervals are too wide, never too narrow."
        )
    if found.share == 0.0:
        said.append(
            f"Nothing is passed on: on validation {found.small} alone was already as good as was asked for. With "
            "--within 0 or --share the cascade asks the second network."
        )
    if not networks:
        said.append("The networks were not asked again: no average, and no end-to-end time.")
    return said
