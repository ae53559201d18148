"""The example notebooks run from top to bottom, and show what is committed.

Where a cell trains, its figures and its verdict depend on the processor. Such a cell bears the tag `trained`; of it
the kinds of what it shows are held to, and that it says something.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def cells(path):
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def shown(cell):
    """What a cell shows: kind and content of each output, the content of one that trained left out."""
    found = []
    for output in cell["outputs"]:
        kinds = {"text": output["text"]} if "text" in output else output["data"]
        trained = "trained" in cell["metadata"].get("tags", [])
        found += [(kind, None if trained else "".join(content)) for kind, content in sorted(kinds.items())]
    return found


def words(cell):
    return sum(len(" ".join(output.get("data", {}).get("text/plain", "")).split()) for output in cell["outputs"])


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_shows_what_is_committed_when_it_is_run(notebook, tmp_path):
    copy = Path(shutil.copy(notebook, tmp_path))
    line = [sys.executable, str(ROOT / "scripts" / "run_notebooks.py"), str(copy)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [shown(cell) for cell in cells(copy)] == [shown(cell) for cell in cells(notebook)]
    for cell in cells(copy):
        if "trained" in cell["metadata"].get("tags", []):
            assert words(cell) > 10


def test_each_notebook_holds_what_it_shows():
    assert {path.stem for path in NOTEBOOKS} == {"photos", "planning", "predictions"}
    assert all(any(shown(cell) for cell in cells(path)) for path in NOTEBOOKS)
