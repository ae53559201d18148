"""Manifests and study files from strangers: a clear line or a result, never a traceback and never a foreign file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
