"""The study files that come with the project are read, and say what their comments promise."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from deepenough.studies.study import load_study
from deepenough.tasks import Given, make_task

TEMPLATES = sorted((Path(__file__).resolve().parents[2] / "studies").glob("*.yaml"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_template_is_a_study_file_that_declares_its_margin(path):
    study = load_study(path)
    assert "margin" in study.model_fields_set
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_medical_template_decides_by_auroc_of_the_sick():
    study = load_study(next(path for path in TEMPLATES if path.stem == "medical"))
    rows = [(name, split) for split in ("train", "val", "test") for name in ("sick", "well") for _ in range(3)]
    samples = pl.DataFrame(rows, schema=["target", "split"], orient="row")
    loss = {"class_weights": study.recipe.class_weights}
    options = study.task_options
    task = make_task(study.task, Given(classes=("sick", "well"), samples=samples, options=options, loss=loss))
    assert (task.metric.name, task.positive) == ("AUROC", ("sick",))
    assert task.emphasised.weights == (1.0, 1.0)
    assert not study.images
