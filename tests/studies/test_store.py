"""The study folder: one writer, no stranger's files touched."""

from __future__ import annotations

import subprocess
import sys

import pytest

from deepenough.errors import StudyError
from deepenough.studies.store import StudyFolder, hold_if_free


def test_a_folder_is_made_and_may_be_entered_again(tmp_path):
    store = StudyFolder(tmp_path / "a" / "b")
    with store.lock():
        assert store.root.is_dir()
    with store.lock():
        pass


def test_a_second_writer_is_refused(tmp_path):
    with (
        StudyFolder(tmp_path / "s").lock(),
        pytest.raises(StudyError, match=r"got one that process [0-9]+ is writing"),
        StudyFolder(tmp_path / "s").lock(),
    ):
        pass


def test_who_asks_whether_a_folder_is_free_is_told_and_hears_of_one_that_cannot_be_held(tmp_path):
    with hold_if_free(tmp_path) as first, hold_if_free(tmp_path) as second:
        assert (first, second) == (True, False)
    with hold_if_free(tmp_path) as again:
        assert again
    (tmp_path / "sealed" / ".lock").mkdir(parents=True)
    with pytest.raises(StudyError, match="a folder that can be written"), hold_if_free(tmp_path / "sealed"):
        pass


def test_a_second_program_is_refused_by_the_firsts_number(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom deepenough.studies.store import StudyFolder\n"
        "with StudyFolder(Path(sys.argv[1])).lock():\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    first = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "s")], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout.readline() == "held\n"
        with (
            pytest.raises(StudyError, match=f"got one that process {first.pid} is writing; wait for it"),
            StudyFolder(tmp_path / "s").lock(),
        ):
            pass
    finally:
        first.kill()
        first.communicate()
    with StudyFolder(tmp_path / "s").lock():  # the lock died with its process
        pass


def test_what_killed_writers_left_is_swept_away(tmp_path):
    store = StudyFolder(tmp_path / "s")
    left = [folder / ".x.parquet.abc.tmp" for folder in (store.root, store.cache, store.cell("a-seed0").root)]
    with store.lock():
        for path in left:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"half")
    (store.root / "request.json").write_text("{}")
    with store.lock():
        assert not any(path.exists() for path in left)


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
