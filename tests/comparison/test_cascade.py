"""Cascades against a search over every threshold, compositions by hand, and the estimators that they rest on."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepenough.comparison import decide_study, decide_third
from deepenough.comparison.cascade import cascade_scores, choose_threshold, curve, expected_costs
from deepenough.errors import StudyError
from deepenough.records import COSTS, SCORES, to_json
from deepenough.records.third import third_from_json
from deepenough.stats import nested, paired

PAIR = "resnet50", "resnet101"


def outcomes(seeds=3, samples=120, rng=0, scale=64):
    """Two networks whose confidences say something: sure answers are right more often."""
    draw, frames = np.random.default_rng(rng), []
    hard = draw.random(samples)
    for place, name in enumerate(PAIR):
        for seed in range(seeds):
            sure = np.clip(1.0 - 0.7 * hard + draw.normal(0, 0.1, samples), 0.05, 0.999)
            right = (draw.random(samples) < np.clip(sure + 0.08 * place, 0, 1)).astype(float)
            columns = {
                "contender": name,
                "seed": seed,
                "scale": scale,
                "sample_id": [f"s{each:04d}" for each in range(samples)],
                "target": "a",
                "prediction": pl.Series(["a" if hit else "b" for hit in right]),
                "score": right,
                "confidence": sure,
            }
            frames.append(pl.DataFrame(columns).select(pl.col(key).cast(kind) for key, kind in SCORES.items()))
    return pl.concat(frames)


def verdict_of(scores, validation, **changes):
    return decide_study(scores, margin=2.0, validation=validation, small=PAIR[0], big=PAIR[1], **changes)


@given(st.integers(0, 10_000), st.integers(1, 12), st.sampled_from([0.0, 0.1, 0.3]))
def test_threshold_is_the_cheapest_near_the_best_when_all_are_tried(rng, size, within):
    draw = np.random.default_rng(rng)
    confidence = draw.integers(1, 6, size) / 6.0  # ties on purpose
    first, second = draw.integers(0, 2, (2, size)).astype(float)
    found = choose_threshold(confidence, first, second, within=within)
    tried = [0.0, *np.unique(confidence) + 1e-6]
    reached = {t: float(np.where(confidence < t, second, first).mean()) for t in tried}
    best = max(reached.values())
    cheapest = min(t for t, mean in reached.items() if best - mean < within - 1e-9 or best - mean < 1e-9)
    # a difference of exactly `within` is left open: rounding decides it
    if not any(abs(best - mean - within) < 1e-9 and within for mean in reached.values()):
        assert ((confidence < found) == (confidence < cheapest)).all()


@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0, 1))
def test_threshold_passes_on_the_largest_share_allowed_when_one_is_declared(rng, size, share):
    confidence = np.random.default_rng(rng).integers(1, 6, size) / 6.0
    found = choose_threshold(confidence, np.zeros(size), np.ones(size), within=None, share=share)
    shares = [float((confidence < t).mean()) for t in (0.0, *np.unique(confidence) + 1e-6)]
    allowed = max(each for each in shares if each <= share + 1e-9)
    assert float((confidence < found).mean()) == allowed


def test_cascade_is_composed_sample_by_sample_and_never_sees_the_test_when_choosing():
    scores, validation = outcomes(rng=1), outcomes(rng=2)
    chosen = {"multiplier": 100.0, "within": 1.0}
    made, _, thresholds = cascade_scores(scores, validation, PAIR, 64, **chosen)
    for each in thresholds:
        small, big, both = (
            frame.filter(pl.col("seed") == each.seed).sort("sample_id")
            for frame in (*(scores.filter(pl.col("contender") == name) for name in PAIR), made)
        )
        passed = small["confidence"].to_numpy() < each.threshold
        assert both["score"].to_list() == np.where(passed, big["score"], small["score"]).tolist()
        assert both["prediction"].to_list() == np.where(passed, big["prediction"], small["prediction"]).tolist()
        assert each.share == pytest.approx(passed.mean())
    other = scores.with_columns(score=1.0 - pl.col("score"))
    again = cascade_scores(other, validation, PAIR, 64, **chosen)[2]
    assert [each.threshold for each in again] == [each.threshold for each in thresholds]


@pytest.mark.parametrize(("share", "name"), [(0.0, "resnet50"), (1.0, "resnet101")])
def test_cascade_is_one_of_the_networks_when_nothing_or_everything_is_passed_on(share, name):
    scores = outcomes()
    made, _, _ = cascade_scores(scores, scores, PAIR, 64, multiplier=100.0, within=None, share=share)
    own = scores.filter(pl.col("contender") == name)
    assert made.drop("contender").sort("seed", "sample_id").equals(own.drop("contender").sort("seed", "sample_id"))


def test_curve_goes_from_one_network_to_the_other():
    scores = outcomes()
    points = curve(scores, PAIR, 64, multiplier=100.0)
    means = [100 * scores.filter(pl.col("contender") == name)["score"].mean() for name in PAIR]
    assert (points[0]["share"], points[-1]["share"]) == (0.0, 1.0)
    assert [points[0]["mean"], points[-1]["mean"]] == pytest.approx(means)


@pytest.mark.parametrize(("seeds", "estimator"), [(3, paired), (2, nested)])
def test_intervals_are_those_of_the_estimators_when_runs_are_shared(seeds, estimator):
    scores, validation = outcomes(seeds=seeds, rng=3), outcomes(seeds=seeds, rng=4)
    average = [
        frame.filter(pl.col("contender") == PAIR[1]).with_columns(contender=pl.lit("average"))
        for frame in (scores.with_columns(score=1.0 - pl.col("score")), validation)
    ]
    found, rows = decide_third(verdict_of(scores, validation), scores, validation, average=tuple(average))
    matrices = {
        name: np.stack(
            [frame.filter(pl.col("seed") == seed).sort("sample_id")["score"].to_numpy() for seed in range(seeds)]
        )
        for name, frame in {
            **{name: scores.filter(pl.col("contender") == name) for name in PAIR},
            **{name: rows.filter(pl.col("contender") == name) for name in ("cascade", "average")},
        }.items()
    }
    assert len(found.pairs) == 4
    for pair in found.pairs:
        truth = estimator(matrices[pair.big], matrices[pair.small])
        assert pair.difference == pytest.approx(100 * truth.difference)
        assert pair.interval == pytest.approx([100 * end for end in truth.interval])
        assert pair.simultaneous_interval[0] < pair.interval[0] < pair.interval[1] < pair.simultaneous_interval[1]
        assert pair.p_adjusted >= pair.p_value


def test_expected_cost_is_the_first_network_and_the_share_of_the_second():
    rows = [
        {"contender": name, "scale": 64, "batch": batch, "device": "cpu", "precision": "fp32", "parameters": 1,
         "macs": macs, "latency_s": {"p50": seconds * batch, "p95": 9.0}, "images_per_s": 1.0, "peak_bytes": 1}
        for name, macs, seconds in ((PAIR[0], 100, 0.01), (PAIR[1], 200, 0.02)) for batch in (1, 32)
    ]  # fmt: skip
    costs = pl.DataFrame(rows, schema=COSTS)
    found = expected_costs(costs, PAIR, 64, 0.25)
    assert found["cascade"] == pytest.approx({"latency_s": 0.015, "macs": 150.0})
    assert found["average"] == pytest.approx({"latency_s": 0.03, "macs": 300.0})
    assert expected_costs(costs, PAIR, 96, 0.25) == expected_costs(None, PAIR, 64, 0.25) == {}


def test_record_comes_back_whole_from_json():
    import json

    scores, validation = outcomes(), outcomes(rng=5)
    found, _ = decide_third(verdict_of(scores, validation), scores, validation, share=0.4)
    assert third_from_json(json.loads(to_json(found))) == found


def test_cascade_is_refused_when_outcomes_do_not_allow_it():
    scores = outcomes()
    verdict = verdict_of(scores, scores)
    bare = scores.with_columns(confidence=pl.lit(None, pl.Float64))
    with pytest.raises(StudyError, match="the confidence of every answer of resnet50"):
        decide_third(verdict, bare, bare)
    apart = scores.with_columns(seed=pl.when(pl.col("contender") == PAIR[1]).then(pl.col("seed") + 9).otherwise("seed"))
    with pytest.raises(StudyError, match="a seed that both have at 64 px"):
        decide_third(verdict, apart, apart)
    with pytest.raises(StudyError, match="a verdict on accuracy"):
        decide_third(verdict_of(scores, scores, metric="macro_f1"), scores, scores)
