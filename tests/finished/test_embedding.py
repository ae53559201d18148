"""Embeddings of a finished study and of a source: kept, measured, written."""

import json

import numpy as np
import polars as pl
import pytest
import torch

from deepenough import cli
from deepenough.evaluation import Batches
from deepenough.evaluation.embedding import embed_stages
from deepenough.studies.finished import open_finished


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main([str(each) for each in arguments])
    said = capsys.readouterr()
    return left.value.code, said.out, said.err


def test_stages_are_the_means_of_the_maps(study):
    finished = open_finished(study)
    network, pixels = finished.network("resnet50", 0), finished.pixels("test")
    batches = Batches(finished.setting.machine, finished.setting.preprocessing)
    found = embed_stages({"a": network}, pixels, 32, batches=batches)["a"]
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


def test_command_embeds_a_source_with_random_weights_as_numpy(pictures, tiny_networks, tmp_path, capsys):
    out = tmp_path / "vectors"
    options = ("--weights", "none", "--scale", "32", "--seeds", "1", "--to", "numpy", "--threads", "1", "--json")
    code, said, _ = run(capsys, "embed", pictures, *options, "--out", out)
    assert code == 0
    answer = json.loads(said)
    assert answer["weights"] == "random, untrained"
    vectors = np.load(out / "resnet50-seed0.npy")
    assert vectors.shape == (len(pl.read_parquet(out / "samples.parquet")), answer["runs"][0]["features"])


def test_command_refuses_a_source_that_is_not_there(tmp_path, capsys):
    code, _, said = run(capsys, "embed", tmp_path / "nothing", "--weights", "none")
    assert code == 2
    assert "nothing" in said
