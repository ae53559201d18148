"""Effects and interactions of an ablation against differences of means, and Holm's p-values of statsmodels."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.multitest import multipletests

from deepenough.errors import StudyError
from deepenough.search.ablation import as_record, effects
from deepenough.search.levers import Setting

SEEDS, SAMPLES = 4, 300
SHARES = {"a": 0.6, "a+x": 0.75, "a+y": 0.6, "b": 0.62, "b+x": 0.92, "b+y": 0.61}
SETTINGS = [
    Setting(lever=name, label=name, base=base, contender=f"{base}+{name}") for base in ("a", "b") for name in ("x", "y")
]


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(3)
    hard = rng.normal(0, 0.1, SAMPLES)
    frames = []
    for name, share in SHARES.items():
        for seed in range(SEEDS):
            right = rng.random(SAMPLES) < share + hard
            ids = [f"{number:04d}" for number in range(SAMPLES)]
            frames.append(
                pl.DataFrame({"contender": name, "seed": seed, "sample_id": ids, "score": right.astype(float)})
            )
    return pl.concat(frames).sample(fraction=1.0, shuffle=True, seed=1)


def mean(scores, name):
    return 100 * scores.filter(pl.col("contender") == name)["score"].mean()


def test_effects_are_differences_of_means_with_holms_p_values(scores):
    found, both = effects(SETTINGS, scores, {}, multiplier=100)
    for each in found:
        assert each.difference == pytest.approx(mean(scores, each.contender) - mean(scores, each.base))
        assert each.interval[0] < each.difference < each.interval[1]
    adjusted = multipletests([each.p_value for each in found], method="holm")[1]
    assert [each.p_adjusted for each in found] == pytest.approx(adjusted.tolist())
    assert {each.contender for each in found if each.p_adjusted < 0.05} == {"a+x", "b+x"}

    more = {each.lever: each for each in both}
    by_hand = (mean(scores, "b+x") - mean(scores, "b")) - (mean(scores, "a+x") - mean(scores, "a"))
    assert more["x"].difference == pytest.approx(by_hand)
    assert more["x"].p_adjusted < 0.05 < more["y"].p_adjusted


def test_costs_are_factors_of_the_base(scores):
    costs = {"a": {"macs": 4.0, "latency_s": 0.02}, "a+x": {"macs": 6.0, "latency_s": 0.01}}
    found, _ = effects(SETTINGS[:1], scores, costs, multiplier=100)
    assert dict(found[0].costs) == {"macs": 1.5, "latency_s": 0.5}


def test_setting_without_two_trainings_has_no_effect_and_no_share_in_the_family(scores):
    less = scores.filter((pl.col("contender") != "a+x") | (pl.col("seed") == 0))
    found, both = effects(SETTINGS, less, {}, multiplier=100)
    assert (found[0].difference, found[0].p_adjusted) == (None, None)
    others = [each.p_value for each in found[1:]]
    assert [each.p_adjusted for each in found[1:]] == pytest.approx(multipletests(others, method="holm")[1].tolist())
    assert next(each for each in both if each.lever == "x").difference is None


def test_one_seed_is_refused(scores):
    with pytest.raises(StudyError, match="--seeds: expected at least 2"):
        effects(SETTINGS, scores.filter(pl.col("seed") == 0), {}, multiplier=100)


def test_record_holds_plain_values(scores):
    found, both = effects(SETTINGS, scores, {}, multiplier=100)
    record = as_record(bases=["a", "b"], unit="points", effects=found, interactions=both)
    assert record["bases"] == ["a", "b"]
    assert record["effects"][0]["lever"] == "x"
