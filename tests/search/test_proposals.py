"""The store of a search: shared by processes, counted exactly, drawn alike again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepenough.errors import StudyError
from deepenough.search.proposals import open_proposals, packed, unpacked
from deepenough.search.space import Space

SPACE = Space(sides=(32, 48))


@given(st.lists(st.sampled_from([0.0, 1.0]), max_size=200))
def test_binary_scores_come_back_from_the_store(scores):
    assert unpacked(packed(np.array(scores))).tolist() == scores


@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=50))
def test_other_scores_come_back_from_the_store(scores):
    assert unpacked(packed(np.array(scores))).tolist() == scores


def opened(tmp_path, **more):
    return open_proposals(tmp_path / "tune.journal", sampler="tpe", seed=1, **more)


def test_two_processes_together_begin_as_many_trials_as_were_asked_for(tmp_path):
    one, two = opened(tmp_path), opened(tmp_path)
    trials = [found for _ in range(4) for each in (one, two) if (found := each.ask(5)) is not None]
    assert [trial.number for trial in trials] == [0, 1, 2, 3, 4]
    assert len(one.known()) == 5


def test_one_that_asks_as_the_last_begins_elsewhere_gets_none(tmp_path, monkeypatch):
    one, two = opened(tmp_path), opened(tmp_path)
    counted, seen = one._counted, []

    def slow(before=None):
        if not seen:
            seen.append(two.ask(1))
            return 0
        return counted(before)

    monkeypatch.setattr(one, "_counted", slow)
    assert one.ask(1) is None
    assert [each["number"] for each in one.known()] == [seen[0].number]


def test_what_is_above_the_budget_does_not_count(tmp_path):
    proposals = opened(tmp_path)
    over = proposals.ask(1)
    proposals.end(over, "over_budget", None, over=0.5)
    assert proposals.ask(1) is not None
    assert proposals.known()[0]["status"] == "over_budget"


def test_a_trial_that_is_taken_up_draws_what_it_drew(tmp_path):
    one = opened(tmp_path)
    drawn = [SPACE.draw(one.ask(9)) for _ in range(3)]
    assert drawn[0] != drawn[1] != drawn[2]
    again = opened(tmp_path)
    assert [SPACE.draw(again.take_up(number)) for number in range(3)] == drawn
    assert len(again.known()) == 3


def test_rivals_are_the_scores_of_others_at_the_rung(tmp_path):
    one, two = opened(tmp_path), opened(tmp_path)
    first, second = one.ask(2), two.ask(2)
    one.reached(first, 3, {"mean": 0.5}, np.array([1.0, 0.0]))
    assert two.rivals(3, but=second.number)[0].tolist() == [1.0, 0.0]
    assert two.rivals(3, but=first.number) == {}
    assert two.rivals(9, but=second.number) == {}


def test_a_store_that_cannot_be_opened_is_refused_without_its_password():
    with pytest.raises(StudyError, match=r"--storage nosuch://ada:\*\*\*@host/db: expected a URL") as refused:
        open_proposals("nosuch://ada:secret@host/db", sampler="tpe", seed=0)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_both_kinds_of_store_keep_a_search(tmp_path, kind):
    store = tmp_path / "j" if kind == "journal" else f"sqlite:///{tmp_path / 's.db'}"
    proposals = open_proposals(store, sampler="random", seed=0)
    proposals.begin({"epochs": 3}, [{"blocks1": 2}])
    trial = proposals.ask(1)
    assert SPACE.draw(trial)["blocks1"] == 2
    proposals.reached(trial, 1, {"mean": 0.25}, np.array([0.0, 1.0, 0.0, 0.0]))
    proposals.end(trial, "trained", 0.25)
    again = open_proposals(store, sampler="random", seed=0)
    assert again.facts == {"epochs": 3}
    assert again.known()[0]["rungs"] == {"1": {"mean": 0.25}}
