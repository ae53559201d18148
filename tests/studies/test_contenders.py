"""Names of contenders: what they say, what they share, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepenough.data.schedules import Schedule
from deepenough.errors import InputError
from deepenough.studies.contenders import (
    contender,
    lineage,
    require_contenders,
    sharing,
    sides_at_test,
    sides_in_training,
)
from deepenough.studies.executor import lots


def test_a_plain_name_is_a_network_alone():
    found = contender("resnet101")
    assert (found.network, found.schedule, found.fixres, found.average) == ("resnet101", Schedule(), None, None)
    assert found.trained == found.tested == found.name == "resnet101"


def test_treatments_are_read_and_tell_what_they_rest_on():
    found = contender("res2net50+width=0.5@average=96-48@fixres=96@progressive")
    assert found.schedule == Schedule("progressive")
    assert (found.fixres, found.average) == (96, (48, 96))
    assert found.trained == "res2net50+width=0.5@progressive"
    assert found.tested == "res2net50+width=0.5@progressive@fixres=96"
    assert found.name == "res2net50+width=0.5@progressive@fixres=96@average=48-96"


@given(st.permutations(["mixed=48-64", "fixres=64", "average=32-64"]))
def test_the_order_in_which_treatments_are_written_does_not_matter(words):
    assert contender("@".join(["resnet50", *words])).name == "resnet50@mixed=48-64@fixres=64@average=32-64"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet50@mixd", "did you mean mixed?"),
        ("resnet50@mixed@mixed", "it twice"),
        ("resnet50@mixed@progressive", "one schedule"),
        ("resnet50@fixres=64-96", "one side to tune at"),
        ("resnet50@average=48-", "from 32 to 2048 px"),
        ("resnet50@average=16", "from 32 to 2048 px"),
        ("resnet50@mixed=4096", "from 32 to 2048 px"),
        ("resnet50@", "a network and after @"),
        ("resnet50@teacher=resnet102", "did you mean resnet101"),
        ("resnet50@teacher", "network"),
        ("resnet50@teacher=resnet101@teacher=resnet50", "it twice"),
        ("resnet51", "did you mean resnet50"),
    ],
)
def test_a_name_that_says_nothing_is_refused_with_what_it_may_say(name, said):
    with pytest.raises(InputError, match="contender") as raised:
        contender(name)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "twins",
    [
        ("resnet50", "resnet50"),
        ("resnet50", "resnet50+width=1.0"),
        ("resnet50@average=48-64", "resnet50@average=64-48"),
        ("resnet50@mixed@average", "resnet50@average@mixed"),
    ],
)
def test_one_contender_under_two_names_is_refused(twins):
    with pytest.raises(InputError, match="which are the same"):
        require_contenders(["resnet101", *twins])


def test_what_is_shared_is_trained_once_and_named_in_the_order_in_which_it_is_made():
    names = ["resnet50@average", "resnet50@mixed@fixres=96@average=64-96", "resnet101"]
    lines = lineage(names)
    assert lines.trained == ("resnet50", "resnet50@mixed", "resnet101")
    assert lines.tuned == ("resnet50@mixed@fixres=96",)
    assert lines.shared == ("resnet50@average", "resnet50@mixed@fixres=96@average=64-96")
    assert lines.last_first[-3:] == lines.trained
    assert sharing(names) == {}
    assert sharing([*names, "resnet50"]) == {"resnet50": ("resnet50@average", "resnet50")}


PUPIL = "resnet50@teacher=resnet101"


def test_pupils_come_after_their_teachers_and_are_done_with_before_them():
    lines = lineage([f"{PUPIL}@average", "resnet50", "resnet101"])
    assert contender("resnet50@average@teacher=resnet101@time=2").name == "resnet50@time=2@teacher=resnet101@average"
    assert lines.trained == ("resnet50", "resnet101", PUPIL)
    assert lines.last_first == (f"{PUPIL}@average", PUPIL, "resnet50", "resnet101")
    assert lines.families == (("resnet50",), ("resnet101", PUPIL))


def test_teacher_stays_with_its_pupils_in_a_lot_however_small_lots_are():
    names = (PUPIL, "resnet50", "resnet101", f"{PUPIL}@fixres=64")
    assert lots(lineage(names), 1) == [("resnet50",), ("resnet101", PUPIL, f"{PUPIL}@fixres=64")]
    assert lots(lineage(names), 2) == [("resnet50",), ("resnet101", PUPIL, f"{PUPIL}@fixres=64")]
    assert lots(lineage(names), None) == [("resnet50", "resnet101", PUPIL, f"{PUPIL}@fixres=64")]
    assert lots(lineage(["resnet50", "resnet101", "res2net50"]), 2) == [("resnet50", "resnet101"), ("res2net50",)]


@pytest.mark.parametrize("others", [["resnet50"], ["resnet101@mixed"], ["resnet101+width=0.5"]])
def test_teacher_that_does_not_take_part_is_refused_in_a_line_that_says_what_to_add(others):
    with pytest.raises(InputError, match=r"no contender resnet101; add resnet101 to the contenders"):
        require_contenders([PUPIL, *others])
    assert require_contenders([PUPIL, "resnet101@average"]) == (PUPIL, "resnet101@average")


def test_network_may_learn_from_a_run_of_its_own_kind():
    assert require_contenders(["resnet50", "resnet50@teacher=resnet50"])[1] == "resnet50@teacher=resnet50"


def test_every_side_is_known_before_the_pictures_are_decoded():
    names = ["resnet50@mixed=48-80", "resnet50@fixres", "resnet50@average=96-128"]
    assert sides_in_training(names, 64, (32, 64, 112)) == (48, 64, 80, 112)
    assert sides_at_test(names, (32, 64)) == (32, 64, 96, 128)
