"""Run notebooks from top to bottom in an empty folder and keep what they show.

.venv/bin/python scripts/run_notebooks.py docs/notebooks/*.ipynb
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def run(path: Path) -> None:
    """Execute a notebook and write it back without times; a cell that fails raises `CellExecutionError`."""
    book = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as empty:
        resources = {"metadata": {"path": empty}}
        options = {"timeout": 900, "kernel_name": "python3", "record_timing": False, "resources": resources}
        NotebookClient(book, coalesce_streams=True, **options).execute()  # else a slow kernel's text comes in pieces
    book.metadata = nbformat.from_dict({"language_info": {"name": "python"}})
    nbformat.write(book, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        run(Path(name))
