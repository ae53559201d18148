import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def made_up() -> SimpleNamespace:
    """The functions of made_up.py, which makes verdicts and study folders."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "made_up.py")))


@pytest.fixture(scope="session")
def study(made_up, tmp_path_factory) -> Path:
    """A whole study folder; tests that change it must copy it."""
    folder = tmp_path_factory.mktemp("studies") / "photos"
    made_up.write_study(folder)
    return folder
