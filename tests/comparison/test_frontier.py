from __future__ import annotations

import polars as pl

from deepenough.comparison import frontier, steps, turns
from deepenough.records import ContenderResult


def result(name, scale, mean, validated=None):
    return ContenderResult(
        contender=name,
        scale=scale,
        mean=mean,
        interval=None,
        per_seed={0: mean},
        validation_mean=validated,
        samples=100,
    )


def costs(*rows):
    return pl.DataFrame(
        [{"contender": c, "scale": s, "batch": b, "latency_s": {"p50": t, "p95": 2 * t}} for c, s, b, t in rows]
    )


MEASURED = costs(("a", 32, 1, 1.0), ("a", 64, 1, 3.0), ("b", 32, 1, 2.0), ("b", 64, 1, 5.0), ("a", 32, 8, 0.1))
RESULTS = [result("a", 32, 80.0), result("a", 64, 84.0), result("b", 32, 79.0), result("b", 64, 85.0)]


def picked(table, column):
    return [(row["contender"], row["scale"]) for row in table.filter(pl.col(column)).iter_rows(named=True)]


def test_frontier_holds_what_no_other_beats_in_both_respects():
    table = frontier(RESULTS, MEASURED, margin=2.0)
    assert table["latency_s"].to_list() == [1.0, 2.0, 3.0, 5.0]
    assert picked(table, "on_frontier") == [("a", 32), ("a", 64), ("b", 64)]
    assert picked(table, "within_margin") == [("a", 64), ("b", 64)]
    assert picked(table, "cheapest_within_margin") == [("a", 64)]


def test_validation_means_judge_where_all_have_one():
    judged = [result("a", 32, 80.0, 90.0), result("a", 64, 84.0, 70.0)]
    assert picked(frontier(judged, MEASURED, margin=1.0), "on_frontier") == [("a", 32)]


def test_of_equally_fast_contenders_only_the_better_is_on_the_frontier():
    table = frontier(RESULTS[:1] + RESULTS[2:3], costs(("a", 32, 1, 1.0), ("b", 32, 1, 1.0)), margin=2.0)
    assert picked(table, "on_frontier") == [("a", 32)]


def test_contenders_without_a_measured_latency_are_left_out():
    assert frontier(RESULTS, costs(("a", 32, 1, 1.0)), margin=2.0).height == 1
    assert frontier([], MEASURED, margin=2.0).is_empty()


def stepped(points):
    frame = pl.DataFrame(points, schema=["contender", "scale", "mean", "latency_s"], orient="row")
    return steps(frame, ("a", "b"))


def test_steps_name_every_time_that_buys_more_and_ties_buy_nothing():
    points = [
        ("a", 32, 80.0, 1.0),
        ("b", 32, 80.0, 2.0),
        ("a", 64, 83.0, 3.0),
        ("b", 64, 83.0, 4.0),
        ("b", 96, 70.0, 5.0),
        ("a", 96, 85.0, 6.0),
        ("b", 128, 86.0, 7.0),
        ("c", 32, 99.0, 8.0),
    ]
    found = [(step.contender, step.scale, step.mean, step.latency_s, step.other) for step in stepped(points)]
    assert found == [
        ("a", 32, 80.0, 1.0, None),
        ("a", 64, 83.0, 3.0, 80.0),
        ("a", 96, 85.0, 6.0, 83.0),
        ("b", 128, 86.0, 7.0, 85.0),
    ]


def test_turns_name_who_reaches_most_within_a_time_and_ties_change_nothing():
    points = [
        ("a", 32, 80.0, 1.0),
        ("b", 32, 80.0, 2.0),
        ("b", 64, 81.0, 3.0),
        ("a", 64, 81.0, 4.0),
        ("a", 96, 90.0, 9.0),
    ]
    found = [(turn.contender, turn.scale, turn.latency_s, turn.other) for turn in turns(stepped(points))]
    assert found == [("a", 32, 1.0, None), ("b", 64, 3.0, 80.0), ("a", 96, 9.0, 81.0)]


def test_turns_never_go_back_when_a_larger_scale_is_worse():
    points = [("a", 32, 80.0, 1.0), ("b", 32, 85.0, 2.0), ("a", 64, 70.0, 3.0), ("b", 64, 60.0, 4.0)]
    assert [turn.contender for turn in turns(stepped(points))] == ["a", "b"]


def test_latency_is_of_one_image_when_only_larger_batches_were_measured():
    table = frontier(RESULTS[:1], costs(("a", 32, 32, 3.2), ("a", 32, 8, 1.6)), margin=2.0)
    assert table["latency_s"].to_list() == [0.2]
