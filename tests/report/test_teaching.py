"""What learning from a teacher brought, in words."""

from dataclasses import replace

import pytest

from deepenough.report import teaching, words
from deepenough.report.language import recorded, speaking
from deepenough.studies.kinship import caveats_of_kinship

PUPIL = "resnet50@teacher=resnet101"


@pytest.fixture
def taught(made_up):
    """A verdict beside which a pupil takes part; its answers against either network are given."""

    def make(helps="big_is_better", reaches="small_is_enough"):
        plain = made_up.verdict()
        pupil = replace(plain.contenders[0], contender=PUPIL, mean=90.06)
        pairs = [
            *plain.pairs,
            replace(plain.pairs[1], big=PUPIL, answer=helps, difference=0.45, interval=(0.15, 0.75)),
            replace(plain.pairs[1], small=PUPIL, answer=reaches, difference=-0.04, interval=(-0.31, 0.23)),
        ]
        return replace(plain, contenders=[*plain.contenders, pupil], pairs=pairs)

    return make


def test_verdict_says_whether_a_teacher_helps_and_whether_the_pupil_reaches_it(taught):
    said = words.sentences(taught())
    assert (
        "Does a teacher help? ResNet-50 (taught by ResNet-101) gains +0.45 points (95 % interval 0.15 to 0.75) over "
        "ResNet-50: it does."
    ) in said
    assert (
        "Does the pupil reach its teacher? ResNet-101 gains -0.04 points (95 % interval -0.31 to 0.23) over ResNet-50 "
        "(taught by ResNet-101): it does, to within the margin of 0.5."
    ) in said


@pytest.mark.parametrize(
    ("helps", "reaches", "ends"),
    [
        ("small_is_enough", "big_is_better", ("by less than the margin of 0.5, if at all.", "it does not.")),
        ("small_is_better", "small_is_better", ("it does harm.", "it is better than its teacher.")),
        ("undecided", "undecided", ("that is open.", "that is open.")),
    ],
)
def test_every_answer_has_its_words(taught, helps, reaches, ends):
    said = teaching.in_words(taught(helps, reaches))
    assert [text.rpartition(": ")[2] for text in said] == list(ends)


def test_nothing_is_said_of_teachers_where_there_are_none(made_up):
    assert teaching.in_words(made_up.verdict()) == []


def test_answers_about_teachers_are_said_in_chinese_too(taught):
    with speaking("zh"):
        said = teaching.in_words(taught())
    assert said[0].startswith("教师网络有帮助吗？ResNet-50 (由 ResNet-101 指导) 相对 ResNet-50 的增益为 +0.45 百分点")
    assert said[1].endswith("：达到了，相差在界值 0.5 以内。")


def test_caveats_about_contenders_that_hang_together_are_known_in_chinese():
    found = caveats_of_kinship(["resnet50", "resnet101", PUPIL, "resnet50@average"])
    assert len(found) == 2
    with speaking("zh"):
        assert all(recorded(text) != text for text in found)
