"""Methods without a trained network beside a verdict, against scipy and a closed form."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from deepenough.comparison import decide_study
from deepenough.comparison.baselines import with_baselines
from deepenough.records import BASELINES, to_json, verdict_from_json
from deepenough.report import words
from deepenough.report.tables import baselines as tables
from deepenough.stats import single

IDS = [f"{i:02d}" for i in range(40)]
SHIFTS = {"resnet50": 0.3, "resnet101": 0.8}


def frames(seeds, baseline=0.0):
    """Scores in dB of two networks, and of a baseline that lies `baseline` above what the pictures themselves allow."""
    rng = np.random.default_rng(7)
    pictures = rng.normal(28, 2, len(IDS))
    rows = []
    for name, shift in SHIFTS.items():
        for seed in range(seeds):
            values = pictures + shift + rng.normal(0, 0.2) + rng.normal(0, 0.3, len(IDS))
            rows += [
                {"contender": name, "seed": seed, "scale": 64, "sample_id": i, "score": float(v), "prediction": None}
                for i, v in zip(IDS, values, strict=True)
            ]
    known = {"baseline": "bicubic", "metric": "PSNR", "scale": 64, "sample_id": IDS, "score": pictures + baseline}
    return pl.DataFrame(rows), pl.DataFrame(known, schema=BASELINES)


def decided(seeds, baseline=0.0, keep=40):
    scores, beside = frames(seeds, baseline)
    verdict = decide_study(scores, margin=0.2, metric="PSNR", unit="dB", multiplier=1.0)
    return with_baselines(verdict, scores, beside[::-1][:keep], None), scores, beside[::-1][:keep]


def matrix(scores, beside, name):
    part = scores.filter(contender=name).join(beside.select("sample_id", own="score"), on="sample_id")
    part = part.sort("seed", "sample_id").with_columns(gain=pl.col("score") - pl.col("own"))
    return part["gain"].to_numpy().reshape(part["seed"].n_unique(), -1)


def test_gain_over_a_baseline_of_one_run_is_the_paired_t_interval_of_scipy():
    verdict, scores, beside = decided(seeds=1)
    gains = matrix(scores, beside, "resnet50")[0]
    ends = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    (found,) = verdict.baselines
    assert found.gains["resnet50"] == pytest.approx(gains.mean())
    assert found.intervals["resnet50"] == pytest.approx(tuple(ends))
    alone = stats.ttest_1samp(beside["score"].to_numpy(), 0).confidence_interval(0.95)
    assert found.interval == pytest.approx(tuple(alone))


def test_gain_over_a_baseline_of_several_runs_counts_their_seeds():
    verdict, scores, beside = decided(seeds=3)
    expected = single(matrix(scores, beside, "resnet101"))
    (found,) = verdict.baselines
    assert found.gains["resnet101"] == pytest.approx(expected.difference)
    assert found.intervals["resnet101"] == pytest.approx(expected.interval)


def test_a_baseline_tried_on_some_samples_is_held_against_the_networks_on_these():
    verdict, scores, beside = decided(seeds=2, keep=25)
    (found,) = verdict.baselines
    assert found.samples == 25
    assert found.gains["resnet50"] == pytest.approx(matrix(scores, beside, "resnet50").mean())


@pytest.mark.parametrize("other", [{"metric": "SSIM"}, {"scale": 32}])
def test_baselines_by_another_metric_or_scale_are_not_shown(other):
    scores, beside = frames(1)
    verdict = decide_study(scores, margin=0.2, metric="PSNR", unit="dB", multiplier=1.0)
    changed = beside.with_columns(**{name: pl.lit(value, BASELINES[name]) for name, value in other.items()})
    assert with_baselines(verdict, scores, changed, None).baselines == []
    assert with_baselines(verdict, scores, None, None).baselines == []


def test_verdict_with_baselines_comes_back_from_json():
    verdict, _, _ = decided(seeds=2)
    assert verdict_from_json(json.loads(to_json(verdict))) == verdict


@pytest.mark.parametrize(("baseline", "worth"), [(-1.0, True), (3.0, False)])
def test_verdict_says_whether_any_network_is_worth_its_training(baseline, worth):
    verdict, _, _ = decided(seeds=3, baseline=baseline)
    said = " ".join(words.sentences(verdict))
    assert "Without a trained network, on 40 of the same test samples, by PSNR: bicubic" in said
    assert ("ResNet-50 is better than each of them" in said) == worth
    assert ("Neither network is worth its training" in said) == (not worth)
    assert ("ResNet-50 is worse than bicubic" in said) == (not worth)  # its whole interval lies below zero
    assert len(tables.reached(verdict).rows) == 1


def test_network_that_may_be_better_or_worse_than_a_baseline_is_called_neither():
    verdict, _, _ = decided(seeds=3)
    (found,) = verdict.baselines
    open_ = replace(
        found, gains={"resnet50": 0.1, "resnet101": 0.2}, intervals=dict.fromkeys(found.intervals, (-1.0, 1.2))
    )
    said = " ".join(words.sentences(replace(verdict, baselines=[open_])))
    assert "ResNet-50 is not shown to be better than bicubic" in said
    assert "is worse than" not in said


@pytest.mark.parametrize(("shift", "said"), [(0.1, False), (1.5, True)])
def test_verdict_says_where_a_plain_network_does_as_well(shift, said):
    scores, beside = frames(3)
    plain = scores.filter(contender="resnet50").with_columns(
        contender=pl.lit("resnet50+shortcut=none"), score=pl.col("score") + shift - 1.0
    )
    together = pl.concat([scores, plain])
    pair = {"small": "resnet50", "big": "resnet101"}
    verdict = decide_study(together, margin=0.2, metric="PSNR", unit="dB", multiplier=1.0, **pair)
    found = " ".join(words.sentences(with_baselines(verdict, together, beside, None)))
    assert ("No residual network is shown to be worth it" in found) == said
