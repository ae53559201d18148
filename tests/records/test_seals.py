"""Checksums in the files themselves: any bit that changes what a record says is noticed."""

from __future__ import annotations

import hashlib
import json

import polars as pl
import pytest

from deepenough.errors import RecordError
from deepenough.records import (
    read_json,
    read_table,
    require_whole_text,
    seal_text,
    write_json,
    write_table,
    write_table_in_parts,
)

SCHEMA = {"name": pl.String, "value": pl.Float64}
FRAME = pl.DataFrame({"name": ["a", "b", None], "value": [1.5, -2.0, 0.1]})


@pytest.fixture
def table(tmp_path):
    write_table(tmp_path / "t.parquet", FRAME, SCHEMA)
    return tmp_path / "t.parquet"


def flips(content):
    """The content with one bit of one byte changed, at every place."""
    for place, byte in enumerate(content):
        yield content[:place] + bytes([byte ^ (1 << place % 8)]) + content[place + 1 :]


def test_a_table_with_any_bit_flipped_is_refused_or_the_same(table):
    content, refused = table.read_bytes(), 0
    for changed in flips(content):
        table.write_bytes(changed)
        try:
            assert read_table(table, SCHEMA).equals(FRAME)
        except RecordError:
            refused += 1
    assert refused >= len(content) - len("deepenough.sha256")


def test_a_table_cut_off_anywhere_is_refused(table):
    content = table.read_bytes()
    for length in range(len(content)):
        table.write_bytes(content[:length])
        with pytest.raises(RecordError):
            read_table(table, SCHEMA)


def test_a_sealed_table_is_plain_parquet_whose_seal_others_can_check(table):
    seal = pl.read_parquet_metadata(table)["deepenough.sha256"]
    assert hashlib.sha256(table.read_bytes().replace(seal.encode(), b"0" * 64)).hexdigest() == seal


def test_a_table_written_in_parts_is_sealed_like_one_written_at_once(tmp_path):
    path = tmp_path / "t.parquet"
    write_table_in_parts(path, iter([FRAME, FRAME.head(1)]), SCHEMA)
    assert read_table(path, SCHEMA).equals(pl.concat([FRAME, FRAME.head(1)]))
    content = path.read_bytes()
    assert hashlib.sha256(content.replace(seal_of(path), b"0" * 64)).hexdigest().encode() == seal_of(path)
    path.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    with pytest.raises(RecordError, match="changed after it was written"):
        read_table(path, SCHEMA)


def seal_of(path):
    return pl.read_parquet_metadata(path)["deepenough.sha256"].encode()


def test_a_table_from_elsewhere_needs_no_seal(tmp_path):
    FRAME.write_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet", SCHEMA).equals(FRAME)


def test_text_that_looks_like_a_seal_does_not_break_one(tmp_path):
    odd = FRAME.with_columns(name=pl.lit("deepenough.sha256\x18@" + "0" * 64))
    write_table(tmp_path / "t.parquet", odd, SCHEMA)
    assert read_table(tmp_path / "t.parquet", SCHEMA).equals(odd)


def test_a_record_with_any_bit_flipped_is_refused_or_the_same(tmp_path):
    record, path = (
        {"answer": "undecided", "interval": [-1.25, 2e-7], "needed": None, "naïve": {"1": True}},
        tmp_path / "r",
    )
    write_json(path, record)
    content = path.read_bytes()
    for changed in flips(content):
        path.write_bytes(changed)
        try:
            found = read_json(path)
        except RecordError:
            continue
        assert {key: value for key, value in found.items() if key in record} == record


def test_a_record_keeps_its_seal_from_its_reader_and_a_hand_written_one_needs_none(tmp_path):
    write_json(tmp_path / "r.json", {"a": 1.0})
    assert read_json(tmp_path / "r.json") == {"a": 1.0}
    plain = json.loads((tmp_path / "r.json").read_text())
    (tmp_path / "r.json").write_text(json.dumps({**plain, "a": 2.0}))
    with pytest.raises(RecordError, match=r"got one that was changed after it was written"):
        read_json(tmp_path / "r.json")
    (tmp_path / "r.json").write_text('{"a": 2.0}')
    assert read_json(tmp_path / "r.json") == {"a": 2.0}


def test_a_text_is_refused_once_it_is_changed_or_cut(tmp_path):
    text = seal_text("seeds: 3\nmargin: 0.5\n")
    require_whole_text(text, tmp_path)
    for changed in (text.replace("3", "4", -1).replace("4", "3", text[:98].count("3")), text[:-5]):
        with pytest.raises(RecordError):
            require_whole_text(changed, tmp_path)
