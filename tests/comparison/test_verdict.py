from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from deepenough import records
from deepenough.comparison import decide_study
from deepenough.errors import InputError, RecordError, StudyError
from deepenough.stats import cluster_scores, compare_checkpoints, holm, nested

ONE = {("resnet50", 32): 0.80, ("resnet101", 32): 0.90}
MANY = {(name, scale): share for name, share in (("resnet50", 0.8), ("resnet101", 0.85)) for scale in (32, 48, 64)}


def matrix(scores, contender, scale=32):
    part = scores.filter((pl.col("contender") == contender) & (pl.col("scale") == scale))
    return part.sort("seed", "sample_id")["score"].to_numpy().reshape(part["seed"].n_unique(), -1)


def test_verdict_is_the_nested_estimate_in_points(make_scores):
    scores = make_scores(ONE)
    verdict = decide_study(scores, margin=0.5)
    estimate = nested(matrix(scores, "resnet101"), matrix(scores, "resnet50"))
    assert (verdict.small, verdict.big, verdict.scope) == ("resnet50", "resnet101", "architecture")
    assert verdict.difference == pytest.approx(100 * estimate.difference)
    assert verdict.interval == pytest.approx(tuple(100 * end for end in estimate.interval))
    assert verdict.p_value == pytest.approx(estimate.p_value)
    assert verdict.enough_for_any_margin_above == verdict.interval[1]
    assert verdict.answer == "big_is_better"
    assert verdict.beyond_margin is True
    assert verdict.scale_chosen_on == "only_scale"
    assert verdict.needed is None


def test_every_interval_is_at_the_level_asked_for(make_scores):
    scores = make_scores({**ONE, ("resnet50", 48): 0.8, ("resnet101", 48): 0.82})
    verdict = decide_study(scores, margin=0.5, scale=32, level=0.98, guard=2)
    estimate = nested(matrix(scores, "resnet101"), matrix(scores, "resnet50"), level=0.98, guard=2)
    assert verdict.level == 0.98
    assert verdict.interval == pytest.approx(tuple(100 * end for end in estimate.interval))
    assert "guarded" in verdict.method
    plain = decide_study(scores, margin=0.5, scale=32)
    assert plain.level == 0.95
    for ours, theirs in ((verdict.pairs, plain.pairs), (verdict.contenders, plain.contenders)):
        assert len(ours) == len(theirs) > 1
        for wide, narrow in zip(ours, theirs, strict=True):
            assert wide.interval[0] < narrow.interval[0] < narrow.interval[1] < wide.interval[1]


def test_checkpoints_take_the_level_asked_for_too(make_scores):
    scores = make_scores(ONE, seeds=1)
    verdict = decide_study(scores, margin=0.5, level=0.99)
    estimate = compare_checkpoints(matrix(scores, "resnet101"), matrix(scores, "resnet50"), level=0.99)
    assert verdict.interval == pytest.approx(tuple(100 * end for end in estimate.interval))
    assert verdict.needed.tipping_seed_sd < decide_study(scores, margin=0.5).needed.tipping_seed_sd


def test_a_narrower_question_at_a_higher_level_needs_more(make_scores):
    scores = make_scores({("resnet50", 32): 0.85, ("resnet101", 32): 0.851})
    ordinary, strict = (decide_study(scores, margin=0.5, level=level).needed for level in (0.95, 0.99))
    fewer, more = (min(design["total_samples"] for design in each.guaranteed) for each in (ordinary, strict))
    assert more > 1.3 * fewer


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, float("nan")])
def test_a_level_that_is_none_is_refused(make_scores, level):
    with pytest.raises(StudyError, match="level: expected a number between 0 and 1"):
        decide_study(make_scores(ONE, seeds=1), margin=0.5, level=level)


