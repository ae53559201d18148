"""Curves from a study of settings to their record and the page; and from a study that was made for something else."""

from __future__ import annotations

import polars as pl
import pytest

from deepenough import report
from deepenough.errors import StudyError
from deepenough.records import SCORES, read_json, read_table
from deepenough.report import proof
from deepenough.studies import run_study
from deepenough.studies.curving import axes_of, conclude_curves, curves_study


@pytest.mark.slow
def test_curves_of_both_depths_hold_what_was_spent_and_reached(request_of, tmp_path):
    folder = tmp_path / "c"
    study = curves_study(request_of(epochs=2), ("images", "size", "side"))
    run_study(study, folder)
    record = conclude_curves(folder)
    report.write(folder)

    found = {each["axis"]: each for each in record["curves"]}
    assert set(found) == {"images", "size", "side"}
    trained = read_json(folder / "plan.json")["sizes"]["train"]
    assert [each["x"] for each in found["images"]["points"]][:4] == [trained * share for share in (0.125, 0.25, 0.5, 1)]
    assert [each["x"] for each in found["side"]["points"]] == [32, 48, 32, 48]
    sizes = [each["x"] for each in found["size"]["points"]]
    assert sizes[0] < sizes[1] < sizes[2] < sizes[5]  # small, then larger; the larger depth has more at full width
    scores = read_table(folder / "scores.parquet", SCORES).filter(pl.col("scale") == 32)
    means = dict(scores.group_by("contender").agg(100 * pl.col("score").cast(pl.Float64).mean()).iter_rows())
    for each in [*found["images"]["points"], *found["size"]["points"]]:
        assert each["mean"] == pytest.approx(means[each["contender"]])
    page = folder / "report.html"
    assert "over the number of training images" in page.read_text(encoding="utf-8")
    assert [fault for look in proof.looks(page) for fault in look.wrong] == []


@pytest.mark.slow
def test_any_study_has_the_curve_of_its_image_sides(request_of, tmp_path):
    run_study(request_of(), tmp_path / "s")
    record = conclude_curves(tmp_path / "s")
    assert [each["axis"] for each in record["curves"]] == ["side"]
    with pytest.raises(StudyError, match="expected a study with two settings along time; got one without"):
        conclude_curves(tmp_path / "s", ("time",))


def test_curves_of_one_seed_are_refused(request_of):
    with pytest.raises(StudyError, match="--seeds: expected at least 2 to tell a curve from luck; got 1"):
        curves_study(request_of(seeds=1), ("time",))


@pytest.mark.parametrize("text", ["speed", "", "images,speed"])
def test_an_axis_that_there_is_not_is_refused(text):
    with pytest.raises(StudyError, match="--axes: expected all, or some of images, time, size, side; got"):
        axes_of(text)
