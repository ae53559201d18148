"""Samples that some run lacks: counted, listed, refused, or left out with a caveat."""

from __future__ import annotations

import polars as pl
import pytest

from deepenough.comparison.predictions import Reading, gather, settle, unmatched
from deepenough.errors import RecordError


@pytest.fixture
def gathered(tmp_path):
    def make(text, **options):
        path = tmp_path / "wide.csv"
        path.write_text(text)
        return gather([path], Reading(**options))

    return make


WHOLE = "sample_id,target,a,b\n1,x,x,x\n2,y,y,x\n"
TORN = "sample_id,target,a_s0,a_s1,b\n1,x,x,x,\n2,y,y,,x\n3,y,y,y,y\n4,x,x,x,x\n"


def test_runs_on_the_same_samples_pass_as_they_are(gathered, tmp_path):
    made = gathered(WHOLE)
    scores, caveats = settle(made, listing=tmp_path / "u.csv")
    assert scores.equals(made.scores)
    assert caveats == []
    assert (tmp_path / "u.csv").read_text() == "contender,seed,scale,sample_id,lacks\n"


def test_what_does_not_match_is_counted_and_listed_by_run(gathered, tmp_path):
    made = gathered(TORN)
    said = r"got 2 of 4 that are not in every run \(a seed 1 lacks 1: 2; b seed 0 lacks 1: 1\); --list-unmatched FILE"
    with pytest.raises(RecordError, match=said):
        settle(made)
    with pytest.raises(RecordError, match="--common decides on the 2 that all share"):
        settle(made, listing=tmp_path / "u.csv")
    assert (tmp_path / "u.csv").read_text().splitlines()[1:] == ["a,1,0,2,prediction", "b,0,0,1,prediction"]
    assert unmatched(made).height == 2


def test_common_decides_on_what_all_share_and_says_so(gathered):
    scores, caveats = settle(gathered(TORN), common=True)
    assert sorted(scores["sample_id"].unique()) == ["3", "4"]
    assert scores.height == 6
    assert "2 of 4 samples were left out" in caveats[0]
    assert "biased" in caveats[0]


def test_gaps_are_kept_and_listed_and_what_nobody_can_score_is_left_out(gathered, tmp_path):
    (tmp_path / "truth.csv").write_text("sample_id,target\n1,x\n2,y\n3,y\n")
    made = gathered("sample_id,a_s0,a_s1,b\n1,x,x,\n2,y,,x\n3,y,y,y\n4,x,x,x\n", targets=tmp_path / "truth.csv")
    scores, caveats = settle(made, gaps=True, listing=tmp_path / "u.csv")
    assert scores.equals(made.scores)
    assert scores.height == 7
    assert caveats[0].startswith("2 of 3 samples lack a score in some run (a seed 1 lacks 1: 2; b seed 0 lacks 1: 1).")
    assert (
        caveats[1] == f"Left out, since nobody can score them: 1 have no target: 4. All are listed in {tmp_path}/u.csv."
    )


def test_common_is_refused_where_nothing_is_shared(gathered):
    made = gathered("sample_id,target,a,b\n1,x,x,\n2,y,,y\n")
    with pytest.raises(RecordError, match=r"none shared: a seed 0 has 1; b seed 0 has 2; write the ids alike"):
        settle(made, common=True)


def test_samples_without_a_target_are_listed_too(gathered, tmp_path):
    (tmp_path / "truth.csv").write_text("sample_id,target\n1,x\n")
    made = gathered("sample_id,a,b\n1,x,x\n2,y,x\n", targets=tmp_path / "truth.csv")
    found = unmatched(made)
    assert found.rows() == [(None, None, None, "2", "target")]
    with pytest.raises(RecordError, match=r"1 of 2 that are not in every run .1 have no target: 2"):
        settle(made)
    scores, caveats = settle(made, common=True)
    assert scores["sample_id"].unique().to_list() == ["1"]
    assert len(caveats) == 1


def test_many_runs_are_cut_short_in_the_message(gathered):
    columns = ",".join(f"a_s{seed}" for seed in range(6))
    rows = ["0,x" + ",x" * 6, *(f"{i},x" + ",x" * (i - 1) + "," + ",x" * (6 - i) for i in range(1, 7))]
    with pytest.raises(RecordError, match=r"6 of 7 that are not in every run .*; 3 more runs"):
        settle(gathered(f"sample_id,target,{columns}\n" + "\n".join(rows) + "\n"))


def test_scales_need_the_same_samples_as_seeds_do(gathered):
    made = gathered("sample_id,target,a@32,a@64,b@32,b@64\n1,x,x,x,x,x\n2,x,x,,x,x\n")
    assert unmatched(made).rows() == [("a", 0, 64, "2", "prediction")]
    assert isinstance(settle(made, common=True)[0], pl.DataFrame)
