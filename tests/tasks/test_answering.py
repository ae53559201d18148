"""What networks in use say, read without torch: each kind against arrays made by hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from deepenough.tasks.answering import Asked, Boxes, LabelsOf, MendedPicture, OneOfClasses
from deepenough.tasks.registry import TASKS, answers_of
from deepenough.tasks.vectors import Embedding, Likeness

PICTURE = Asked(200, 100, 50)  # 200 x 100 px, in a square of 50 px
KEPT = {"dimensions": 2, "identities": 3, "threshold": 0.5}


def test_labels_are_those_above_one_half_and_sure_is_all_of_them_together():
    said = [np.array([0.9, 0.2, 0.6], np.float32), np.array([1, 0, 1])]
    record = LabelsOf(("edge", "blob", "line")).record(said, PICTURE, more=True)
    assert record["prediction"] == "edge|line"
    assert record["confidence"] == pytest.approx(0.9 * 0.8 * 0.6)
    assert record["probabilities"] == pytest.approx({"edge": 0.9, "blob": 0.2, "line": 0.6})


def test_boxes_are_in_the_picture_s_own_pixels_and_the_unsure_only_where_all_is_asked_for():
    boxes = np.array([[0, 0, 25, 25, 0.9, 1], [10, 5, 20, 15, 0.3, 0], [0, 0, 0, 0, 0, -1]], np.float32)
    answers = Boxes(("cat", "dog"))
    (box,) = answers.record([boxes], PICTURE)["boxes"]
    assert [box[side] for side in answers.columns(more=False)] == [0, 0, 100, 100]
    assert (box["prediction"], box["confidence"]) == ("dog", pytest.approx(0.9))
    assert len(answers.record([boxes], PICTURE, more=True)["boxes"]) == 2
    assert answers.line(answers.record([boxes], PICTURE)) == "dog 1"
    assert answers.rows(answers.record([boxes[2:]], PICTURE)) == [{}]


@pytest.mark.parametrize(("other", "said"), [([1, 0.5], "same"), ([-1, 0], "different"), ([0, 0], "different")])
def test_likeness_is_the_cosine_against_the_threshold(other, said):
    own = np.array([3.0, 0.0], np.float32)
    record = Likeness((), KEPT, [np.array(other, np.float32)]).record([own], PICTURE)
    length = np.hypot(*other)
    assert record["cosine"] == pytest.approx(other[0] / length if length else 0.0)
    assert record["prediction"] == said
    assert 0.0 <= record["confidence"] <= 1.0


def test_room_is_how_far_a_decision_is_from_the_other():
    chances = np.array([[0.5, 0.3, 0.2]], np.float32)
    assert OneOfClasses(("a", "b", "c")).decided([chances, np.array([0])]).room == pytest.approx([0.2])
    assert LabelsOf(("a", "b", "c")).decided([chances, np.array([[0, 0, 0]])]).room[0] == pytest.approx([0, 0.2, 0.3])
    added = np.array([[[[0.0, 2.4 / 255, 2.5 / 255]]]])
    decided = MendedPicture(()).decided([added])
    assert decided.choices.ravel().tolist() == [0, 2, 2]
    assert decided.room.ravel() * 255 == pytest.approx([0.5, 0.1, 0.0], abs=1e-9)
    vectors, pairs = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([[0, 1], [0, 2]])
    decided = Embedding((), KEPT).decided([vectors], pairs)
    assert (decided.choices.tolist(), decided.room.tolist()) == ([1, 0], [0.5, 0.5])


@pytest.mark.parametrize(
    ("name", "classes", "kept"),
    [
        ("classification", ("one",), {}),
        ("multilabel", (), {}),
        ("detection", (1, 2), {}),
        ("verification", (), {**KEPT, "threshold": None}),
        ("verification", (), {**KEPT, "dimensions": 2**40}),
    ],
)
def test_what_a_hostile_file_keeps_is_refused(name, classes, kept):
    with pytest.raises(ValueError, match="must be"):
        answers_of(name, classes, kept)


def test_every_task_s_answers_are_read_without_torch():
    code = "import sys; from deepenough.tasks.registry import TASKS, answers_kind; "
    code += "print([answers_kind(name).outputs for name in TASKS] and 'torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
    assert TASKS
