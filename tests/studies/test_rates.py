"""`learning_rate: auto` in a study: found once, recorded, used again, and told."""

from __future__ import annotations

import polars as pl
import pytest

from deepenough.errors import StudyError
from deepenough.records import HISTORY, read_json, read_table
from deepenough.search import finder
from deepenough.studies import rates, run_study
from deepenough.studies.study import make_study

AUTO = {"recipe": {"learning_rate": "auto", "warmup_epochs": 0.0}}
NAMES = ["resnet101", "resnet50"]


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(rates, "TESTS", 1)
    monkeypatch.setattr(rates, "STEPS", 24)
    monkeypatch.setattr(finder, "STEPS", 24)


def test_each_contender_trains_at_its_own_recorded_rate_which_a_resumed_study_keeps(
    request_of, told, tmp_path, monkeypatch, short
):
    folder, first = tmp_path / "s", told(stop_at=5)
    with pytest.raises(KeyboardInterrupt):
        run_study(request_of(**AUTO), folder, listener=first)
    found = read_json(folder / "learning_rates.json")
    assert sorted(found) == NAMES
    assert sum("learning rate" in note for note in first.notes) == 2

    monkeypatch.setattr(rates, "find_rate", lambda *_a, **_k: pytest.fail("it is recorded already"))
    run_study(request_of(**AUTO), folder, listener=told())
    assert read_json(folder / "learning_rates.json") == found
    assert read_json(folder / "environment.json")["learning_rates"] == {n: found[n]["rate"] for n in NAMES}
    for name in NAMES:
        assert read_json(folder / "cells" / f"{name}-seed1" / "cell.json")["learning_rate"] == found[name]["rate"]
        history = read_table(folder / "cells" / f"{name}-seed0" / "history.parquet", HISTORY)
        assert history.filter(pl.col("step") == 6)["learning_rate"][0] < found[name]["rate"]
    took = read_json(folder / "plan.json")["took"]
    assert took["range_tests_s"] == pytest.approx(sum(each["took_s"] for each in found.values()))
    assert "learning_rate: auto" in (folder / "study.yaml").read_text(encoding="utf-8")

    from deepenough import report

    report.write(folder)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert 'id="rates"' in page
    assert "Training loss over a growing learning rate" in page
    assert ("Loss at the end of short trainings" in page) is any(each["tried"] for each in found.values())
    assert "mathdefault" not in page  # matplotlib's own labels of a logarithmic axis, which the page shows as they are


@pytest.mark.slow
def test_scores_are_those_of_the_rate_when_it_is_given_by_hand(request_of, tmp_path, short, monkeypatch):
    fixed = rates.FoundRate(rate=0.004, low=1e-3, high=1e-2, agreement=1.0, spread=1.0, tests=())
    monkeypatch.setattr(rates, "find_rate", lambda *_a, **_k: fixed)
    run_study(request_of(**AUTO, seeds=1), tmp_path / "auto")
    by_hand = {"recipe": {"learning_rate": 0.004, "warmup_epochs": 0.0}}
    run_study(request_of(**by_hand, seeds=1), tmp_path / "hand")
    one, two = (pl.read_parquet(tmp_path / name / "scores.parquet") for name in ("auto", "hand"))
    assert one.equals(two)


@pytest.mark.parametrize("value", [0, -0.1, "automatic", True])
def test_another_learning_rate_is_refused_in_a_line(value):
    with pytest.raises(StudyError, match=r"recipe.learning_rate: expected a number above 0, or auto; got"):
        make_study({"recipe": {"learning_rate": value}})
