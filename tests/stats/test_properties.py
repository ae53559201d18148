"""What must hold whatever the scores are, for each design and for the verdict as a whole."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepenough.comparison import decide_study
from deepenough.errors import InputError
from deepenough.records import Verdict
from deepenough.stats import Estimate, compare_checkpoints, decide, is_binary, nested, paired

T = TypeVar("T")
DESIGNS = {"nested": (nested, 2), "paired": (paired, 3), "checkpoints": (compare_checkpoints, 1)}
every_design = pytest.mark.parametrize("design", DESIGNS)

binary = st.sampled_from([0.0, 1.0])
coarse = st.sampled_from([0.0, 0.25, 0.5, 1.0])  # ties, constants and perfect scores come often
real = st.floats(-100.0, 100.0, width=32)


@st.composite
def scored(draw, fewest: int = 1, *, equal: bool = False, scores: st.SearchStrategy | None = None, images: int = 2):
    """Scores of two networks, shapes (seeds, images)."""
    values = draw(st.sampled_from([binary, coarse, real])) if scores is None else scores
    seeds = draw(st.integers(fewest, 4))
    others = seeds if equal else draw(st.integers(fewest, 4))
    width = draw(st.integers(images, 12))
    return tuple(draw(arrays(np.float64, (count, width), elements=values)) for count in (seeds, others))


def of(design: str, data, **how):
    estimate, fewest = DESIGNS[design]
    a, b = data.draw(scored(fewest, equal=design == "paired", **how))
    return estimate, a, b


def size_of(a: np.ndarray, b: np.ndarray) -> float:
    return max(1.0, float(np.abs(a).max()), float(np.abs(b).max()))


def table_of(networks: dict[str, np.ndarray], ids: list[str] | None = None) -> pl.DataFrame:
    rows = [
        {"contender": name, "seed": s, "scale": 64, "sample_id": ids[i] if ids else f"{i:03d}", "score": float(x[s, i])}
        for name, x in networks.items()
        for s in range(x.shape[0])
        for i in range(x.shape[1])
    ]
    return pl.DataFrame(rows)


def verdict_of(small: np.ndarray, big: np.ndarray, margin: float = 0.5, **how) -> Verdict:
    return decide_study(table_of({"small": small, "big": big}), margin=margin, small="small", big="big", **how)


def attempt(work: Callable[[], T]) -> tuple[T | None, str]:
    """The answer and nothing, or nothing and the line of the refusal."""
    try:
        return work(), ""
    except InputError as refusal:
        return None, str(refusal)


def assert_whole(estimate: Estimate) -> None:
    """No NaN, no infinity, an interval around the difference and a p that is one."""
    low, high = estimate.interval
    parts = estimate.components
    numbers = [estimate.difference, estimate.standard_error, low, high, estimate.p_value, *estimate.seed_sd]
    numbers += [*parts.seed_variances, *parts.residual_variances, parts.sample_variance]
    numbers += [] if estimate.degrees_of_freedom is None else [estimate.degrees_of_freedom]
    numbers += list(estimate.guarded_interval or ())
    assert all(math.isfinite(number) for number in numbers), estimate
    slack = 1e-9 * max(1.0, abs(estimate.difference))
    assert low - slack <= estimate.difference <= high + slack
    assert 0.0 <= estimate.p_value <= 1.0
    assert estimate.standard_error >= 0


@every_design
@settings(max_examples=50)
@given(st.data())
def test_swapping_the_networks_flips_the_sign_and_nothing_else(design, data):
    estimate, a, b = of(design, data)
    forth, back, unit = estimate(a, b), estimate(b, a), size_of(a, b)
    assert forth.difference == pytest.approx(-back.difference, abs=1e-12 * unit)
    assert forth.interval == pytest.approx((-back.interval[1], -back.interval[0]), abs=1e-12 * unit, rel=1e-9)
    assert forth.p_value == pytest.approx(back.p_value, abs=1e-9)
    assert sorted(forth.warnings) == sorted(back.warnings)
    assert forth.design == back.design


@every_design
@settings(max_examples=50)
@given(st.data(), st.randoms(use_true_random=False))
def test_order_of_images_and_seeds_is_irrelevant(design, data, random):
    estimate, a, b = of(design, data)
    columns, rows, others = (list(range(length)) for length in (a.shape[1], len(a), len(b)))
    for each in (columns, rows, others):
        random.shuffle(each)
    others = rows if design == "paired" else others  # pairs of seeds stay pairs
    before, after = estimate(a, b), estimate(a[rows][:, columns], b[others][:, columns])
    unit = size_of(a, b)
    assert after.difference == pytest.approx(before.difference, abs=1e-12 * unit)
    assert after.interval == pytest.approx(before.interval, abs=1e-12 * unit, rel=1e-9)
    assert after.p_value == pytest.approx(before.p_value, abs=1e-9)
    assert after.warnings == before.warnings


@every_design
@settings(max_examples=50)
@given(st.data(), st.floats(1.0001, 5.0))
def test_an_interval_narrower_than_the_margin_is_never_undecided(design, data, stretch):
    estimate, a, b = of(design, data)
    low, high = estimate(a, b).interval
    margin = max((high - low) * stretch, 1e-9)
    assert decide((low, high), margin).answer != "undecided"


@every_design
@settings(max_examples=50)
@given(st.data(), st.randoms(use_true_random=False))
def test_labels_of_images_on_which_all_runs_agree_change_nothing(design, data, random):
    estimate, a, b = of(design, data, scores=binary)
    agreed = (a == a[0]).all(0) & (b == a[0]).all(0)
    flipped = agreed & np.array([random.random() < 0.5 for _ in agreed])
    before = estimate(a, b)
    after = estimate(np.where(flipped, 1.0 - a, a), np.where(flipped, 1.0 - b, b))
    assert after.difference == pytest.approx(before.difference, abs=1e-10)
    assert after.interval == pytest.approx(before.interval, abs=1e-10)
    assert after.p_value == pytest.approx(before.p_value, abs=1e-10)
    assert after.components.sample_variance == pytest.approx(before.components.sample_variance, abs=1e-10)


@every_design
@settings(max_examples=100)
@given(st.data())
def test_every_answer_is_whole_and_every_refusal_is_one_line(design, data):
    estimate = DESIGNS[design][0]
    a, b = data.draw(scored(1, images=1))
    hole = data.draw(st.sampled_from([None, None, np.nan, np.inf, -np.inf]))
    if hole is not None:
        a[0, 0] = hole
    found, refusal = attempt(lambda: estimate(a, b))
    if found is None:
        fits = hole is None and a.shape[1] > 1 and min(len(a), len(b)) >= DESIGNS[design][1]
        assert not fits or (design == "paired" and len(a) != len(b))
        assert "expected" in refusal
        assert "\n" not in refusal
    else:
        assert hole is None
        assert_whole(found)


@every_design
@pytest.mark.parametrize(("first", "second"), list(itertools.product([0.0, 1.0, 0.1, 1 / 3], [0.0, 1.0, 0.1])))
@pytest.mark.parametrize(("seeds", "images"), [(1, 1), (1, 2), (1, 1000), (2, 1), (2, 2), (3, 2), (3, 1000), (7, 30)])
def test_constant_scores_have_an_answer_or_a_clear_refusal(design, first, second, seeds, images):
    estimate, fewest = DESIGNS[design]
    others = seeds + (seeds > 1 and design != "paired")  # the mean of 3 may differ from that of 2 in its last digit
    a, b = np.full((seeds, images), first), np.full((others, images), second)
    found, _ = attempt(lambda: estimate(a, b))
    if found is None:
        assert seeds < fewest or images == 1
        return
    assert_whole(found)
    assert found.difference == pytest.approx(first - second)
    assert found.standard_error == 0
    assert "no_variance" in found.warnings
    assert (found.p_value == 1.0) == (first == second)


@every_design
@settings(max_examples=50)
@given(st.data(), st.sampled_from([1e-9, 1e-3, 1e3]))
def test_unit_of_the_score_is_irrelevant(design, data, factor):
    estimate, a, b = of(design, data, scores=coarse)
    before, after = estimate(a, b), estimate(a * factor, b * factor)
    if "mcnemar" not in (before.design, after.design):  # which asks for 0/1, as they are in one unit only
        assert after.interval == pytest.approx(tuple(end * factor for end in before.interval), abs=1e-9 * factor)
        assert after.p_value == pytest.approx(before.p_value, abs=1e-6)


@settings(max_examples=25)
@given(scored(images=2), st.floats(0.1, 50.0))
def test_verdict_swaps_sign_with_its_networks(networks, margin):
    small, big = networks
    forth, back = verdict_of(small, big, margin), verdict_of(big, small, margin)
    unit = 100.0 * size_of(small, big)
    assert forth.difference == pytest.approx(-back.difference, abs=1e-12 * unit)
    assert forth.interval == pytest.approx((-back.interval[1], -back.interval[0]), abs=1e-12 * unit, rel=1e-9)
    assert forth.p_value == pytest.approx(back.p_value, abs=1e-9)
    if forth.interval[0] > 1e-9 * unit:
        assert back.answer == "small_is_better"


@settings(max_examples=25)
@given(scored(images=2), st.randoms(use_true_random=False))
def test_verdict_does_not_depend_on_the_order_of_rows_seeds_or_images(networks, random):
    small, big = networks
    table = table_of({"small": small, "big": big})
    rows, names = list(range(table.height)), list(range(small.shape[1]))
    random.shuffle(rows)
    random.shuffle(names)
    renamed = table_of({"big": big[::-1], "small": small[::-1]}, [f"{name:03d}" for name in names])
    before = decide_study(table, margin=0.5, small="small", big="big")
    unit = 100.0 * size_of(small, big)
    for other in (table[rows], renamed):
        after = decide_study(other, margin=0.5, small="small", big="big")
        assert after.difference == pytest.approx(before.difference, abs=1e-12 * unit)
        assert after.interval == pytest.approx(before.interval, abs=1e-12 * unit, rel=1e-9)
        assert after.p_value == pytest.approx(before.p_value, abs=1e-9)


@settings(max_examples=25)
@given(scored(images=2), st.floats(1.001, 3.0))
def test_verdict_with_an_interval_narrower_than_the_margin_is_never_undecided(networks, stretch):
    low, high = verdict_of(*networks).interval
    again = verdict_of(*networks, margin=max((high - low) * stretch, 1e-6))
    assert again.interval == (low, high)  # the margin has no say in it
    assert again.answer != "undecided"


@settings(max_examples=25)
@given(scored(scores=binary, images=2), st.randoms(use_true_random=False))
def test_verdict_needs_labels_only_where_some_run_disagrees(networks, random):
    small, big = networks
    agreed = (small == small[0]).all(0) & (big == small[0]).all(0)
    flipped = agreed & np.array([random.random() < 0.5 for _ in agreed])
    before = verdict_of(small, big)
    after = verdict_of(*(np.where(flipped, 1.0 - x, x) for x in networks))
    assert after.difference == pytest.approx(before.difference, abs=1e-10 * 100)
    assert after.interval == pytest.approx(before.interval, abs=1e-10 * 100)
    assert (after.answer, after.scope) == (before.answer, before.scope)


def holds_nan(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(holds_nan, value.values()))
    return any(map(holds_nan, value)) if isinstance(value, list | tuple) else False


@settings(max_examples=80)
@given(scored(images=1), st.sampled_from([None, None, None, np.nan, np.inf]), st.sampled_from([1e-6, 0.5, 30.0]))
def test_verdict_is_whole_or_refused_in_one_line(networks, hole, margin):
    small, big = networks
    if hole is not None:
        big[-1, -1] = hole
    verdict, refusal = attempt(lambda: verdict_of(small, big, margin))
    if verdict is None:
        assert hole is not None or small.shape[1] == 1
        assert "\n" not in refusal
        return
    assert hole is None
    assert not holds_nan(dataclasses.asdict(verdict)), verdict
    assert verdict.interval[0] <= verdict.difference + 1e-9 <= verdict.interval[1] + 2e-9
    assert verdict.scope == ("architecture" if min(len(small), len(big)) > 1 else "checkpoint")
    if is_binary(np.concatenate(networks)):
        assert -100.0 <= verdict.interval[0] <= verdict.interval[1] <= 100.0
        assert verdict.interval[0] < verdict.interval[1]


@settings(max_examples=60)
@given(scored(images=3), st.data())
def test_verdict_over_clusters_is_whole(networks, data):
    small, big = networks
    names = st.sampled_from(["ann", "bob", "eve", None])
    groups = {f"{i:03d}": data.draw(names) for i in range(small.shape[1])}
    verdict, refusal = attempt(lambda: verdict_of(small, big, groups=groups))
    if verdict is None:
        assert "cluster" in refusal
        assert len(set(groups.values())) == 1
        return
    assert not holds_nan(dataclasses.asdict(verdict)), verdict