def test_swapping_small_and_big_flips_the_sign(make_scores):
    scores = make_scores(ONE)
    forth = decide_study(scores, margin=0.5)
    back = decide_study(scores, margin=0.5, small="resnet101", big="resnet50")
    assert back.difference == pytest.approx(-forth.difference, abs=1e-10)
    assert back.interval == pytest.approx((-forth.interval[1], -forth.interval[0]), abs=1e-10)
    assert back.answer == "small_is_better"


def test_equal_networks_are_undecided_on_few_samples_and_told_what_it_takes(make_scores):
    scores = make_scores({("resnet50", 32): 0.85, ("resnet101", 32): 0.851})
    verdict = decide_study(scores, margin=0.5)
    assert verdict.answer == "undecided"
    assert verdict.needed is not None
    assert verdict.needed.guaranteed
    assert all(design["samples"] > 400 for design in verdict.needed.guaranteed)
    low, high = verdict.interval
    assert decide_study(scores, margin=high - low + 0.01).answer == "small_is_enough"


def test_a_gain_whose_size_is_open_is_told_what_would_show_it(make_scores):
    scores = make_scores(ONE, samples=900)
    wide = decide_study(scores, margin=0.01)
    verdict = decide_study(scores, margin=wide.difference + 0.3)
    assert verdict.answer == "big_is_better"
    assert verdict.beyond_margin is False
    assert verdict.needed is not None
    assert verdict.needed.guaranteed == []


def test_deciding_scale_is_the_best_on_validation_and_not_on_test(make_scores):
    scores = make_scores({key: share + (0.05 if key[1] == 64 else 0.0) for key, share in MANY.items()})
    validation = make_scores({key: share + (0.05 if key[1] == 48 else 0.0) for key, share in MANY.items()}, prefix="v")
    verdict = decide_study(scores, margin=1.0, validation=validation)
    assert (verdict.scale, verdict.scale_chosen_on) == (48, "validation")
    at_48 = next(c for c in verdict.contenders if (c.contender, c.scale) == ("resnet101", 48))
    assert at_48.validation_mean == pytest.approx(90.0, abs=0.3)
    without = decide_study(scores, margin=1.0)
    assert (without.scale, without.scale_chosen_on) == (64, "test")
    assert any("chosen by the test scores themselves" in line for line in without.caveats)
    assert decide_study(scores, margin=1.0, scale=32).scale_chosen_on == "declared"


def test_ties_on_validation_go_to_the_smaller_scale(make_scores):
    validation = pl.concat(
        [make_scores({("resnet50", s): 0.8, ("resnet101", s): 0.9}, prefix="v", seed=1) for s in (64, 48, 32)]
    )
    assert decide_study(make_scores(MANY), margin=1.0, validation=validation).scale == 32


def test_every_scale_is_compared_and_all_but_the_deciding_pair_are_adjusted(make_scores):
    verdict = decide_study(make_scores({**MANY, ("resnet152", 32): 0.86}), margin=1.0, big="resnet101", scale=48)
    listed = [(pair.small, pair.big, pair.scale) for pair in verdict.pairs]
    assert listed == [
        ("resnet50", "resnet101", 32),
        ("resnet50", "resnet101", 48),
        ("resnet50", "resnet101", 64),
        ("resnet50", "resnet152", 32),
    ]
    assert verdict.pairs[1].p_adjusted is None
    others = [pair for pair in verdict.pairs if pair.p_adjusted is not None]
    assert [pair.p_adjusted for pair in others] == pytest.approx(holm([pair.p_value for pair in others]))
    assert verdict.pairs[1].interval == verdict.interval
    assert any("4 comparisons were made" in line for line in verdict.caveats)


def test_costs_and_not_names_say_which_contender_is_small(make_scores):
    scores = make_scores({("alpha", 32): 0.8, ("beta", 32): 0.9})
    costs = pl.DataFrame({"contender": ["alpha", "beta"], "scale": [32, 32], "macs": [9, 4], "parameters": [1, 2]})
    verdict = decide_study(scores, margin=1.0, costs=costs)
    assert (verdict.small, verdict.big) == ("beta", "alpha")
    known = costs.with_columns(macs=pl.lit(None, dtype=pl.Int64))
    assert decide_study(scores, margin=1.0, costs=known).small == "alpha"


