"""Contenders with unequal numbers of seeds, and scales that lack some."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from deepenough import records
from deepenough.comparison import decide_study
from deepenough.comparison.estimating import estimate_gain
from deepenough.stats import agresti_min_interval, bonferroni_level, nested, nested_unbalanced

MANY = {(name, scale): share for name, share in (("resnet50", 0.8), ("resnet101", 0.85)) for scale in (32, 48, 64)}


def matrix(scores, contender, scale=32):
    part = scores.filter((pl.col("contender") == contender) & (pl.col("scale") == scale))
    return part.sort("seed", "sample_id")["score"].to_numpy().reshape(part["seed"].n_unique(), -1)


def in_points(interval):
    return pytest.approx(tuple(100 * end for end in interval), abs=1e-9)


def test_a_scale_that_lacks_a_seed_is_estimated_with_those_it_has_and_named(make_scores):
    lacking = (pl.col("contender") == "resnet101") & (pl.col("scale") == 64) & (pl.col("seed") == 2)
    scores = make_scores(MANY, seeds=4).filter(~lacking)
    verdict = decide_study(scores, margin=1.0, scale=48)
    by_scale = {pair.scale: pair for pair in verdict.pairs}
    assert by_scale[64].interval == in_points(nested_unbalanced(*both(scores, 64)).interval)
    assert by_scale[32].interval == in_points(nested(*both(scores, 32)).interval)
    assert verdict.seeds == {"resnet50": [0, 1, 2, 3], "resnet101": [0, 1, 2, 3]}
    assert any("Missing from the scores: resnet101 seed 2 at scale 64." in line for line in verdict.caveats)
    assert not any("unequal numbers" in line for line in verdict.caveats), "the deciding scale is complete"
    at_64 = next(c for c in verdict.contenders if (c.contender, c.scale) == ("resnet101", 64))
    assert set(at_64.per_seed) == {0, 1, 3}


def test_a_deciding_scale_that_lacks_a_seed_says_what_unequal_numbers_cost(make_scores):
    lacking = (pl.col("contender") == "resnet101") & (pl.col("scale") == 64) & (pl.col("seed") == 2)
    verdict = decide_study(make_scores(MANY, seeds=4).filter(~lacking), margin=1.0, scale=64)
    assert verdict.seeds == {"resnet50": [0, 1, 2, 3], "resnet101": [0, 1, 3]}
    assert any("resnet50 has 4 seeds and resnet101 has 3" in line and "6.5 %" in line for line in verdict.caveats)


def both(scores, scale):
    return matrix(scores, "resnet101", scale), matrix(scores, "resnet50", scale)


@pytest.mark.parametrize(("seeds", "level"), [((5, 3), "6.5 %"), ((5, 2), "9 %"), ((6, 5), "")])
def test_five_seeds_against_three_are_decided_with_more_cautious_degrees_of_freedom(make_scores, seeds, level):
    scores = make_scores({("resnet50", 32): 0.8, ("resnet101", 32): 0.82}, seeds=dict(zip(ORDER, seeds, strict=True)))
    verdict = decide_study(scores, margin=1.0)
    expected = nested_unbalanced(*both(scores, 32))
    assert verdict.interval == in_points(expected.interval)
    assert verdict.degrees_of_freedom == pytest.approx(expected.degrees_of_freedom)
    assert (verdict.degrees_of_freedom or 0) <= (nested(*both(scores, 32)).degrees_of_freedom or 0)
    assert verdict.difference == pytest.approx(100 * nested(*both(scores, 32)).difference)
    assert "more cautious for unequal numbers of seeds" in verdict.method
    said = [line for line in verdict.caveats if "unequal numbers" in line]
    assert len(said) == 1
    assert level in said[0]


ORDER = ("resnet50", "resnet101")


def test_one_seed_against_three_claims_no_measured_level(make_scores):
    scores = make_scores({("a", 32): 0.8, ("b", 32): 0.82}, seeds={"a": 1, "b": 3})
    said = [line for line in decide_study(scores, margin=1.0).caveats if "unequal numbers" in line]
    assert len(said) == 1
    assert "%" not in said[0]


@pytest.mark.parametrize("seeds", [1, 3, {"resnet50": 5, "resnet101": 3}])
def test_all_pairs_but_the_deciding_one_have_intervals_that_hold_together(make_scores, seeds):
    scores = make_scores(MANY, seeds=seeds)
    verdict = decide_study(scores, margin=1.0, scale=48)
    level = bonferroni_level(2)
    for pair in verdict.pairs:
        if pair.scale == 48:
            assert pair.simultaneous_interval is None
            continue
        expected = estimate_gain(*both(scores, pair.scale), level=level)
        assert pair.simultaneous_interval == in_points(expected.interval)
        assert pair.simultaneous_interval is not None
        assert pair.simultaneous_interval[0] <= pair.interval[0]
        assert pair.interval[1] <= pair.simultaneous_interval[1]
    assert any("simultaneous intervals (Bonferroni)" in line for line in verdict.caveats)


def test_one_pair_alone_has_no_simultaneous_interval(make_scores):
    verdict = decide_study(make_scores({("a", 32): 0.8, ("b", 32): 0.9}), margin=1.0)
    assert [pair.simultaneous_interval for pair in verdict.pairs] == [None]


def test_simultaneous_intervals_of_perfect_contenders_have_some_width():
    perfect = np.ones((3, 200))
    level = bonferroni_level(4)
    assert estimate_gain(perfect, perfect, level=level).interval == agresti_min_interval(0, 0, 200, level=level)


def test_simultaneous_intervals_survive_the_way_to_json_and_back(make_scores):
    verdict = decide_study(make_scores(MANY), margin=1.0, scale=48)
    plain = json.loads(records.to_json(verdict))
    assert records.verdict_from_json(plain) == verdict
    for pair in plain["pairs"]:
        del pair["simultaneous_interval"]  # a verdict of an earlier version
    assert all(pair.simultaneous_interval is None for pair in records.verdict_from_json(plain).pairs)


def test_looks_caution_and_unequal_seeds_caution_do_not_undo_each_other():
    rng = np.random.default_rng(3)
    hard = rng.random((2, 400)) < 0.2  # for one network and not for the other, so that samples vary too
    big, small = (
        (rng.random((k, 400)) < 0.9 + rng.normal(0, 0.03, (k, 1)) - 0.5 * own)
        for k, own in zip((8, 7), hard, strict=True)
    )
    plain, guarded = (estimate_gain(big * 1.0, small * 1.0, guard=guard) for guard in (1, 2))
    assert guarded.degrees_of_freedom < plain.degrees_of_freedom
