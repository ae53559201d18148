"""A study followed in TensorBoard and MLflow, read back with their own readers."""

from __future__ import annotations

import sys

import polars as pl
import pytest

from deepenough.errors import StudyError
from deepenough.studies.run import run_study
from deepenough.studies.trackers import Tracking, open_tracker

THEIRS = (  # warnings of the two libraries about themselves and each other
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
pytestmark = [pytest.mark.filterwarnings(each) for each in THEIRS]


def run(request, folder, listener, *kinds):
    tracking = Tracking(listener, [open_tracker(kind) for kind in kinds], folder)
    try:
        verdict = run_study(request, folder, listener=tracking)
        tracking.conclude(verdict, "so it is")
        return verdict
    finally:
        tracking.end()


def test_tensorboard_holds_every_cell_and_its_scores(request_of, told, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    verdict_of = run(request_of(seeds=1), tmp_path / "s", told(), "tensorboard")
    for cell in ("resnet50-seed0", "resnet101-seed0"):
        read = EventAccumulator(str(tmp_path / "s" / "tensorboard" / cell)).Reload()
        history = pl.read_parquet(tmp_path / "s" / "cells" / cell / "history.parquet")
        assert read.Scalars("loss")[-1].step == history["step"][-1]
        test = pl.read_parquet(tmp_path / "s" / "cells" / cell / "test.parquet").filter(pl.col("scale") == 48)
        assert read.Scalars("test_score/48px")[-1].value == pytest.approx(test["score"].mean())
    verdict = EventAccumulator(str(tmp_path / "s" / "tensorboard" / "verdict")).Reload()
    assert verdict.Scalars("verdict/margin")[0].value == pytest.approx(verdict_of.margin)


@pytest.mark.slow
def test_mlflow_continues_a_cells_run_when_a_killed_study_goes_on(request_of, told, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder, request = tmp_path / "s", request_of(seeds=1)
    with pytest.raises(KeyboardInterrupt):
        run(request, folder, told(stop_at=3), "mlflow")
    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("s").experiment_id
    assert {each.info.status for each in client.search_runs([experiment])} == {"KILLED"}
    verdict = run(request, folder, told(), "mlflow")
    runs = {each.info.run_name: each for each in client.search_runs([experiment])}
    assert sorted(runs) == ["resnet101-seed0", "resnet50-seed0", "verdict"]
    assert {each.info.status for each in runs.values()} == {"FINISHED"}
    assert runs["verdict"].data.metrics["difference"] == pytest.approx(verdict.difference)
    cell = runs["resnet50-seed0"]
    assert cell.data.params["batch"] == "8"
    assert cell.data.tags["deepenough.cell_folder"] == (folder / "cells" / "resnet50-seed0").as_uri()
    assert [each.path for each in client.list_artifacts(cell.info.run_id)] == ["cell.json", "history.parquet"]


def test_a_tracker_that_fails_on_the_way_costs_no_training(request_of, told, tmp_path):
    class Broken:
        name = "broken"

        def begin(self, *_):
            pass

        def step(self, *_):
            raise OSError("connection refused")

    listener = told()
    tracking = Tracking(listener, [Broken()], tmp_path / "s")
    run_study(request_of(seeds=1), tmp_path / "s", listener=tracking)
    said = "broken cannot be written (connection refused); the study goes on without it"
    assert listener.notes.count(said) == 1
    assert sorted(listener.cells) == ["resnet101-seed0", "resnet50-seed0"]


def test_a_tracker_that_cannot_begin_is_refused_before_training(request_of, told, tmp_path):
    class Absent:
        name = "absent"

        def begin(self, *_):
            raise OSError("no such server")

    listener = told()
    with pytest.raises(StudyError, match="--track absent: expected a tracker that can be written; got no such server"):
        run_study(request_of(), tmp_path / "s", listener=Tracking(listener, [Absent()], tmp_path / "s"))
    assert listener.steps == []


def test_an_unknown_tracker_is_refused():
    with pytest.raises(StudyError, match="--track: expected one or more of tensorboard, mlflow"):
        open_tracker("wandb")


def test_a_tracker_whose_library_is_missing_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.delitem(sys.modules, "deepenough.studies.trackers.mlflow", raising=False)
    with pytest.raises(StudyError, match=r"got no module mlflow; pip install 'deepenough\[track\]'"):
        open_tracker("mlflow")
