from __future__ import annotations

import polars as pl
import pytest
from sklearn.metrics import confusion_matrix

from deepenough.comparison import confusion, disagreements, per_class
from deepenough.errors import RecordError
from deepenough.stats import holm, nested

PAIR = {("a", 32): 0.7, ("b", 32): 0.9}


def test_class_table_estimates_each_class_by_itself(make_scores):
    scores = make_scores(PAIR)
    table = per_class(scores, small="a", big="b", scale=32)
    assert table["target"].to_list() == ["class0", "class1", "class2"]
    assert table["samples"].sum() == 400
    here = scores.filter(pl.col("target") == "class1").sort("contender", "seed", "sample_id")["score"].to_numpy()
    a, b = here.reshape(2, 3, -1)
    estimate = nested(b, a)
    row = table.row(1, named=True)
    assert row["difference"] == pytest.approx(100 * estimate.difference)
    assert (row["low"], row["high"]) == pytest.approx(tuple(100 * end for end in estimate.interval))
    assert table["p_adjusted"].to_list() == pytest.approx(holm(table["p_value"].to_numpy()))


def test_a_class_of_one_sample_has_means_but_no_interval(make_scores):
    scores = make_scores(PAIR).with_columns(
        target=pl.when(pl.col("sample_id") == "t00000").then(pl.lit("rare")).otherwise("target")
    )
    row = per_class(scores, small="a", big="b", scale=32).filter(pl.col("target") == "rare").row(0, named=True)
    assert row["samples"] == 1
    assert row["small_mean"] is not None
    assert row["low"] is None
    assert row["p_adjusted"] is None


def test_confusion_counts_equal_those_of_scikit_learn(make_scores):
    scores = make_scores(PAIR)
    mine = confusion(scores, contender="a", scale=32)
    part = scores.filter(pl.col("contender") == "a")
    names = sorted(part["target"].unique())
    theirs = confusion_matrix(part["target"].to_list(), part["prediction"].to_list(), labels=names)
    got = {(t, p): c for t, p, c, _ in mine.iter_rows()}
    assert all(got.get((t, p), 0) == theirs[i, j] for i, t in enumerate(names) for j, p in enumerate(names))
    assert mine.group_by("target").agg(pl.col("share").sum())["share"].to_list() == pytest.approx([1.0] * 3)


def test_disagreements_come_largest_first_and_hold_the_majority(make_scores):
    scores = make_scores(PAIR)
    found = disagreements(scores, small="a", big="b", scale=32)
    sizes = found["difference"].abs().round(9).to_list()
    assert sizes == sorted(sizes, reverse=True)
    top = found.row(0, named=True)
    own = scores.filter((pl.col("sample_id") == top["sample_id"]) & (pl.col("contender") == "a"))
    votes = own["prediction"].value_counts(sort=True)
    assert votes["count"][0] >= 2
    assert top["small_prediction"] == votes["prediction"][0]
    assert top["small_score"] == pytest.approx(own["score"].mean())
    agreeing = set(scores["sample_id"]) - set(found["sample_id"])
    spread = (
        scores.group_by("sample_id", "contender")
        .agg(pl.col("score").sum())
        .group_by("sample_id")
        .agg(pl.col("score").n_unique().alias("kinds"))
    )
    assert set(spread.filter(pl.col("kinds") == 1)["sample_id"]) == agreeing
    assert disagreements(scores, small="a", big="b", scale=32, limit=4).height == 4


def test_an_unknown_contender_or_scale_is_refused(make_scores):
    with pytest.raises(RecordError, match="none of c"):
        per_class(make_scores(PAIR), small="a", big="c", scale=32)
    with pytest.raises(RecordError, match="none of a, b"):
        disagreements(make_scores(PAIR), small="a", big="b", scale=64)
