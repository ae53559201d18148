"""Libraries that report their use to their makers are told not to before they are imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SAID = {
    "onnxruntime": (
        "from deepenough.serving.onnx_runtime import onnxruntime; onnxruntime(); import os;"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])",
        "1",
    ),
    "mlflow": (
        "import deepenough.studies.trackers.mlflow; from mlflow.telemetry.utils import is_telemetry_disabled;"
        "print(is_telemetry_disabled())",
        "True",
    ),
}


@pytest.mark.parametrize("package", SAID)
def test_a_package_is_imported_silent_and_leaves_nothing_at_home(package, tmp_path):
    pytest.importorskip(package)
    code, expected = SAID[package]
    kept = {
        key: value for key, value in os.environ.items() if "TELEMETRY" not in key and key not in ("CI", "DO_NOT_TRACK")
    }
    run = subprocess.run(
        [sys.executable, "-c", code], env={**kept, "HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [expected]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
