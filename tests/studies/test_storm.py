"""A short storm: three kills at random moments over a small study. `make storm` is the long one."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_study_killed_at_random_moments_leaves_an_undisturbed_ones_bits(repository):
    command = [sys.executable, str(repository / "benchmarks" / "storm.py"), "--kills", "3", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=repository)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kills over" in done.stdout
