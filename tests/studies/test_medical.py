"""A study by AUROC with a test set from elsewhere: what it leaves, and that nothing was chosen there."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from deepenough import report
from deepenough.cli._redecide import Wish, in_folder
from deepenough.records import SCORES, measures_from_json, read_json, read_table, verdict_from_json
from deepenough.studies import run_study

pytestmark = pytest.mark.slow
OPTIONS = {"metric": "auroc", "positive": "sick"}


@pytest.fixture
def finished(folder_of, request_of, tmp_path):
    counts = {"train": 10, "val": 6, "test": 8, "test_shifted": 5}
    source = folder_of({f"{split}/{name}": n for split, n in counts.items() for name in ("sick", "well")})
    recipe = {"class_weights": "balanced", "focal": 1.0}
    request = request_of(source=str(source), scales=[32], task_options=OPTIONS, recipe=recipe)
    return tmp_path / "s", run_study(request, tmp_path / "s"), request


def test_a_study_by_auroc_leaves_its_measures_and_a_verdict_on_the_shifted_set(finished):
    folder, verdict, request = finished
    kept = pl.read_parquet(folder / "outcomes.parquet").filter(pl.col("contender") == verdict.big)
    truth = dict(read_table(folder / "scores.parquet", SCORES).select("sample_id", "target").iter_rows())
    known = {"AUROC": [], "average precision": []}
    for _, run in kept.group_by("seed"):
        sick = [truth[sample] == "sick" for sample in run["sample_id"]]
        chance = np.array(run["probabilities"].to_list())[:, 0]
        known["AUROC"].append(roc_auc_score(sick, chance))
        known["average precision"].append(average_precision_score(sick, chance))
    assert verdict.metric == "AUROC"
    by_name = {entry.contender: entry.mean for entry in verdict.contenders}
    assert by_name[verdict.big] == pytest.approx(100 * np.mean(known["AUROC"]), abs=1e-4)

    found = measures_from_json(read_json(folder / "measures.json"))
    on_test = {each.metric: each for each in found.measures if each.split == "test"}
    assert set(on_test) == {"AUROC", "average precision", "balanced accuracy", "sensitivity at 95 % specificity"}
    assert on_test["average precision"].means[verdict.big] == pytest.approx(
        100 * np.mean(known["average precision"]), abs=1e-4
    )
    assert on_test["AUROC"].difference == pytest.approx(verdict.difference)
    assert on_test["AUROC"].interval == pytest.approx(verdict.interval)
    assert {each.split for each in found.tempered} == {"validation", "test", "test_shifted"}

    shifted = verdict_from_json(read_json(folder / "verdict_shifted.json"))
    assert (shifted.samples, shifted.scale, shifted.scale_chosen_on) == (10, verdict.scale, "declared")
    assert (shifted.small, shifted.big, shifted.margin) == (verdict.small, verdict.big, verdict.margin)
    scores = read_table(folder / "shifted.parquet", SCORES)
    tested = {
        name: set(read_table(folder / f"{name}.parquet", SCORES)["sample_id"]) for name in ("scores", "validation")
    }
    assert not set(scores["sample_id"]) & (tested["scores"] | tested["validation"])

    _, text = report.write(folder)
    written = text.read_text(encoding="utf-8")
    for words in ("On the shifted test set", "By other measures", "Confidence before and after temperature scaling"):
        assert words in written
    assert "validation AUROC" in written

    again = in_folder(folder, Wish(metric="accuracy"))
    scores = read_table(folder / "scores.parquet", SCORES)
    right = scores.filter(pl.col("contender") == verdict.big).select((pl.col("prediction") == pl.col("target")).mean())
    means = {entry.contender: entry.mean for entry in again.contenders}
    assert means[verdict.big] == pytest.approx(100 * right.item())
    assert any("The metric was set to accuracy after" in caveat for caveat in again.caveats)

    before = json.loads((folder / "measures.json").read_text())
    run_study(request, folder)  # trains nothing, and measures the same
    assert json.loads((folder / "measures.json").read_text()) == before


def test_a_shifted_set_without_what_the_metric_takes_has_no_verdict_and_the_other_measures(
    folder_of, request_of, told, tmp_path
):
    counts = {"train/sick": 10, "train/well": 10, "val/sick": 6, "val/well": 6, "test/sick": 8, "test/well": 8}
    source = folder_of({**counts, "test_shifted/sick": 5})
    listener = told()
    request = request_of(source=str(source), scales=[32], task_options=OPTIONS)
    verdict = run_study(request, tmp_path / "s", listener=listener)
    said = "No AUROC can be had on the split test_shifted, which decides nothing: "
    assert sum(note.startswith(said) for note in listener.notes) == 1
    assert sum(caveat.startswith(said) for caveat in verdict.caveats) == 1
    assert not (tmp_path / "s" / "verdict_shifted.json").exists()
    found = measures_from_json(read_json(tmp_path / "s" / "measures.json"))
    shifted = {each.metric for each in found.measures if each.split == "test_shifted"}
    assert "sensitivity at 95 % specificity" in shifted
    assert "AUROC" not in shifted
