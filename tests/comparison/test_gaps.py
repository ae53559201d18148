"""Runs that lack samples: decided by declaration on the scores that there are, refused otherwise."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from deepenough.comparison import align, decide_study
from deepenough.errors import RecordError, StudyError
from deepenough.stats import compare_checkpoints, nested_unbalanced

ACCURACY = {("resnet50", 64): 0.8, ("resnet101", 64): 0.85}


def with_gaps(frame: pl.DataFrame, kept: float = 0.8) -> pl.DataFrame:
    return frame.filter(pl.Series(np.random.default_rng(3).random(frame.height) < kept))


def matrix(frame: pl.DataFrame, contender: str, ids: list[str]) -> np.ndarray:
    """Scores of shape (seeds, samples), NaN where missing, by lookup."""
    known = {(seed, sample): score for seed, sample, score in frame.filter(contender=contender).select(
        "seed", "sample_id", "score").iter_rows()}  # fmt: skip
    return np.array([[known.get((seed, sample), np.nan) for sample in ids] for seed in sorted({s for s, _ in known})])


def test_gaps_are_refused_where_they_are_not_declared(make_scores):
    with pytest.raises(RecordError, match="the same samples in every cell"):
        decide_study(with_gaps(make_scores(ACCURACY)), margin=1.0)


def test_whole_scores_give_the_same_verdict_with_and_without_the_declaration(make_scores):
    frame = make_scores(ACCURACY)
    assert decide_study(frame, margin=1.0, gaps=True) == decide_study(frame, margin=1.0)


@pytest.mark.parametrize("seeds", [3, {"resnet50": 3, "resnet101": 4}])
def test_the_gain_is_that_of_fitting_constants_over_the_samples_that_both_scored(make_scores, seeds):
    frame = with_gaps(make_scores(ACCURACY, seeds=seeds), 0.6)
    verdict = decide_study(frame, margin=1.0, gaps=True)
    ids = frame["sample_id"].unique().sort().to_list()
    small, big = (matrix(frame, name, ids) for name in ("resnet50", "resnet101"))
    expected = nested_unbalanced(big, small)
    assert verdict.difference == pytest.approx(100 * expected.difference, abs=1e-9)
    assert verdict.interval == pytest.approx([100 * end for end in expected.interval], abs=1e-9)
    assert verdict.samples == expected.samples == (~np.isnan(small).all(0) & ~np.isnan(big).all(0)).sum()
    assert "fitting constants" in verdict.method
    assert verdict.noise is None


def test_means_of_runs_do_not_reward_the_one_that_skipped_hard_samples(make_scores):
    frame = make_scores(ACCURACY, samples=2000)
    whole = decide_study(frame, margin=1.0)
    hard = frame.group_by("sample_id").agg(pl.col("score").mean()).filter(pl.col("score") < 0.5)["sample_id"]
    skipped = frame.filter(~((pl.col("seed") == 1) & pl.col("sample_id").is_in(hard.implode())))
    found = decide_study(skipped, margin=1.0, gaps=True)
    for before, after in zip(whole.contenders, found.contenders, strict=True):
        assert after.mean == pytest.approx(before.mean, abs=1.0)
        assert after.per_seed[1] == pytest.approx(before.per_seed[1], abs=2.0)
        assert after.interval is None
        kept = skipped.filter(contender=after.contender, seed=1)["score"].mean()
        assert isinstance(kept, float)
        assert 100 * kept > before.per_seed[1] + 5.0  # what the plain mean would have said


def test_single_runs_are_compared_on_what_both_scored(make_scores):
    frame = with_gaps(make_scores(ACCURACY, seeds=1))
    verdict = decide_study(frame, margin=1.0, gaps=True)
    ids = frame["sample_id"].unique().sort().to_list()
    small, big = (matrix(frame, name, ids) for name in ("resnet50", "resnet101"))
    both = ~(np.isnan(small) | np.isnan(big))[0]
    expected = compare_checkpoints(big[:, both], small[:, both])
    assert verdict.interval == pytest.approx([100 * end for end in expected.interval], abs=1e-9)
    assert verdict.samples == both.sum()


def test_runs_that_share_nothing_are_refused_by_name(make_scores):
    frame = make_scores(ACCURACY, seeds=2)
    early = pl.col("sample_id") < "t00200"
    apart = frame.filter((pl.col("contender") == "resnet50") | ((pl.col("seed") == 0) == early))
    with pytest.raises(StudyError, match=r"resnet101 at 64 px: expected runs connected by samples that both scored"):
        decide_study(apart, margin=1.0, gaps=True)


def test_a_sample_twice_is_refused_with_gaps_too(make_scores):
    frame = make_scores(ACCURACY)
    with pytest.raises(RecordError, match="one row for each sample of a cell"):
        align(pl.concat([frame, frame.head(3)]), gaps=True)


def test_gaps_in_groups_are_refused(make_scores):
    frame = with_gaps(make_scores(ACCURACY))
    groups = {sample: f"g{int(sample[1:]) // 2}" for sample in frame["sample_id"].unique()}
    with pytest.raises(StudyError, match="whole scores where samples come in groups"):
        decide_study(frame, margin=1.0, groups=groups, gaps=True)
