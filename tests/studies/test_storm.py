"""A short storm: a kill in training, in the test and in the costs of a small study. `make storm` is the long one."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_study_killed_at_random_moments_leaves_an_undisturbed_ones_bits(repository):
    command = [sys.executable, str(repository / "benchmarks" / "storm.py"), "--kills", "3", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=repository)
    assert done.returncode == 0, done.stdout + done.stderr
    said = re.search(r" kills over \d+ studies in \d+ s: (.+)", done.stdout)
    assert said, done.stdout
    hit = dict(part.split()[::-1] for part in said[1].split(", "))
    assert all(int(hit[stage]) >= 1 for stage in ("training", "evaluation", "cost"))
