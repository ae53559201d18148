"""Embeddings of a finished study and of a source: kept, measured, written."""

import json

import numpy as np
import polars as pl
import pytest
import torch

from deepenough import cli, report
from deepenough.comparison.embedding import mapping
from deepenough.evaluation import Batches
from deepenough.evaluation.embedding import embed_stages
from deepenough.studies.embedding import embed, material_of_study
from deepenough.studies.finished import open_finished


@pytest.fixture(autouse=True)
def without_umap(monkeypatch):
    """The map by principal components: UMAP takes half a minute to start."""
    monkeypatch.setattr(mapping, "method_here", lambda: "pca")


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main([str(each) for each in arguments])
    said = capsys.readouterr()
    return left.value.code, said.out, said.err


def test_stages_are_the_means_of_the_maps(study):
    finished = open_finished(study)
    network, pixels = finished.network("resnet50", 0), finished.pixels("test")
    batches = Batches(finished.setting.machine, finished.setting.preprocessing)
    found = embed_stages({"a": network}, finished.setting.task, pixels, 32, batches=batches)["a"]
    norm = finished.setting.preprocessing
    squares = torch.from_numpy(np.array(pixels.at(32))).permute(0, 3, 1, 2)
    with torch.no_grad():
        maps = network.features(finished.setting.machine.images(squares, norm.mean, norm.std))
    assert list(found) == ["C2", "C3", "C4", "C5", "head"]
    for name, each in zip(("C2", "C3", "C4", "C5"), maps, strict=True):
        assert found[name] == pytest.approx(each.mean(dim=(2, 3)).numpy(), abs=1e-5)
    assert found["head"] == pytest.approx(found["C5"], abs=1e-5)


def test_command_embeds_a_study_and_writes_vectors_figures_and_tables(study, capsys):
    code, said, _ = run(capsys, "embed", study)
    assert code == 0
    assert max(len(line) for line in said.splitlines() if str(study) not in line) <= 80
    folder = study / "embed"
    frame = pl.read_parquet(folder / "resnet101-seed2.parquet")
    samples = pl.read_parquet(study / "samples.parquet")
    assert set(frame["sample_id"]) == set(samples["sample_id"])
    pixels = open_finished(study).pixels("test")
    assert frame.filter(pl.col("split") == "test")["sample_id"].to_list() == pixels.sample_ids
    answer = json.loads((folder / "embed.json").read_text("utf-8"))
    assert len(answer["runs"]) == 6
    assert answer["stages"] == ["C2", "C3", "C4", "C5"]
    text = (folder / "embed.md").read_text("utf-8")
    assert "How many dimensions each needs" in text
    for name in ("embed-knn", "embed-probe", "embed-cka"):
        assert f"({name}.svg)" in text
        assert (folder / f"{name}.svg").read_text("utf-8").startswith("<svg")


def test_the_same_networks_embed_alike_by_whatever_measure_they_were_judged(study, graded, tmp_path):
    by_accuracy, by_ranking = (
        embed(material_of_study(open_finished(each)), tmp_path / each.name) for each in (study, graded)
    )
    assert by_ranking.runs == by_accuracy.runs
    assert by_ranking.gains == by_accuracy.gains
    assert (tmp_path / "graded" / "map.json").is_file()


def test_report_of_an_embedded_study_maps_its_test_images_with_what_both_networks_answered(study, capsys):
    assert run(capsys, "embed", study)[0] == 0
    found = json.loads((study / "embed" / "map.json").read_text("utf-8"))
    scores = pl.read_parquet(study / "scores.parquet").filter(pl.col("seed") == found["seed"])
    ids = open_finished(study).pixels("test").sample_ids
    for name in ("resnet50", "resnet101"):
        known = dict(scores.filter(pl.col("contender") == name).select("sample_id", "prediction").iter_rows())
        assert [found["classes"][code] for code in found["answers"][name]] == [known[each] for each in ids]
    assert not (study / "embed" / "map.jpg").exists()  # the study was asked to keep no images
    page = report.write(study)[0].read_text("utf-8")
    assert '<section id="map"' in page
    assert page.count('<canvas tabindex="0"') == 2


def test_command_embeds_a_source_with_random_weights_as_numpy(pictures, tiny_networks, tmp_path, capsys):
    out = tmp_path / "vectors"
    options = ("--weights", "none", "--scale", "32", "--seeds", "1", "--to", "numpy", "--threads", "1", "--json")
    code, said, _ = run(capsys, "embed", pictures, *options, "--out", out)
    assert code == 0
    answer = json.loads(said)
    assert answer["weights"] == "random, untrained"
    vectors = np.load(out / "resnet50-seed0.npy")
    assert vectors.shape == (len(pl.read_parquet(out / "samples.parquet")), answer["runs"][0]["features"])


def test_command_refuses_a_folder_that_cannot_be_made_before_it_opens_pictures(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("deepenough.studies.finished.open_finished", None)
    (tmp_path / "new.csv").write_text("a file")
    with pytest.raises(SystemExit) as left:
        cli.main(["embed", str(study), "--out", str(tmp_path / "new.csv")])
    assert left.value.code == 2
    assert "expected a folder that can be made; got the file" in capsys.readouterr().err


def test_command_refuses_a_source_that_is_not_there(tmp_path, capsys):
    code, _, said = run(capsys, "embed", tmp_path / "nothing", "--weights", "none")
    assert code == 2
    assert "nothing" in said
