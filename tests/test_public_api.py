"""What `import deepenough` promises: these names and no others."""

from __future__ import annotations

import subprocess
import sys

import pytest

import deepenough

PUBLIC = ["InputError", "__version__", "compare", "decide_study", "open_study", "read_predictions"]


def test_package_exports_its_public_names_and_no_others():
    assert sorted(deepenough.__all__) == PUBLIC
    assert dir(deepenough) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_can_be_imported(name):
    assert getattr(deepenough, name) is not None


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        deepenough.nothing  # noqa: B018


def test_package_imports_nothing_heavy():
    heavy = "{'torch', 'torchvision', 'timm', 'polars', 'numpy', 'scipy', 'sklearn', 'matplotlib', 'pydantic', 'typer'}"
    script = f"import sys, deepenough\nassert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_deciding_imports_no_torch():
    script = "import sys\nfrom deepenough import decide_study, read_predictions\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
