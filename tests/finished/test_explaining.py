"""A finished study asked which of its networks explains itself better."""

from __future__ import annotations

import json

import polars as pl
import pytest

from deepenough.cli import main
from deepenough.errors import StudyError
from deepenough.records import read_json, read_table
from deepenough.records.explanations import ERASED, explanations_from_json
from deepenough.studies.explaining import explain
from deepenough.studies.finished import open_finished

pytestmark = pytest.mark.slow


def test_gains_are_the_mean_differences_of_the_kept_areas_and_a_second_call_computes_nothing(study, monkeypatch):
    found = explain(open_finished(study), steps=4)
    kept = [read_table(path, ERASED) for path in sorted((study / "explanations").glob("*.parquet"))]
    rows = pl.concat(kept)
    assert len(kept) == 6
    assert len(rows) == 6 * found.samples
    assert rows.select(pl.selectors.float().is_between(0, 1).all()).row(0) == (True,) * 4
    by = rows.group_by("contender").agg(
        (pl.col("insertion") - pl.col("insertion_by_chance")).mean().alias("insertion"),
        (pl.col("deletion_by_chance") - pl.col("deletion")).mean().alias("deletion"),
    )
    means = {name: (insertion, deletion) for name, insertion, deletion in by.iter_rows()}
    for measure, place in (("insertion beyond chance", 0), ("deletion beyond chance", 1)):
        (one,) = (each for each in found.measures if each.metric == measure)
        gain = 100 * (means["resnet101"][place] - means["resnet50"][place])
        assert one.difference == pytest.approx(gain, abs=1e-9)
        assert one.interval[0] <= one.difference <= one.interval[1]
    assert explanations_from_json(read_json(study / "explanations.json")) == found
    monkeypatch.setattr("deepenough.studies.explaining.erased", None)
    assert explain(open_finished(study), steps=4) == found


def test_every_stage_and_seed_has_a_field_within_the_image(study):
    found = explain(open_finished(study), pictures=6, steps=2)
    assert {(each.contender, each.stage, len(each.sides)) for each in found.receptive} == {
        (name, stage, 3) for name in ("resnet50", "resnet101") for stage in (2, 3, 4, 5)
    }
    assert all(0 < side <= 2 * found.scale for each in found.receptive for side in each.sides)


def test_the_command_answers_in_words_in_json_and_in_the_report(study, capsys):
    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            main([*map(str, arguments)])
        return left.value.code, *capsys.readouterr()

    code, out, err = call("explain", study, "--pictures", "6", "--steps", "2", "--method", "layercam")
    assert (code, "LayerCAM" in out, "seed2, 32 px: 6 pictures" in err) == (0, True, True)
    assert max(len(line) for line in out.splitlines() if str(study) not in line) <= 80
    assert json.loads(call("explain", study, "--pictures", "6", "--steps", "2", "--json")[1])["method"] == "gradcam"
    assert call("report", study)[0] == 0
    assert "Which explains itself better" in (study / "report.md").read_text(encoding="utf-8")
    assert call("verify", study)[0] == 0
    code, _, err = call("explain", study, "--method", "lime")
    assert (code, err) == (2, "error: --method: expected one of gradcam, gradcampp, hirescam, layercam; got lime\n")


def test_each_scale_has_its_gains_and_its_own_maps_and_all_hold_at_once(study):
    alone = explain(open_finished(study), pictures=6, steps=2)
    found = explain(open_finished(study), pictures=6, steps=2, scales=[48, 64])
    assert [(each.scale, each.stage) for each in found.further] == [(48, 3), (64, 4)]
    assert found.measures[0].difference == alone.measures[0].difference
    assert found.measures[0].interval[1] > alone.measures[0].interval[1]  # six intervals hold at once, not two
    assert found.measures[2] == alone.measures[2]
    for each in found.further:
        kept = [read_table(path, ERASED) for path in sorted((study / "explanations").glob(f"*-{each.scale}px.parquet"))]
        rows = pl.concat(kept)
        assert (len(kept), len(rows), rows["scale"].unique().to_list()) == (6, 36, [each.scale])
        means = dict(
            rows.group_by("contender").agg((pl.col("insertion") - pl.col("insertion_by_chance")).mean()).rows()
        )
        gain = 100 * (means["resnet101"] - means["resnet50"])
        assert each.measures[1].difference == pytest.approx(gain, abs=1e-9)
    assert explanations_from_json(read_json(study / "explanations.json")) == found
    assert not (study / "explanations" / "cams.parquet").exists()  # the study was asked to keep no images
    with pytest.raises(StudyError, match="--scales: expected image sides from 32 to 2048 px; got 16"):
        explain(open_finished(study), scales=[16])


def test_the_same_networks_are_explained_alike_by_whatever_measure_they_were_judged(study, graded):
    by_accuracy, by_ranking = (explain(open_finished(each), pictures=6, steps=2) for each in (study, graded))
    assert open_finished(graded).verdict.metric == "AUROC"
    assert by_ranking.measures == by_accuracy.measures
    assert by_ranking.receptive == by_accuracy.receptive
