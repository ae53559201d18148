"""Ctrl-C as a terminal sends it: to the program and its workers alike."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
from deepenough.networks import config
config.STEM_CHANNELS, config.STAGE_WIDTHS = 8, (4, 4, 8, 8)
config.STAGE_BLOCKS = {50: (1, 1, 1, 1), 101: (1, 1, 2, 1)}
from deepenough.data import streams
whole = streams._Views.__getitems__
def slow(self, key):
    import time
    time.sleep(0.02)
    return whole(self, key)
streams._Views.__getitems__ = slow
from deepenough.cli import main
main()
"""


@pytest.mark.slow
def test_ctrl_c_to_the_whole_group_stops_after_a_step_and_says_how_to_go_on(folder_of, tmp_path):
    study = ["compare", str(folder_of({"cat": 24, "dog": 24})), "--seeds", "1", "--epochs", "8000", "--batch", "8"]
    study += [
        "--train-scale",
        "32",
        "--scales",
        "32",
        "--threads",
        "1",
        "--precision",
        "fp32",
        "--out",
        str(tmp_path / "s"),
    ]
    run = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *study],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    for line in run.stderr:
        if "  loss " in line:  # training is under way, its worker too
            break
    time.sleep(0.5)
    os.killpg(run.pid, signal.SIGINT)
    said = run.communicate(timeout=120)[1]
    assert run.returncode == 3, said
    assert said.strip().splitlines()[-1].startswith("error: stopped (Ctrl-C); what was saved is kept; go on with: ")
    assert "Traceback" not in said
    assert list((tmp_path / "s").glob("cells/*/resume.safetensors"))
