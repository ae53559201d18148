import json

import numpy as np
import polars as pl
import pytest

from deepenough import records
from deepenough.comparison import decide_study
from deepenough.errors import RecordError
from deepenough.records import to_json, verdict_from_json
from deepenough.stats import cluster_scores, nested, noise_budget, run_spread

N = 60


def rows(contender, seed, right, *, scale=64, **extra):
    ids = [f"s{index:03d}" for index in range(N)]
    plain = {"contender": contender, "seed": seed, "scale": scale, "sample_id": ids, "target": "t", "prediction": "p"}
    return pl.DataFrame({**plain, "score": np.asarray(right, float), "confidence": 0.5, **extra})


@pytest.fixture
def drawn():
    rng = np.random.default_rng(3)
    return {
        name: (rng.random((3, N)) < level).astype(float) for name, level in (("resnet50", 0.7), ("resnet101", 0.85))
    }


@pytest.fixture
def scores(drawn):
    return pl.concat([rows(name, s, right) for name, runs in drawn.items() for s, right in enumerate(runs)])


def test_account_is_the_budget_of_the_deciding_estimate_in_points(drawn, scores):
    verdict = decide_study(scores, margin=5.0)
    found = noise_budget(nested(drawn["resnet101"], drawn["resnet50"]).scaled(100))
    account = verdict.noise
    assert [part["variance"] for part in account["parts"]] == pytest.approx([part.variance for part in found.parts])
    assert [part["contender"] for part in account["parts"]] == ["resnet101", "resnet50", None, None]
    assert [entry["contender"] for entry in account["seeds"]] == ["resnet101", "resnet50"]
    assert account["gap"] == pytest.approx(abs(verdict.difference) / verdict.standard_error)
    assert sum(part["variance"] for part in account["parts"]) == pytest.approx(verdict.standard_error**2)
    assert account["superiority"] == found.superiority
    assert account["sources"] == []


def test_account_comes_back_from_json(scores, drawn):
    noise = rows("resnet50", 0, drawn["resnet50"][1], source="order", run=1)
    verdict = decide_study(scores, margin=5.0, noise_runs=noise)
    assert verdict_from_json(json.loads(to_json(verdict))) == verdict
    old = {key: value for key, value in json.loads(to_json(verdict)).items() if key != "noise"}
    assert verdict_from_json(old).noise is None


def test_sources_stand_beside_seed_0_and_never_enter_the_decision(scores, drawn):
    noise = pl.concat(
        [
            rows("resnet50", 0, drawn["resnet50"][0], source="nondeterminism", run=1),
            rows("resnet50", 0, drawn["resnet50"][2], source="order", run=2).sample(fraction=1.0, shuffle=True, seed=1),
            rows("resnet50", 0, drawn["resnet50"][1], source="order", run=1),
            rows("resnet101", 0, drawn["resnet101"][1], source="from_a_later_version", run=1),
        ]
    )
    verdict = decide_study(scores, margin=5.0, noise_runs=noise)
    bare = decide_study(scores, margin=5.0)
    order, again = verdict.noise["sources"]
    expected = run_spread(drawn["resnet50"])  # the same three runs, whatever their order
    assert (order["source"], order["runs"], order["scale"]) == ("order", 3, 64)
    assert order["sd"] == pytest.approx(100 * expected.sd)
    assert order["own_interval"] == pytest.approx([100 * end for end in expected.own_interval])
    assert order["share_of_seeds"] == pytest.approx(1.0)
    assert not order["identical"]
    assert (again["source"], again["runs"], again["sd"], again["identical"]) == ("nondeterminism", 2, 0.0, True)
    assert {**verdict.noise, "sources": []} == bare.noise
    assert verdict.pairs == bare.pairs


def test_answers_that_are_alike_with_another_confidence_are_not_identical(scores, drawn):
    noise = rows("resnet50", 0, drawn["resnet50"][0], source="nondeterminism", run=1)
    noise = noise.with_columns(confidence=pl.lit(0.5000001))
    [entry] = decide_study(scores, margin=5.0, noise_runs=noise).noise["sources"]
    assert (entry["sd"], entry["identical"]) == (0.0, False)


def test_a_source_with_one_run_only_is_passed_over(scores, drawn):
    """Seed 0 diverged, so that the extra run stands alone."""
    noise = rows("resnet50", 0, drawn["resnet50"][1], source="order", run=1)
    without = scores.filter((pl.col("contender") != "resnet50") | (pl.col("seed") > 0))
    assert decide_study(without, margin=5.0, noise_runs=noise).noise["sources"] == []


def test_sources_are_of_groups_where_samples_come_in_groups(scores, drawn):
    groups = {f"s{index:03d}": f"g{index // 6}" for index in range(N)}
    noise = rows("resnet50", 0, drawn["resnet50"][1], source="order", run=1)
    verdict = decide_study(scores, margin=5.0, noise_runs=noise, groups=groups)
    assert verdict.noise["units"] == 10
    [entry] = verdict.noise["sources"]
    by_group = run_spread(cluster_scores(drawn["resnet50"][:2], np.arange(N) // 6))
    assert entry["sd"] == pytest.approx(100 * by_group.sd)
    assert entry["own_interval"] == pytest.approx([100 * end for end in by_group.own_interval])
    assert entry["own_interval"] != pytest.approx([100 * end for end in run_spread(drawn["resnet50"][:2]).own_interval])


@pytest.mark.parametrize("change", ["fewer", "others", "twice"])
def test_runs_on_other_samples_are_refused(change, scores, drawn):
    noise = rows("resnet50", 0, drawn["resnet50"][1], source="order", run=1)
    if change == "fewer":
        noise = noise.head(N - 1)
    elif change == "others":
        noise = noise.with_columns(sample_id=pl.col("sample_id").str.replace("s000", "x"))
    else:
        noise = pl.concat([noise, noise.head(1)])
    with pytest.raises(RecordError, match="expected the study's 60 test samples"):
        decide_study(scores, margin=5.0, noise_runs=noise)


def test_single_runs_tell_nothing_of_seeds(scores):
    account = decide_study(scores.filter(pl.col("seed") == 0), margin=5.0).noise
    assert account["seeds"] == []
    assert [part["source"] for part in account["parts"]] == ["samples"]
    assert account["single_run_sd"] is None


def test_the_tables_columns_are_those_of_the_scores_and_two_more():
    assert list(records.NOISE) == [*records.SCORES, "source", "run"]
