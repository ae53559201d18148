from __future__ import annotations

import polars as pl
import pytest
from sklearn.metrics import confusion_matrix

from deepenough.comparison import confusion, disagreements
from deepenough.errors import RecordError

PAIR = {("a", 32): 0.7, ("b", 32): 0.9}


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
        disagreements(make_scores(PAIR), small="a", big="c", scale=32)
    with pytest.raises(RecordError, match="none of a, b"):
        disagreements(make_scores(PAIR), small="a", big="b", scale=64)
