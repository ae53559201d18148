import polars as pl
import pytest

from deepenough.comparison import groups_of, read_groups
from deepenough.errors import RecordError


@pytest.fixture
def path(tmp_path):
    table = {"sample_id": ["x", "y", "z"], "group": ["a", None, "a"], "room": [1, 2, 2], "empty": [None] * 3}
    pl.DataFrame(table).write_parquet(tmp_path / "samples.parquet")
    return tmp_path / "samples.parquet"


def test_groups_are_those_of_the_column_as_text(path):
    assert read_groups(path) == {"x": "a", "y": None, "z": "a"}
    assert read_groups(path, "room") == {"x": "1", "y": "2", "z": "2"}
    assert list(read_groups(path, "sample_id").items()) == [("x", "x"), ("y", "y"), ("z", "z")]
    assert read_groups(path, "empty") is None
    assert groups_of(pl.read_parquet(path), "room") == read_groups(path, "room")


def test_no_groups_where_there_is_no_table_or_column(path, tmp_path):
    assert read_groups(tmp_path / "none.parquet") is None
    pl.read_parquet(path).drop("group").write_parquet(path)
    assert read_groups(path) is None


def test_a_column_that_is_named_must_be_there(path, tmp_path):
    with pytest.raises(RecordError, match=r"--group-column: expected a column of .*: sample_id, group, room, empty"):
        read_groups(path, "patient")
    with pytest.raises(RecordError, match="no such file"):
        read_groups(tmp_path / "none.parquet", "patient")


def test_a_torn_table_is_named(path):
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RecordError, match=r"samples.parquet: expected a Parquet table; got a torn or foreign file"):
        read_groups(path)
