import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def made_up() -> SimpleNamespace:
    """The functions of tests/report/made_up.py, which makes verdicts and study folders."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "report" / "made_up.py")))
