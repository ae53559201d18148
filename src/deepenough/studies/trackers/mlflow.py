"""MLflow: an experiment for each study, a run for each cell, at MLFLOW_TRACKING_URI or in the study's folder."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read at its import: it would report to its makers
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
_CELL = "deepenough.cell"
_FOLDER = "deepenough.folder"
_VERDICT = "verdict"


class Tracker:
    """See `tracking.Tracker`; a cell that goes on continues its run, found by its tag."""

    name = "mlflow"

    def __init__(self) -> None:
        self._runs: dict[str, str] = {}
        self._open: set[str] = set()
        self._parameters: Mapping[str, str] = {}

    def begin(self, study: str, folder: Path, parameters: Mapping[str, str]) -> None:
        """See `tracking.Tracker`; a server that does not answer is given up after seconds, unless told otherwise."""
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        where, kept = os.environ.get("MLFLOW_TRACKING_URI"), None
        if not where:
            where, kept = f"sqlite:///{folder / 'mlflow.db'}", (folder / "mlflow-artifacts").as_uri()
        self._client = MlflowClient(where)
        known = self._client.get_experiment_by_name(study)
        self._experiment = known.experiment_id if known else self._client.create_experiment(study, kept)
        self._parameters = parameters
        for run in self._client.search_runs([self._experiment], f"tags.`{_FOLDER}` = '{folder.as_uri()}'"):
            self._runs.setdefault(run.data.tags.get(_CELL, ""), run.info.run_id)
        self._folder = folder.as_uri()

    def step(self, cell: str, step: int, values: Mapping[str, float]) -> None:
        """See `tracking.Tracker`."""
        self._client.log_batch(self._run(cell), _metrics(values, step))

    def end(
        self, cell: str, step: int, values: Mapping[str, float], links: Mapping[str, str], files: list[Path]
    ) -> None:
        """See `tracking.Tracker`; small files are copied, the weights are linked."""
        run = self._run(cell)
        tags = [RunTag(f"deepenough.cell_{name}", link) for name, link in links.items()]
        self._client.log_batch(run, _metrics(values, step), tags=tags)
        for path in files:
            self._client.log_artifact(run, str(path))
        self._client.set_terminated(run, "FINISHED" if links.get("status") != "diverged" else "FAILED")
        self._open.discard(cell)

    def conclude(self, values: Mapping[str, float], words: str, files: list[Path]) -> None:
        """See `tracking.Tracker`; a run of its own."""
        run = self._run(_VERDICT)
        self._client.log_batch(run, _metrics(values, 0), tags=[RunTag("mlflow.note.content", words)])
        for path in files:
            self._client.log_artifact(run, str(path))
        self._client.set_terminated(run)
        self._open.discard(_VERDICT)

    def close(self) -> None:
        """See `tracking.Tracker`; a run whose cell is not done is called killed until it goes on."""
        for cell in self._open:
            self._client.set_terminated(self._runs[cell], "KILLED")
        self._open.clear()

    def _run(self, cell: str) -> str:
        if cell not in self._runs:
            tags = {_CELL: cell, _FOLDER: self._folder}
            run = self._client.create_run(self._experiment, run_name=cell, tags=tags)
            self._runs[cell] = run.info.run_id
            named = [Param(name, value[:500]) for name, value in self._parameters.items()]
            self._client.log_batch(run.info.run_id, params=named)
        elif cell not in self._open:
            self._client.update_run(self._runs[cell], "RUNNING")
        self._open.add(cell)
        return self._runs[cell]


def _metrics(values: Mapping[str, float], step: int) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(name, value, now, step) for name, value in values.items()]
