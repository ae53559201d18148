"""Seeds that are declared to come in pairs."""

from __future__ import annotations

import json

import polars as pl
import pytest

from deepenough import records
from deepenough.comparison import align, decide_study
from deepenough.errors import StudyError
from deepenough.stats import holm, nested, paired

ACCURACY = {("resnet50", 64): 0.8, ("resnet101", 64): 0.85, ("resnet50", 96): 0.82, ("resnet101", 96): 0.86}
SCALE = 64


def expected(frame, seeds, level=0.95):
    cells = align(frame.filter((pl.col("scale") == SCALE) & pl.col("seed").is_in(seeds))).cells
    return paired(cells["resnet101", SCALE].scores, cells["resnet50", SCALE].scores, level=level).scaled(100)


def test_the_verdict_is_that_of_paired_seeds_where_they_are_declared(make_scores):
    frame = make_scores(ACCURACY, seeds=4)
    verdict = decide_study(frame, margin=1.0, scale=SCALE, paired_seeds=True)
    known = expected(frame, range(4))
    assert verdict.interval == pytest.approx(known.interval, abs=1e-9)
    assert verdict.degrees_of_freedom == pytest.approx(known.degrees_of_freedom)
    assert verdict.paired_seeds
    assert verdict.method.startswith("paired-seed")
    assert "The seeds were paired, as declared" in " ".join(verdict.caveats)
    assert decide_study(frame, margin=1.0, scale=SCALE).interval != verdict.interval
    assert records.verdict_from_json(json.loads(records.to_json(verdict))).paired_seeds


def test_shared_ups_and_downs_cancel_between_paired_seeds(make_scores):
    """Seeds that move both networks alike, by a fifth of the samples: the pairs do not see it, independent seeds do."""
    frame = make_scores(ACCURACY, seeds=5, samples=1000).filter(pl.col("scale") == SCALE)
    number = pl.col("sample_id").str.slice(1).cast(pl.Int64)
    moved = frame.with_columns(
        score=pl.when(number < 200).then((pl.col("seed") % 2).cast(pl.Float64)).otherwise("score")
    )
    pairs, apart = (decide_study(moved, margin=1.0, paired_seeds=declared) for declared in (True, False))
    assert pairs.difference == pytest.approx(apart.difference)
    assert pairs.standard_error < 0.3 * apart.standard_error


def test_runs_without_a_partner_are_named_and_left_out_of_the_gain(make_scores):
    frame = make_scores(ACCURACY, seeds=4)
    torn = frame.filter((pl.col("contender") == "resnet101") | (pl.col("seed") != 1))
    verdict = decide_study(torn, margin=1.0, scale=SCALE, paired_seeds=True)
    assert verdict.interval == pytest.approx(expected(frame, [0, 2, 3]).interval, abs=1e-9)
    assert "Without a partner, and so left out of the gain: seed 1 of resnet101." in verdict.caveats
    assert not any("unequal numbers" in caveat for caveat in verdict.caveats)


def test_two_pairs_are_refused(make_scores):
    frame = make_scores(ACCURACY, seeds=3).filter((pl.col("contender") == "resnet50") | (pl.col("seed") > 0))
    said = r"paired seeds: expected at least 3 seeds that resnet50 and resnet101 both have; got 2 \(1, 2\)"
    with pytest.raises(StudyError, match=said):
        decide_study(frame, margin=1.0, paired_seeds=True)


def test_pairs_with_gaps_are_refused(make_scores):
    frame = make_scores(ACCURACY).filter((pl.col("seed") != 1) | (pl.col("sample_id") != "t00003"))
    with pytest.raises(StudyError, match="paired seeds: expected runs on the same samples"):
        decide_study(frame, margin=1.0, gaps=True, paired_seeds=True)


def test_another_pair_with_fewer_shared_seeds_counts_as_independent(make_scores):
    accuracy = {**ACCURACY, ("resnet152", 64): 0.9}
    frame = make_scores(accuracy, seeds={"resnet50": 3, "resnet101": 3, "resnet152": 2})
    declared, plain = (
        decide_study(frame, margin=1.0, scale=SCALE, big="resnet101", paired_seeds=paired) for paired in (True, False)
    )
    of_152 = [next(pair for pair in verdict.pairs if pair.big == "resnet152") for verdict in (declared, plain)]
    assert of_152[0].interval == of_152[1].interval


def test_designs_that_settle_it_are_guarded_as_the_paired_estimate_is(make_scores):
    frame = make_scores(ACCURACY, seeds=3, samples=400)
    verdict = decide_study(frame, margin=2.0, scale=SCALE, paired_seeds=True)
    assert verdict.answer == "undecided" or verdict.beyond_margin is False
    assert verdict.needed is not None
    assert all(design["seeds"] >= 3 for design in verdict.needed.likely)
    assert verdict.noise is not None
    assert [entry["contender"] for entry in verdict.noise["seeds"]] == [None]


PUPIL = "resnet50@teacher=resnet101"


@pytest.mark.parametrize(("seeds", "design"), [(3, "paired"), (2, "nested")])
def test_pupil_is_held_against_its_teacher_run_by_run_where_they_share_three_seeds(make_scores, seeds, design):
    accuracy = {("resnet50", 64): 0.8, (PUPIL, 64): 0.83, ("resnet101", 64): 0.85}
    frame = make_scores(accuracy, seeds=seeds)
    verdict = decide_study(frame, margin=1.0, small="resnet50", big="resnet101")
    found = {(pair.small, pair.big): pair for pair in verdict.pairs}
    assert set(found) == {("resnet50", "resnet101"), ("resnet50", PUPIL), (PUPIL, "resnet101")}
    cells = align(frame).cells
    big, own, plain = (cells[name, 64].scores for name in ("resnet101", PUPIL, "resnet50"))
    known = (paired if design == "paired" else nested)(big, own).scaled(100)
    assert found[PUPIL, "resnet101"].interval == pytest.approx(known.interval, abs=1e-9)
    assert found["resnet50", PUPIL].interval == pytest.approx(nested(own, plain).scaled(100).interval, abs=1e-9)
    assert verdict.interval == pytest.approx(nested(big, plain).scaled(100).interval, abs=1e-9)
    others = [found["resnet50", PUPIL], found[PUPIL, "resnet101"]]
    assert [pair.p_adjusted for pair in others] == pytest.approx(holm([pair.p_value for pair in others]))


def test_verdict_about_a_pupil_and_its_teacher_takes_their_seeds_as_independent_unless_declared(make_scores):
    frame = make_scores({(PUPIL, 64): 0.83, ("resnet101", 64): 0.85})
    cells = align(frame).cells
    big, own = (cells[name, 64].scores for name in ("resnet101", PUPIL))
    for declared, known in ((False, nested(big, own)), (True, paired(big, own))):
        verdict = decide_study(frame, margin=1.0, small=PUPIL, big="resnet101", paired_seeds=declared)
        assert verdict.interval == pytest.approx(known.scaled(100).interval, abs=1e-9)
        assert len(verdict.pairs) == 1
