from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from deepenough import records
from deepenough.comparison import differing_samples, slice_table
from deepenough.comparison.estimating import estimate_gain
from deepenough.errors import RecordError
from deepenough.stats import benjamini_yekutieli

PAIR = {("a", 32): 0.7, ("b", 32): 0.9}
NAMES = {"small": "a", "big": "b"}


def samples_of(scores, **columns):
    ids = scores["sample_id"].unique(maintain_order=True)
    frame = scores.select("sample_id", "target").unique("sample_id", maintain_order=True)
    plain = {"path": ids, "split": "test", "group": None, "width": 200, "height": 200} | columns
    return frame.with_columns(
        *(
            pl.Series(n, v)
            if isinstance(v, list)
            else pl.lit(v).alias(n)
            if not isinstance(v, pl.Series)
            else v.alias(n)
            for n, v in plain.items()
        )
    )


def matrices(scores, ids):
    part = scores.filter(pl.col("sample_id").is_in(ids)).sort("contender", "seed", "sample_id")
    values = part["score"].to_numpy()
    seeds = {name: part.filter(pl.col("contender") == name)["seed"].n_unique() for name in "ab"}
    a = values[: seeds["a"] * len(ids)].reshape(seeds["a"], -1)
    return a, values[seeds["a"] * len(ids) :].reshape(seeds["b"], -1)


@pytest.mark.parametrize("seeds", [1, 3, {"a": 1, "b": 3}, {"a": 3, "b": 4}])
@pytest.mark.parametrize("clustered", [False, True])
def test_every_slice_gets_what_the_estimator_gives_it_alone(make_scores, seeds, clustered):
    scores = make_scores(PAIR, seeds=seeds)
    kinds = ["x", "y", "z", "z"] * 100
    samples = samples_of(scores, kind=kinds)
    groups = {sample: f"g{int(sample[1:]) // 5}" for sample in samples["sample_id"]} if clustered else None
    table = slice_table(scores, samples, **NAMES, groups=groups)
    assert dict(table.schema) == records.SLICES
    assert set(table["column"]) == {"class", "kind"}
    for row in table.iter_rows(named=True):
        column = "target" if row["column"] == "class" else row["column"]
        ids = samples.filter(pl.col(column) == row["level"])["sample_id"].sort().to_list()
        a, b = matrices(scores, ids)
        labels = None if groups is None else np.array([groups[sample] for sample in ids])
        alone = estimate_gain(b, a, labels).scaled(100.0)
        got = (row["difference"], row["low"], row["high"], row["p_value"])
        assert got == pytest.approx((alone.difference, *alone.interval, alone.p_value), abs=1e-10)
        gains = b.mean(0) - a.mean(0)
        assert (row["only_big"], row["only_small"]) == ((gains > 1e-9).sum(), (gains < -1e-9).sum())
        assert row["samples"] == len(ids)
        assert (row["small_mean"], row["big_mean"]) == pytest.approx((100 * a.mean(), 100 * b.mean()))


def test_q_values_are_over_all_columns_and_scales_and_need_no_independence(make_scores):
    scores = make_scores({**PAIR, ("a", 64): 0.7, ("b", 64): 0.8}, seeds=1)
    table = slice_table(scores, samples_of(scores, kind=["x", "y"] * 200), **NAMES)
    assert table.height == 2 * (3 + 2)
    assert table["q_value"].to_list() == pytest.approx(benjamini_yekutieli(table["p_value"].to_numpy()))


def test_q_values_of_few_seeds_are_more_cautious_than_the_p_values_alone(make_scores):
    table = slice_table(make_scores(PAIR), **NAMES)
    assert (table["q_value"].to_numpy() > np.array(benjamini_yekutieli(table["p_value"].to_numpy()))).any()
    assert (table["q_value"] >= table["p_value"]).all()


def test_two_seeds_give_intervals_and_no_q_values(make_scores):
    table = slice_table(make_scores(PAIR, seeds=2), **NAMES)
    assert table["q_value"].null_count() == table.height == 3
    assert table["p_value"].null_count() == 0


