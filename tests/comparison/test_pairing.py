from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from deepenough.comparison import align, read_scores
from deepenough.comparison.pairing import cluster_labels
from deepenough.errors import RecordError

TWO = {("a", 32): 0.8, ("b", 32): 0.9, ("a", 64): 0.8, ("b", 64): 0.9}


def test_order_of_rows_is_irrelevant(make_scores):
    scores = make_scores(TWO)
    plain, shuffled = align(scores), align(scores.sample(fraction=1.0, shuffle=True, seed=3))
    order = np.argsort(plain.sample_ids.to_numpy())
    other = np.argsort(shuffled.sample_ids.to_numpy())
    assert plain.cells.keys() == shuffled.cells.keys()
    for key, cells in plain.cells.items():
        assert shuffled.cells[key].seeds == cells.seeds
        assert np.array_equal(shuffled.cells[key].scores[:, other], cells.scores[:, order])


def test_samples_in_another_order_in_one_cell_are_still_paired(make_scores):
    scores = make_scores(TWO)
    first, rest = scores.head(400), scores.tail(-400)
    aligned = align(pl.concat([first.reverse(), rest]))
    expected = dict(zip(first["sample_id"], first["score"], strict=True))
    got = dict(zip(aligned.sample_ids, aligned.cells["a", 32].scores[0], strict=True))
    assert got == expected


def test_missing_cells_are_named_and_the_rest_is_used(make_scores):
    scores = make_scores(TWO).filter(~((pl.col("contender") == "b") & (pl.col("seed") == 1) & (pl.col("scale") == 64)))
    aligned = align(scores)
    assert aligned.missing == (("b", 1, 64),)
    assert aligned.cells["b", 64].seeds == (0, 2)


def test_samples_that_a_cell_lacks_are_listed(make_scores):
    scores = make_scores(TWO)
    gone = scores.filter(~((pl.col("contender") == "b") & pl.col("sample_id").is_in(["t00003", "t00007"])))
    with pytest.raises(RecordError, match=r"2 that not every cell has \(t00003, t00007\); b, seed 0, scale 32 lacks 2"):
        align(gone)


def test_different_samples_of_equal_number_are_refused(make_scores):
    scores = pl.concat([make_scores({("a", 32): 0.8}), make_scores({("b", 32): 0.8}, prefix="x")])
    with pytest.raises(RecordError, match="the same samples in every cell; got 800"):
        align(scores)


def test_a_sample_twice_in_a_cell_is_refused(make_scores):
    scores = make_scores(TWO)
    with pytest.raises(RecordError, match="first t00000 of a, seed 0, scale 32"):
        align(pl.concat([scores, scores.head(1)]))
    everywhere = scores.with_columns(sample_id=pl.col("sample_id").replace("t00001", "t00000"))
    with pytest.raises(RecordError, match="one row for each sample of a cell"):
        align(everywhere)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_score_that_is_no_number_is_refused(make_scores, value):
    scores = make_scores(TWO)
    at = pl.int_range(pl.len()) == 5
    with pytest.raises(RecordError, match=r"finite scores|a value in every row"):
        align(scores.with_columns(score=pl.when(at).then(pl.lit(value)).otherwise("score")))


def test_an_empty_table_and_a_missing_column_are_refused(make_scores):
    scores = make_scores(TWO)
    with pytest.raises(RecordError, match="an empty table"):
        align(scores.head(0))
    with pytest.raises(RecordError, match="no column seed"):
        align(scores.drop("seed"))


def test_scores_are_read_with_no_more_columns_than_needed(make_scores, tmp_path):
    path = tmp_path / "scores.parquet"
    make_scores(TWO).write_parquet(path)
    assert read_scores(path).columns == ["contender", "seed", "scale", "sample_id", "score"]
    path.write_bytes(b"torn")
    with pytest.raises(RecordError, match="Parquet"):
        read_scores(path)
    with pytest.raises(RecordError, match="no such file"):
        read_scores(tmp_path / "none.parquet")


def test_samples_without_a_group_are_clusters_of_their_own():
    ids = pl.Series(["a", "b", "c", "d"])
    labels = cluster_labels(ids, {"a": "x", "b": "x", "c": None})
    assert labels is not None
    assert labels[0] == labels[1]
    assert len(set(labels.tolist())) == 3
    assert cluster_labels(ids, {"a": "x", "b": "y"}) is None
    assert cluster_labels(ids, None) is None