def test_one_seed_speaks_of_checkpoints_and_gives_the_tipping_sd(make_scores):
    scores = make_scores(ONE, seeds=1)
    verdict = decide_study(scores, margin=0.5)
    estimate = compare_checkpoints(matrix(scores, "resnet101"), matrix(scores, "resnet50"))
    assert verdict.scope == "checkpoint"
    assert verdict.p_value == pytest.approx(estimate.p_value)
    assert verdict.interval == pytest.approx(tuple(100 * end for end in estimate.interval))
    assert verdict.degrees_of_freedom is None
    assert verdict.needed is not None
    assert (verdict.needed.tipping_seed_sd or 0) > 1.0
    assert any("trained only once" in line for line in verdict.caveats)
    assert "McNemar mid-p" in verdict.method


def test_one_seed_against_three_is_still_about_checkpoints(make_scores):
    verdict = decide_study(make_scores(ONE, seeds={"resnet50": 1, "resnet101": 3}), margin=0.5)
    assert verdict.scope == "checkpoint"
    assert verdict.seeds == {"resnet50": [0], "resnet101": [0, 1, 2]}
    assert any("unequal numbers" in line for line in verdict.caveats)


def test_two_seeds_are_decided_with_a_caveat(make_scores):
    verdict = decide_study(make_scores(ONE, seeds=2), margin=0.5)
    assert verdict.scope == "architecture"
    assert any("With two seeds" in line for line in verdict.caveats)


def test_groups_are_taken_as_the_independent_units(make_scores):
    scores = make_scores(ONE)
    groups = {f"t{i:05d}": f"patient{i // 8}" for i in range(400)}
    verdict = decide_study(scores, margin=0.5, groups=groups)
    labels = np.arange(400) // 8
    expected = nested(
        cluster_scores(matrix(scores, "resnet101"), labels), cluster_scores(matrix(scores, "resnet50"), labels)
    )
    assert verdict.interval == pytest.approx(tuple(100 * end for end in expected.interval))
    assert verdict.samples == 400
    assert "cluster" in verdict.method
    assert any("50 groups" in line for line in verdict.caveats)


def test_needed_counts_samples_and_not_groups(make_scores):
    scores = make_scores({("resnet50", 32): 0.85, ("resnet101", 32): 0.851})
    groups = {f"t{i:05d}": f"patient{i // 4}" for i in range(400)}
    needed = decide_study(scores, margin=1.0, groups=groups).needed
    assert needed is not None
    assert needed.guaranteed
    for design in needed.guaranteed:
        assert design["samples"] > 400
        assert design["total_samples"] == pytest.approx(2 * design["seeds"] * design["samples"], rel=0.01)


@pytest.mark.parametrize("seeds", [1, 3])
def test_perfect_contenders_get_an_interval_of_some_width_and_a_caveat(make_scores, seeds):
    verdict = decide_study(make_scores({("a", 32): 1.0, ("b", 32): 1.0}, seeds=seeds), margin=2.0)
    assert verdict.difference == 0
    assert verdict.interval[0] < 0 < verdict.interval[1]
    assert verdict.p_value == 1.0
    assert verdict.answer == "small_is_enough"
    assert any("too easy for this test set" in line for line in verdict.caveats)
    assert all(c.interval is not None and c.interval[0] < 100 and c.interval[1] <= 100 for c in verdict.contenders)


