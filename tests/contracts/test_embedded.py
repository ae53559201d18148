"""Every task's finished study is embedded, or says in a line why it is not; what the study itself kept is the truth."""

from __future__ import annotations

import shutil

import numpy as np
import polars as pl
import pytest

from deepenough.comparison.embedding import mapping
from deepenough.errors import InputError
from deepenough.records import OUTCOMES, read_json, read_table
from deepenough.report import embedding as words
from deepenough.studies.embedding import embed, material_of_study
from deepenough.studies.finished import open_finished

ANSWERED = ("classification", "verification")
pytestmark = pytest.mark.slow


@pytest.fixture
def study(finished, tmp_path, tiny_networks, monkeypatch):
    """A copy of the study's folder; its map is laid out by principal components, which start sooner than UMAP."""
    del tiny_networks
    monkeypatch.setattr(mapping, "method_here", lambda: "pca")
    return shutil.copytree(finished[0], tmp_path / "study")


def test_a_study_is_embedded_where_its_pictures_have_one_name_each(study, name, tmp_path):
    if name not in ANSWERED:
        with pytest.raises(InputError) as refused:
            material_of_study(open_finished(study))
        expected = "embed: expected a study whose images each have one name, a class or an identity"
        assert str(refused.value) == f"{expected}; got one of {name}"
        return
    found = embed(material_of_study(open_finished(study)), tmp_path / "out")
    assert len(found.runs) == 4
    assert set(found.judges) == set(found.runs[0].curves["pca"]) == set(found.runs[0].enough)
    written = words.write(found, tmp_path / "out")
    assert {path.stem for path in written} >= {f"embed-{judge.replace('_', '-')}" for judge in found.judges}
    assert (tmp_path / "out" / "map.json").is_file()


@pytest.mark.parametrize("name", ["verification"], scope="session")
def test_a_face_is_embedded_as_it_was_tested_and_finds_its_own_as_often(study, tmp_path):
    found = embed(material_of_study(open_finished(study)), tmp_path / "out")
    assert (found.judges, found.new_classes, found.classes) == (["recall_at_1"], True, 10)
    (rank,) = (each for each in read_json(study / "measures.json")["measures"] if each["metric"] == "rank-1")
    for run in found.runs:
        vectors = pl.read_parquet(tmp_path / "out" / f"{run.contender}-seed{run.seed}.parquet")
        kept = read_table(study / "cells" / f"{run.contender}-seed{run.seed}" / "outcomes_test.parquet", OUTCOMES)
        both = vectors.filter(pl.col("split") == "test").join(kept, on="sample_id")
        assert both.height == 12
        assert both["vector"].to_numpy() == pytest.approx(np.stack(both["embedding"].to_list()), abs=1e-5)
        assert run.features == both["vector"].to_numpy().shape[1]
    for name in (found.small, found.big):
        reached = np.mean([run.recall["1"] for run in found.runs if run.contender == name])
        assert 100 * reached == pytest.approx(rank["means"][name])
    assert found.gains["recall_at_1"].difference == pytest.approx(rank["difference"])
    assert found.gains["recall_at_1"].interval == pytest.approx(rank["interval"])
