from __future__ import annotations

import polars as pl
import pytest

from deepenough.errors import InputError
from deepenough.records import SCORES, read_json, read_table, write_json, write_table
from deepenough.serving import choose


def rewritten(study, **changes):
    plain = read_json(study / "verdict.json")
    write_json(study / "verdict.json", {**plain, **changes})
    return study


@pytest.mark.parametrize(
    ("answer", "winner"),
    [
        ("small_is_enough", "resnet50"),
        ("small_is_better", "resnet50"),
        ("big_is_better", "resnet101"),
        ("undecided", "resnet50"),
    ],
)
def test_winner_is_the_network_that_the_verdict_is_for(study, answer, winner):
    choice = choose(rewritten(study, answer=answer))
    assert choice.contender == winner
    assert winner in choice.why[0]


def test_undecided_winner_is_said_to_be_the_cheaper_one(study):
    assert "cheaper" in choose(rewritten(study, answer="undecided")).why[0]


@pytest.mark.parametrize("best", [0, 1])
def test_seed_is_the_best_on_validation_and_test_has_no_say(study, best):
    """The scores are set so that validation and test prefer opposite seeds."""
    for name, preferred in (("validation", best), ("scores", 1 - best)):
        path = study / f"{name}.parquet"
        table = read_table(path, SCORES)
        write_table(path, table.with_columns((pl.col("seed") == preferred).cast(pl.Float64).alias("score")), SCORES)
    choice = choose(study)
    assert choice.seed == best
    assert "validation" in choice.why[2]


def test_equally_good_seeds_give_the_lowest(study):
    path = study / "validation.parquet"
    write_table(path, read_table(path, SCORES).with_columns(pl.lit(1.0).alias("score")), SCORES)
    assert choose(study).seed == 0


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"contender": "resnet18"}, "--contender: expected winner, or one of resnet101, resnet50; got resnet18"),
        ({"seed": 7}, "--seed: expected one of 0, 1; got 7"),
        ({"scale": 64}, "--scale: expected one at which resnet50 was tested: 32, 48; got 64"),
    ],
)
def test_what_the_study_does_not_hold_is_refused_with_what_it_holds(study, wish, expected):
    rewritten(study, answer="small_is_enough")
    with pytest.raises(InputError) as refused:
        choose(study, **wish)
    assert str(refused.value) == expected
