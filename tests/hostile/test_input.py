"""Manifests and study files from strangers: a clear line or a result, never a traceback and never a foreign file."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from deepenough import cli
from deepenough.data import open_source
from deepenough.errors import InputError, SourceError
from deepenough.studies.study import load_study

STRANGE = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
PATHS = st.one_of(
    STRANGE,
    st.lists(st.sampled_from(["..", ".", "a", "b.png", "", "~", "etc", "passwd"]), max_size=6).map("/".join),
    st.just("/etc/passwd"),
)
ROWS = st.lists(st.tuples(PATHS, STRANGE, st.sampled_from(["train", "val", "TEST", "other", ""]), STRANGE), max_size=8)
FEW = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def require_one_line(error: InputError) -> None:
    assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "a/../../../etc/passwd"])
def test_a_manifest_that_names_a_file_outside_its_folder_is_refused_with_its_row(path, tmp_path, capsys):
    (tmp_path / "m.csv").write_text(f"path,target\na.png,cat\n{path},dog\n")
    with pytest.raises(SystemExit) as left:
        cli.main(["check", str(tmp_path / "m.csv")])
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert len(said.splitlines()) == 1
    assert f"row 3: expected a path inside the manifest's folder; got '{path}'" in said


@FEW
@given(rows=ROWS, ending=st.sampled_from(["csv", "parquet"]))
def test_any_manifest_gives_entries_inside_its_folder_or_one_line(rows, ending, tmp_path):
    path = tmp_path / f"m.{ending}"
    columns = ("path", "target", "split", "group")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    getattr(frame, f"write_{ending}")(path)
    try:
        source = open_source(str(path))
    except SourceError as error:
        require_one_line(error)
        return
    assert len(source.entries) + len(source.skipped) == len(rows)
    for entry in source.entries:
        assert entry.location is not None
        assert ".." not in entry.location.parts
        assert entry.location.is_relative_to(tmp_path)


@FEW
@given(content=st.binary(max_size=200), ending=st.sampled_from(["csv", "parquet"]))
def test_a_manifest_of_any_bytes_is_read_or_refused_in_one_line(content, ending, tmp_path):
    path = tmp_path / f"m.{ending}"
    path.write_bytes(content)
    try:
        open_source(str(path))
    except SourceError as error:
        require_one_line(error)


KEYS = st.one_of(st.sampled_from(["source", "contenders", "seeds", "scales", "margin", "epochs", "budget"]), STRANGE)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), STRANGE),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(STRANGE, inner, max_size=3)),
    max_leaves=6,
)


def study_or_line(path: Path) -> None:
    try:
        load_study(path)
    except InputError as error:
        require_one_line(error)


@FEW
@given(values=st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_study_file_is_a_study_or_one_line(values, tmp_path):
    import yaml

    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    study_or_line(path)


@FEW
@given(content=st.binary(max_size=120))
def test_a_study_file_of_any_bytes_is_a_study_or_one_line(content, tmp_path):
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    study_or_line(path)


def test_a_study_file_cannot_hold_code(tmp_path):
    made = tmp_path / "made"
    path = tmp_path / "study.yaml"
    path.write_text(f"source: !!python/object/apply:os.system ['touch {made}']\n")
    with pytest.raises(InputError):
        load_study(path)
    assert not made.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("source: x\nseeds: 2\nseeds: 3\n", "the key 'seeds' stands twice"),
        ("source: x\nrecipe: {optimizer: sgd, optimizer: lamb}\n", "the key 'optimizer' stands twice"),
        ("source: &s [*s]\n", "expected a valid string"),
        ("source: x\nnote: " + "[" * 3000, "a file that cannot be read"),
        ("source: x\nscales: [" + "32, " * 40_000 + "32]\n", "a study file of at most 65536 bytes"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "unknown key"),
        ("source: x\n---\nsource: y\n", "expected a single document"),
        ("source: a\0b\n", "special characters are not allowed"),
        (f"source: x\nseeds: {'9' * 5000}\n", "Exceeds the limit"),
        ("source: 2020-01-01\n", "expected a valid string"),
    ],
)
def test_a_study_file_that_says_less_than_it_seems_is_refused_in_one_line(content, said, tmp_path):
    (tmp_path / "study.yaml").write_text(content)
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        load_study(tmp_path / "study.yaml")
    require_one_line(caught.value)


def test_a_pipe_in_place_of_a_study_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "study.yaml")
    with pytest.raises(InputError, match="expected a study file; got no regular file"):
        load_study(tmp_path / "study.yaml")


@pytest.mark.parametrize("name", ["\x1b[31mred", "\u202egnp", "bell\x07", "\x9b2J", "nul\0"])
def test_an_error_escapes_what_would_move_the_cursor(name, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["check", name])
    said = capsys.readouterr().err
    assert (left.value.code, said.count("\n")) == (2, 1)
    assert said.rstrip("\n").isprintable()
    assert name.encode("unicode_escape").decode() in said


ROWS_THERE = "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(6))
WHOLE = f"path,target\n{ROWS_THERE}"
MANIFESTS = {
    "a byte order mark": ("\ufeff" + WHOLE, 0),
    "lines that end in CR and LF": (WHOLE.replace("\n", "\r\n"), 0),
    "lines that end in CR": (WHOLE.replace("\n", "\r"), 2),
    "a label of 10,000 letters": (WHOLE.replace(",a", "," + "L" * 10_000), 0),
    "a label that colours the terminal": (WHOLE.replace(",a", ",\x1b[31ma\x1b]0;title\x07"), 0),
    "a label from right to left": (WHOLE.replace(",a", ",\u202ea"), 0),
    "a label that is a formula": (WHOLE.replace(",a", ",=cmd|'/c calc'!A1"), 0),
    "a label with a zero byte": (WHOLE.replace(",a", ",a\0b"), 0),
    "a path twice": (WHOLE.replace("path,target", "path,path,target").replace("png,", "png,x,"), 0),
    "UTF-16": (WHOLE.encode("utf-16"), 2),
    "Latin-1": (WHOLE.replace(",a", ",\xe9").encode("latin-1"), 2),
    "semicolons": (WHOLE.replace(",", ";"), 2),
    "a quote left open": (WHOLE + '"0.png,a\n', 2),
    "a row that is too wide": (WHOLE + "0.png,a,b,c\n", 2),
    "a header that colours the terminal": ("\x1b[31m" + WHOLE, 2),
    "an address": (WHOLE + "http://127.0.0.1:9/x.png,a\n", 0),
    "a path of 5,000 letters": (WHOLE + "x" * 5000 + ",a\n", 0),
    "itself as a picture": (WHOLE + "m.csv,a\n", 0),
    "a folder as a picture": (WHOLE + "folder,a\n", 0),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_hostile_manifest_is_read_or_refused_in_one_line_without_moving_the_cursor(kind, tmp_path, capsys):
    content, code = MANIFESTS[kind]
    (tmp_path / "folder").mkdir()
    for number in range(6):
        noise = np.random.default_rng(number).integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{number}.png")
    (tmp_path / "m.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SystemExit) as left:
        cli.main(["check", str(tmp_path / "m.csv")])
    said = capsys.readouterr()
    assert left.value.code == code, said
    assert said.err.count("\n") == (1 if code else 0)
    assert all(line.isprintable() for line in (said.out + said.err).splitlines())
