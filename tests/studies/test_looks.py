"""A study in declared looks: it stops where it is settled, goes on where it is not, and survives a kill anywhere."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

from deepenough.cli import _redecide
from deepenough.comparison import decide_study
from deepenough.errors import RecordError, StudyError
from deepenough.records import SCORES, read_json, read_table, write_json
from deepenough.studies import local, run_study
from deepenough.studies.looks import is_settled
from deepenough.studies.study import load_study

STEPS = 6  # 1 epoch of 50 pictures in batches of 8
ALWAYS, NEVER = 99.0, 0.01  # margins: any gain is below the first, and no 11 test pictures say anything of the second


@pytest.fixture
def looks_of(request_of):
    def make(**values):
        return request_of(**{"seeds": None, "looks": [2, 3], "epochs": 1, "scales": [32], **values})

    return make


def scores_of(folder):
    return {name: read_table(folder / f"{name}.parquet", SCORES) for name in ("scores", "validation")}


def cells_of(folder):
    return sorted(path.parent.name for path in folder.glob("cells/*/cell.json"))


def test_a_study_stops_at_the_first_look_that_settles_it_and_keeps_its_level(looks_of, told, tmp_path):
    listener, folder = told(), tmp_path / "s"
    verdict = run_study(looks_of(margin=ALWAYS), folder, listener=listener)
    assert cells_of(folder) == ["resnet101-seed0", "resnet101-seed1", "resnet50-seed0", "resnet50-seed1"]
    assert verdict.seeds == {"resnet50": [0, 1], "resnet101": [0, 1]}
    assert verdict.level == pytest.approx(1 - 0.05 * 2 / 3)
    assert [(look["seeds"], look["answer"]) for look in verdict.looks] == [(2, verdict.answer), (3, None)]
    assert verdict.looks[0]["interval"] == list(verdict.interval)
    assert sum(look["alpha"] for look in verdict.looks) == pytest.approx(0.05)
    assert any("; settled, so 3 seeds are not needed" in note for note in listener.notes)
    scores = scores_of(folder)
    expected = decide_study(
        scores["scores"], margin=ALWAYS, validation=scores["validation"], level=verdict.level, guard=2
    )
    assert verdict.interval == pytest.approx(expected.interval, rel=1e-12)
    plain = decide_study(scores["scores"], margin=ALWAYS, validation=scores["validation"])
    assert verdict.interval[0] < plain.interval[0] < plain.interval[1] < verdict.interval[1]

    plan = read_json(folder / "plan.json")
    assert plan["looks"] == [2, 3]
    assert plan["first_look"]["training_s"] == pytest.approx(plan["forecast"]["training_s"] * 2 / 3)
    notes = [read_json(folder / "cells" / name / "cell.json") for name in cells_of(folder)]
    assert plan["took"]["training_s"] == pytest.approx(sum(note["training_s"] for note in notes))
    study = load_study(folder / "study.yaml")
    assert (study.looks, study.seeds) == ((2, 3), 3)

    # the same command again trains nothing, so that nothing changed does it harm
    write_json(folder / "environment.json", read_json(folder / "environment.json") | {"python": "2.7"})
    again = told()
    assert run_study(looks_of(margin=ALWAYS), folder, listener=again) == verdict
    assert again.steps == []
    with pytest.raises(StudyError, match=r"looks \[2, 4\] \(was \[2, 3\]\); choose another --out"):
        run_study(looks_of(margin=ALWAYS, looks=[2, 4]), folder)

    # deciding anew keeps the level of the look
    anew = _redecide.in_folder(folder, _redecide.Wish())
    assert (anew.interval, anew.level, anew.looks, anew.caveats) == (
        verdict.interval,
        verdict.level,
        verdict.looks,
        verdict.caveats,
    )
    other = _redecide.in_folder(folder, _redecide.Wish(margin=NEVER))
    assert (other.interval, other.level, other.answer) == (verdict.interval, verdict.level, "undecided")
    assert "The margin was set to 0.01 after the results were known" in other.caveats[0]
    assert "might have stopped at another look" in other.caveats[1]
    assert "Its intervals stay at 96.67 %" in other.caveats[1]
    (folder / "verdict.json").unlink()
    with pytest.raises(RecordError, match="a study with declared looks, which has its level"):
        _redecide.in_folder(folder, _redecide.Wish(margin=1.0))


def test_a_study_goes_on_where_it_is_not_settled_and_after_a_kill_to_the_same_scores(
    looks_of, told, tmp_path, monkeypatch
):
    monkeypatch.setattr(local, "SAVE_EVERY_S", 0.0)
    fixed = looks_of(margin=NEVER, looks=None, seeds=3)
    one = run_study(fixed, tmp_path / "fixed")

    class StopsBetween(told):
        def note(self, text):
            super().note(text)
            if text.startswith("look 1 of 2"):
                raise KeyboardInterrupt

    for name, listener, left in (
        ("between", StopsBetween(), 2 * STEPS),
        ("in the second look", told(4 * STEPS + 3), 2 * STEPS - 3),
    ):
        folder = tmp_path / name
        with pytest.raises(KeyboardInterrupt):
            run_study(looks_of(margin=NEVER), folder, listener=listener)
        assert not (folder / "verdict.json").exists()
        assert not (folder / "scores.parquet").exists()
        resumed = told()
        verdict = run_study(looks_of(margin=NEVER), folder, listener=resumed)
        assert left <= len(resumed.steps) <= left + 2
        assert any(note.startswith("look 1 of 2, after 2 seeds") and "on to 3 seeds" in note for note in resumed.notes)
        assert any(note.startswith("look 2 of 2, after 3 seeds") for note in resumed.notes)
        for table, frame in scores_of(tmp_path / "fixed").items():
            assert frame.equals(scores_of(folder)[table]), (name, table)
        assert [look["answer"] for look in verdict.looks] == ["undecided", "undecided"]
        assert verdict.difference == one.difference
        assert verdict.level == pytest.approx(1 - 0.05 / 3)
        assert (one.level, one.looks) == (0.95, None)
    assert json.loads((tmp_path / "fixed" / "plan.json").read_text())["looks"] is None


def test_what_is_settled_speaks_of_architectures_and_leaves_no_margin_open():
    frame = pl.DataFrame(
        {
            "contender": ["a"] * 400 + ["b"] * 400,
            "seed": ([0] * 200 + [1] * 200) * 2,
            "scale": 64,
            "sample_id": [f"{i}" for i in range(200)] * 4,
            "score": [float(i % 10 > 0) for i in range(400)] + [float(i % 7 > 0) for i in range(400)],
        }
    )
    verdict = decide_study(frame, margin=50.0)
    assert verdict.answer == "small_is_enough"
    assert is_settled(verdict)
    assert not is_settled(replace(verdict, scope="checkpoint"))  # all but one training of a contender diverged
    assert not is_settled(replace(verdict, answer="undecided"))
    assert not is_settled(replace(verdict, answer="big_is_better", beyond_margin=False))
    assert is_settled(replace(verdict, answer="big_is_better", beyond_margin=True))