def test_a_seed_that_stands_out_is_named_and_kept(make_scores):
    scores = make_scores(ONE, seeds=4, samples=2000)
    bad = (pl.col("contender") == "resnet101") & (pl.col("seed") == 2)
    spoilt = scores.with_columns(score=pl.when(bad & (pl.int_range(pl.len()) % 3 > 0)).then(0.0).otherwise("score"))
    verdict = decide_study(spoilt, margin=0.5)
    assert any(line.startswith("Seed 2 of resnet101 lies far") for line in verdict.caveats)
    assert not any("lies far" in line for line in decide_study(scores, margin=0.5).caveats)
    assert verdict.seeds["resnet101"] == [0, 1, 2, 3]


def test_callers_caveats_come_first_and_missing_cells_are_named(make_scores):
    scores = make_scores(ONE).filter(~((pl.col("contender") == "resnet50") & (pl.col("seed") == 1)))
    verdict = decide_study(scores, margin=0.5, caveats=["Seed 1 of resnet50 diverged."])
    assert verdict.caveats[0] == "Seed 1 of resnet50 diverged."
    assert any("resnet50 has 2 seeds and resnet101 has 3" in line for line in verdict.caveats)


def test_verdict_survives_the_way_to_json_and_back(make_scores):
    verdict = decide_study(make_scores(MANY, seeds=1), margin=0.5, scale=32)
    assert records.verdict_from_json(json.loads(records.to_json(verdict))) == verdict


def test_real_valued_scores_keep_their_unit(make_scores):
    rng = np.random.default_rng(0)
    scores = make_scores(ONE).with_columns(score=pl.Series(rng.normal(30.0, 2.0, 2400)))
    verdict = decide_study(scores, margin=0.5, metric="PSNR", unit="dB", multiplier=1.0)
    assert 29 < verdict.contenders[0].mean < 31
    assert verdict.unit == "dB"


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        ({"margin": 0.0}, InputError, "margin: expected a number above 0"),
        ({"margin": float("nan")}, InputError, "margin"),
        ({"margin": 1.0, "small": "vgg"}, StudyError, "--small: expected one of resnet50, resnet101; got vgg"),
        ({"margin": 1.0, "small": "resnet50", "big": "resnet50"}, StudyError, "another contender"),
        ({"margin": 1.0, "scale": 99}, StudyError, "--scale: expected one of 32; got 99"),
    ],
)
def test_what_cannot_be_decided_is_refused_in_one_line(make_scores, how, error, text):
    with pytest.raises(error, match=text):
        decide_study(make_scores(ONE), **how)


def test_one_contender_one_sample_and_no_shared_scale_are_refused(make_scores):
    with pytest.raises(StudyError, match="at least two to compare"):
        decide_study(make_scores({("a", 32): 0.8}), margin=1.0)
    with pytest.raises(StudyError, match="at least 2 test samples"):
        decide_study(make_scores(ONE).filter(pl.col("sample_id") == "t00000"), margin=1.0)
    with pytest.raises(StudyError, match="a scale at which both"):
        decide_study(make_scores({("a", 32): 0.8, ("b", 64): 0.8}), margin=1.0)
    with pytest.raises(RecordError):
        decide_study(make_scores(ONE).head(0), margin=1.0)


def test_undecided_between_runs_that_never_differ_asks_for_more_samples_than_there_are(make_scores):
    for seeds in (1, 3):
        scores = make_scores({("a", 32): 1.0, ("b", 32): 1.0}, seeds=seeds, samples=30)
        verdict = decide_study(scores, margin=1.0)
        assert verdict.answer == "undecided"
        assert verdict.needed is not None
        assert verdict.needed.guaranteed
        assert all(design["samples"] > 30 for design in verdict.needed.guaranteed)


def test_runs_that_always_differ_alike_are_not_certain_of_it(make_scores):
    scores = make_scores({("a", 32): 1.0, ("b", 32): 1.0}, samples=30)
    scores = scores.with_columns(score=pl.when(pl.col("contender") == "a").then(0.0).otherwise(1.0))
    verdict = decide_study(scores, margin=1.0)
    assert verdict.answer == "big_is_better"
    assert verdict.interval[0] < 100
    assert verdict.p_value == pytest.approx(2.0**-30)