def test_perfect_runs_claim_nothing_about_unseen_samples(make_scores):
    table = slice_table(make_scores({("a", 32): 1.0, ("b", 32): 1.0}), **NAMES)
    assert table["difference"].to_list() == [0.0] * 3
    assert (table["low"] < 0).all()
    assert (table["high"] > 0).all()
    assert table["p_value"].to_list() == [1.0] * 3


@pytest.mark.parametrize("seeds", [1, 3])
def test_real_valued_scores_without_variance_are_never_marked(make_scores, seeds):
    scores = make_scores(PAIR, seeds=seeds).with_columns(
        score=pl.when(pl.col("contender") == "a").then(30.5).otherwise(31.5)
    )
    table = slice_table(scores, **NAMES, multiplier=1.0)
    assert table["difference"].to_list() == [1.0] * 3
    assert (table["q_value"] > 0.05).all()


def test_swapping_the_pair_turns_the_sign_and_permuting_rows_changes_nothing(make_scores):
    scores = make_scores(PAIR)
    there, back = slice_table(scores, **NAMES), slice_table(scores, small="b", big="a")
    assert back["difference"].to_list() == pytest.approx([-d for d in there["difference"]])
    assert back["q_value"].to_list() == pytest.approx(there["q_value"].to_list())
    shuffled = slice_table(scores.sample(fraction=1.0, shuffle=True, seed=1), **NAMES)
    for name in ("difference", "low", "q_value"):
        assert shuffled[name].to_list() == pytest.approx(there[name].to_list())


def test_a_slice_of_one_sample_has_no_row(make_scores):
    scores = make_scores(PAIR).with_columns(
        target=pl.when(pl.col("sample_id") == "t00000").then(pl.lit("rare")).otherwise("target")
    )
    assert "rare" not in slice_table(scores, **NAMES)["level"]


def test_a_slice_of_one_cluster_has_no_row(make_scores):
    scores = make_scores(PAIR)
    targets = dict(scores.select("sample_id", "target").iter_rows())
    groups = {s: "one" if t == "class0" else s for s, t in targets.items()}
    assert slice_table(scores, **NAMES, groups=groups)["level"].to_list() == ["class1", "class2"]


def test_real_valued_scores_are_not_cut_at_one(make_scores):
    scores = make_scores(PAIR, samples=9).with_columns(score=30 + 5 * pl.col("score") + pl.col("seed"))
    table = slice_table(scores, **NAMES, multiplier=1.0)
    assert table["high"].max() > 1


def test_no_column_to_slice_by_gives_an_empty_table(make_scores):
    scores = make_scores(PAIR).with_columns(target=pl.lit("cat"))
    assert slice_table(scores, **NAMES).equals(pl.DataFrame(schema=records.SLICES))


def test_an_unknown_contender_is_refused(make_scores):
    with pytest.raises(RecordError, match="none of c"):
        slice_table(make_scores(PAIR), small="a", big="c")


def test_the_samples_behind_a_slice_are_those_that_differ_largest_first(make_scores):
    scores = make_scores(PAIR)
    behind = differing_samples(scores, **NAMES, scale=32)
    table = slice_table(scores, **NAMES)
    means = scores.group_by("sample_id", "contender").agg(pl.col("score").mean())
    gain = {
        s: d
        for s, d in means.group_by("sample_id")
        .agg(
            (
                pl.col("score").filter(pl.col("contender") == "b") - pl.col("score").filter(pl.col("contender") == "a")
            ).first()
        )
        .iter_rows()
    }
    for row in table.iter_rows(named=True):
        ids = behind["class", row["level"]]
        assert len(ids) == row["only_big"] + row["only_small"]
        sizes = [round(abs(gain[sample]), 9) for sample in ids]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[-1] > 0
        wanted = scores.filter(pl.col("target") == row["level"])["sample_id"]
        assert set(ids) <= set(wanted)
    assert max(len(ids) for ids in differing_samples(scores, **NAMES, scale=32, most=2).values()) == 2
