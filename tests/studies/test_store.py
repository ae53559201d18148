"""The study folder: one writer, no stranger's files touched."""

from __future__ import annotations

import pytest

from deepenough.errors import StudyError
from deepenough.studies.store import StudyFolder


def test_a_folder_is_made_and_may_be_entered_again(tmp_path):
    store = StudyFolder(tmp_path / "a" / "b")
    with store.lock():
        assert store.root.is_dir()
    with store.lock():
        pass


def test_a_second_writer_is_refused(tmp_path):
    with (
        StudyFolder(tmp_path / "s").lock(),
        pytest.raises(StudyError, match="got one that another run is writing"),
        StudyFolder(tmp_path / "s").lock(),
    ):
        pass


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(StudyError, match=r"a folder that holds holiday\.jpg"), StudyFolder(tmp_path).lock():
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StudyError, match="expected a folder that can be made"), StudyFolder(tmp_path / "out").lock():
        pass


def test_a_cell_is_done_when_its_note_is_there(tmp_path):
    cell = StudyFolder(tmp_path).cell("resnet50-seed0")
    cell.root.mkdir(parents=True)
    cell.weights.write_bytes(b"x")
    assert not cell.done
    cell.note.write_text("{}")
    assert cell.done
