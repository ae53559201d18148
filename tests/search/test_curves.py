"""Curves: what lies between settings, where two cross, and what is said beyond them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binomtest

from deepenough.errors import StudyError
from deepenough.search.curves import Spent, curve

X = (1000.0, 2000.0, 4000.0, 8000.0)


def settings_of(xs=X):
    return [Spent(base=base, contender=f"{base}@{x:g}", scale=32, x=x) for base in ("small", "big") for x in xs]


def drawn(accuracy, *, seeds=3, samples=400, rng, seed_sd=0.0):
    """Scores of a contender: hard samples are hard for all."""
    hardness = np.random.default_rng(7).random(samples)  # the same samples throughout
    chance = np.clip(accuracy + seed_sd * rng.standard_normal((seeds, 1)) + 0.2 * (hardness - 0.5), 0, 1)
    return (rng.random((seeds, samples)) < chance).astype(float)


def scores_of(small, big, rng, **more):
    means = {**{f"small@{x:g}": m for x, m in zip(X, small, strict=True)}}
    means |= {f"big@{x:g}": m for x, m in zip(X, big, strict=True)}
    return {(name, 32): drawn(mean, rng=rng, **more) for name, mean in means.items()}


def found(scores, axis="images", xs=X):
    return curve(axis, settings_of(xs), scores, multiplier=100.0, highest=1.0)


def test_a_difference_between_settings_is_that_of_straight_lines_over_the_logarithm():
    scores = scores_of((0.4, 0.5, 0.6, 0.65), (0.3, 0.45, 0.6, 0.75), np.random.default_rng(0))
    record = found(scores)
    means = {key[0]: value.mean() for key, value in scores.items()}
    lines = {base: [means[f"{base}@{x:g}"] for x in X] for base in ("small", "big")}
    for x, difference, low, high in record["difference"]:
        parts = [np.interp(np.log(x), np.log(X), lines[base]) for base in ("big", "small")]
        assert difference == pytest.approx(100 * (parts[0] - parts[1]))
        assert low < difference < high
    assert [row[0] for row in record["difference"]][:: len(record["difference"]) - 1] == pytest.approx([1000, 8000])


def test_curves_cross_where_their_difference_changes_its_sign():
    samples = 4000
    exact = {
        (f"{base}@{x:g}", 32): np.tile(np.arange(samples) < round(mean * samples), (2, 1)).astype(float)
        for base, means in {"small": (0.5, 0.5, 0.5, 0.5), "big": (0.4, 0.4, 0.6, 0.6)}.items()
        for x, mean in zip(X, means, strict=True)
    }
    record = found(exact)
    assert record["crossing"]["x"] == pytest.approx(2000 * 2**0.5, rel=0.01)
    assert record["leads"] == "big"


def test_the_interval_of_a_crossing_holds_it_as_often_as_declared():
    rng, hits, times = np.random.default_rng(1), 0, 40
    small, big = (0.5, 0.55, 0.6, 0.65), (0.35, 0.5, 0.65, 0.8)
    truth = np.exp(np.interp(0.0, np.subtract(big, small), np.log(X)))  # where the lines meet
    for _ in range(times):
        crossing = found(scores_of(small, big, rng, seed_sd=0.02))["crossing"]
        assert crossing is not None
        hits += (crossing["low"] or 0) <= truth <= (crossing["high"] or np.inf)
    assert binomtest(hits, times, 0.95, alternative="less").pvalue > 0.01
    assert crossing["low"] is not None


def test_curves_that_do_not_cross_say_who_leads_and_whether_that_is_sure():
    rng = np.random.default_rng(2)
    sure = found(scores_of((0.3, 0.3, 0.4, 0.4), (0.6, 0.6, 0.7, 0.8), rng))
    assert (sure["crossing"], sure["leads"], sure["leads_surely"]) == (None, "big", True)


def test_a_curve_that_follows_the_law_passes_its_test_and_is_carried_on():
    errors = [0.8 * (x / 1000) ** -0.35 for x in X]
    rng = np.random.default_rng(3)
    record = found(scores_of([1 - e for e in errors], [1 - 0.9 * e for e in errors], rng, samples=3000))
    beyond = record["beyond"]["small"]
    assert beyond["held_out"]["passed"]
    last = beyond["rows"][-1]
    assert last[0] == 16000
    assert last[2] <= 100 * (1 - 0.8 * 16**-0.35) <= last[3]
    wide = [np.log((100 - low) / (100 - high)) for _, _, low, high in beyond["rows"]]  # of the error, in logarithms
    assert all(later > sooner for sooner, later in pairwise(wide))


def test_a_curve_that_levels_off_fails_its_test_and_is_not_carried_on():
    rng = np.random.default_rng(4)
    level = (0.3, 0.5, 0.7, 0.70)
    beyond = found(scores_of(level, level, rng, samples=3000))["beyond"]["small"]
    assert not beyond["held_out"]["passed"]
    assert beyond["held_out"]["predicted"] > beyond["held_out"]["observed"]
    assert beyond["rows"] == []


def test_three_settings_are_too_few_for_a_law_and_sides_have_none():
    rng = np.random.default_rng(5)
    scores = scores_of((0.3, 0.5, 0.6, 0.7), (0.3, 0.5, 0.6, 0.7), rng)
    assert found(scores, xs=X[:3])["beyond"] == {"small": None, "big": None}
    assert found(scores, axis="side")["beyond"] == {"small": None, "big": None}


def test_one_seed_makes_no_curve():
    scores = scores_of((0.3, 0.5, 0.6, 0.7), (0.3, 0.5, 0.6, 0.7), np.random.default_rng(6), seeds=1)
    with pytest.raises(StudyError, match="--seeds: expected at least 2 to tell a curve from luck; got 1"):
        found(scores)


def test_sides_of_one_training_share_its_seeds():
    rng = np.random.default_rng(8)
    settings = [Spent(base=base, contender=base, scale=side, x=side) for base in ("small", "big") for side in (32, 64)]
    scores = {(base, side): drawn(0.5, rng=rng, seeds=2) for base in ("small", "big") for side in (32, 64)}
    record = curve("side", settings, scores, multiplier=100.0, highest=1.0)
    assert [each["x"] for each in record["points"]] == [32, 64, 32, 64]
    assert len(record["difference"]) > 10
