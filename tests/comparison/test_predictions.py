from __future__ import annotations

import polars as pl
import pytest

from deepenough.comparison import decide_study, groups_of, read_predictions
from deepenough.errors import RecordError
from deepenough.records import SCORES

HEAD = "sample_id,target,contender,seed,prediction\n"
ROWS = "1,01,a,0,01\n2,2,a,0,1\n3,01,a,0,01\n1,01,b,0,01\n2,2,b,0,2\n3,01,b,0,01\n"


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "predictions.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_predictions_become_scores_and_class_names_stay_text(write):
    frame = read_predictions(write(HEAD + ROWS))
    assert dict(frame.schema) == SCORES
    assert frame["target"].to_list()[:2] == ["01", "2"]
    assert frame["score"].to_list() == [1, 0, 1, 1, 1, 1]
    verdict = decide_study(frame, margin=5.0)
    assert verdict.difference == pytest.approx(100 / 3)
    assert verdict.scope == "checkpoint"


def test_parquet_says_the_same_as_csv(write, tmp_path):
    from_csv = read_predictions(write(HEAD + ROWS))
    pl.read_csv(
        tmp_path / "predictions.csv", schema_overrides={"target": pl.String, "prediction": pl.String}
    ).write_parquet(tmp_path / "p.parquet")
    assert read_predictions(tmp_path / "p.parquet").equals(from_csv)


def test_files_may_be_named_as_text_alone_or_several(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write("sample_id,target,prediction,contender\nx,a,a,r50\ny,b,a,r50\n")
    again = path.with_name("again.csv")
    again.write_text(path.read_text().replace("r50", "r101"))
    both = read_predictions([path, again])
    assert read_predictions(path.name).equals(read_predictions(path))
    assert read_predictions([path.name, again.name]).equals(both)
    assert both.height == 4


def test_seed_and_scale_are_zero_and_spaces_are_dropped_where_absent(write):
    frame = read_predictions(write("sample_id,target,contender,prediction\nx, cat,a,cat \nx,cat,b,dog\n"))
    assert frame["seed"].to_list() == [0, 0]
    assert frame["scale"].to_list() == [0, 0]
    assert frame["score"].to_list() == [1, 0]


def test_given_scores_are_used_and_need_no_prediction(write):
    frame = read_predictions(write("sample_id,contender,score\nx,a,31.5\nx,b,30\n"))
    assert frame["score"].to_list() == [31.5, 30.0]
    assert frame["prediction"].null_count() == 2


def test_groups_are_read(write):
    frame = read_predictions(write("sample_id,target,contender,prediction,group\nx,c,a,c,p1\ny,c,a,c,p1\n"))
    assert groups_of(frame) == {"x": "p1", "y": "p1"}
    assert groups_of(frame.drop("group")) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample_id,target,contender\n1,a,b\n", "no column prediction among sample_id, target, contender"),
        (HEAD, "no rows"),
        (HEAD + "1,x,a,0,x\n1,x,a,0,y\n", "more for 1 .contender a, seed 0, scale 0.; remove the duplicates"),
        (HEAD + "1,x,a,0,x\n1,y,b,0,x\n", "one target for each sample; got several for 1 .1: x, y."),
        (HEAD + "1,x,a,zero,x\n", "whole numbers in column seed; got 'zero' in row 1"),
        (HEAD + "1,x,a,0.5,x\n", "whole numbers in column seed; got '0.5' in row 1"),
        (HEAD + "1,x,a,0,x\n2,,a,0,x\n", "column target; got 1 empty or not finite, first in row 2"),
        ("sample_id,contender,score\n1,a,nan\n", "column score; got 1 empty or not finite"),
        ("sample_id,contender,score\n1,a,good\n", "numbers in column score; got 'good' in row 1"),
        ("", "a torn or foreign file"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(write, text, message):
    with pytest.raises(RecordError, match=message) as caught:
        read_predictions(write(text))
    assert "\n" not in str(caught.value)


def test_samples_that_do_not_match_between_contenders_are_listed(write):
    frame = read_predictions(write(HEAD + "1,x,a,0,x\n2,x,a,0,x\n2,x,b,0,x\n3,x,b,0,x\n"))
    with pytest.raises(RecordError, match=r"2 that not every cell has \(1, 3\)"):
        decide_study(frame, margin=1.0)


def test_missing_and_foreign_files_are_refused(write, tmp_path):
    with pytest.raises(RecordError, match="no such file"):
        read_predictions(tmp_path / "none.csv")
    with pytest.raises(RecordError, match=r"ends in \.csv, \.parquet or \.json; got \.txt"):
        read_predictions(write("x", "a.txt"))
    with pytest.raises(RecordError, match="torn or foreign"):
        read_predictions(write("no parquet", "a.parquet"))


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("seed", [1e30] * 2, "expected whole numbers in column seed; got"),
        ("scale", [99999999999] * 2, "expected whole numbers in column scale; got"),
        ("score", [[0.5], [0.5]], r"expected text or numbers in column score; got List\(Float64\)"),
        ("sample_id", [b"\xff\xfe", b"b"], "expected text or numbers in column sample_id; got Binary"),
    ],
)
def test_columns_that_hold_no_plain_values_are_named(column, values, message, tmp_path):
    plain = {"sample_id": ["a", "b"], "target": ["x", "y"], "contender": ["one", "two"], "prediction": ["x", "y"]}
    pl.DataFrame({**plain, column: values}).write_parquet(tmp_path / "p.parquet")
    with pytest.raises(RecordError, match=message):
        read_predictions(tmp_path / "p.parquet")
