"""Every task under corruption: one verdict, by its own metric, on what its networks say of corrupted pictures."""

from __future__ import annotations

import shutil

import numpy as np
import polars as pl
import pytest

from deepenough.comparison import read_groups
from deepenough.data.corruptions import corrupted
from deepenough.data.preprocess import part_shown
from deepenough.records import SCORES, read_table, samples_of
from deepenough.records.robustness import CORRUPTED
from deepenough.report import robustness as words
from deepenough.studies import robustness
from deepenough.studies.finished import open_finished
from deepenough.studies.robustness import evaluate_corrupted

NAMES = ("gaussian_noise", "jpeg_compression")


@pytest.fixture
def study(finished, tmp_path, tiny_networks):
    """A copy of the finished study's folder, its networks tiny."""
    del tiny_networks
    return shutil.copytree(finished[0], tmp_path / "study")


def test_study_is_answered_by_its_own_metric_under_corruption(study):
    opened = open_finished(study)
    found = evaluate_corrupted(opened, NAMES, [1, 5])
    metric, verdict = opened.setting.task.metric, opened.verdict
    assert (found.metric, found.unit, found.sample) == (metric.name, metric.unit, verdict.sample)
    assert [each.corruption for each in found.corruptions] == list(NAMES)
    assert found.samples == read_table(samples_of(study), {}).filter(split="test").height
    for name in NAMES:
        frame = read_table(study / f"corruptions/{name}.parquet", CORRUPTED)
        means = frame.group_by("contender").agg(pl.col("score").mean() * metric.multiplier)
        each = next(each for each in found.corruptions if each.corruption == name)
        assert each.means == pytest.approx(dict(means.iter_rows()))
    said = " ".join(words.sentences(found))
    assert metric.name in said
    assert f"{verdict.sample}s" in said


def test_corruption_that_changes_nothing_gives_the_scores_of_the_study(study, monkeypatch):
    monkeypatch.setattr(robustness, "corrupted", lambda picture, *_named: picture)
    opened = open_finished(study)
    found = evaluate_corrupted(opened, ["contrast"], [2])
    own = read_table(study / "scores.parquet", SCORES).filter(scale=opened.verdict.scale)
    again = read_table(study / "corruptions/contrast.parquet", CORRUPTED).select(list(SCORES))
    keys = ["contender", "seed", "sample_id"]
    assert again.sort(keys).equals(own.sort(keys))
    assert found.overall.gain.difference == pytest.approx(opened.verdict.difference)
    assert found.overall.gain.interval == pytest.approx(opened.verdict.interval)
    assert found.overall.kept.difference == 0.0


def test_only_what_a_square_shows_of_its_picture_is_corrupted(study, monkeypatch):
    opened, met = open_finished(study), []
    monkeypatch.setattr(robustness, "corrupted", lambda *asked: met.append(asked[0].shape[:2]) or corrupted(*asked))
    evaluate_corrupted(opened, ["gaussian_noise"], [3])
    pixels, fit = opened.pixels("test"), opened.setting.preprocessing.fit
    sizes = opened.pictures(pixels.sample_ids).select("width", "height").rows()
    assert sorted(met) == sorted(part_shown(size, 32, fit) for size in sizes)
    for square, size in zip(pixels.at(32), sizes, strict=True):
        rows, columns = part_shown(size, 32, fit)
        assert not np.any(square[rows:])
        assert not np.any(square[:, columns:])
    assert read_groups(samples_of(study)) is None or opened.verdict.sample == "pair"
