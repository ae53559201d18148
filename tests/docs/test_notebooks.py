"""The example notebooks run from top to bottom, and show what is committed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def shown(path):
    return [
        "".join(part.get("text", ""))
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        for part in cell.get("outputs", [])
    ]


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_shows_what_is_committed_when_it_is_run(notebook, tmp_path):
    copy = Path(shutil.copy(notebook, tmp_path))
    line = [sys.executable, str(ROOT / "scripts" / "run_notebooks.py"), str(copy)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert shown(notebook) == shown(copy) != []
