"""What export and predict cannot use is said before torch is imported, in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deepenough.errors import InputError
from deepenough.serving.places import require_place

#: The command without torch, as docs/export.md says that asking an ONNX file needs.
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from deepenough.cli import main
main(sys.argv[1:])
"""


def refused(*arguments, cwd):
    """The one line on standard error of a command that has no torch."""
    command = [sys.executable, "-c", WITHOUT_TORCH, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 2, done.stderr
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    return done.stderr


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("model.xml", "a file whose name ends in .onnx, for --to onnx; got .xml; such as model.onnx"),
        ("photos", "got a folder; such as photos/model.onnx"),
        ("notes.txt/model.onnx", "--out notes.txt: expected a folder that can be made; got the file notes.txt"),
        ("notes.txt/far/model.onnx", "got the file notes.txt; choose another --out"),
        ("/proc/x/model.onnx", "--out /proc/x: expected a folder that can be made"),
    ],
)
def test_a_place_that_cannot_hold_an_export_is_refused(tmp_path, monkeypatch, out, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(InputError) as error:
        require_place(Path(out), "onnx", int8=False)
    assert said in str(error.value)


def test_a_place_without_its_folder_gets_one(tmp_path):
    require_place(tmp_path / "far" / "model.xml", "openvino", int8=True)
    assert [path.name for path in tmp_path.iterdir()] == ["far"]


def test_export_refuses_its_place_before_it_needs_torch(study, tmp_path):
    assert "--out model.txt: expected a file whose name" in refused("export", study, "--out", "model.txt", cwd=tmp_path)
    said = refused("export", study, "--int8", "--margin", "-1", cwd=tmp_path)
    assert "--margin: expected a number above 0; got -1; declare the loss" in said


def test_predict_without_torch_says_what_needs_none(study, tmp_path):
    said = refused("predict", study, tmp_path, cwd=tmp_path)
    assert "got none; pip install torch, or give an exported .onnx or .xml" in said


def test_predict_refuses_a_folder_that_is_no_study(tmp_path):
    assert ", or a study's folder; got a folder without verdict.json" in refused("predict", ".", "x.png", cwd=tmp_path)
