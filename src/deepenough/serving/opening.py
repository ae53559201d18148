"""Open an exported file in whichever form it has; only the runtime of that form is imported."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from deepenough.errors import WeightsError
from deepenough.serving.predicting import Model, usable_cores

TORCH_ENDING = ".safetensors"
ENDINGS = (".onnx", ".xml", TORCH_ENDING)


@contextlib.contextmanager
def torch_for(path: Path, what: str, remedy: str) -> Iterator[None]:
    """Import what runs a model by torch; where there is no torch, say so.

    Raises:
        WeightsError: torch is not installed.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise
        raise WeightsError(str(path), f"torch, to run {what}", "none", remedy) from None


def open_model(path: Path, threads: int | None = None) -> Model:
    """An exported model, ready to answer.

    Args:
        path: `.onnx`, `.xml` (OpenVINO) or `.safetensors`.
        threads: of the runtime; by default as many as there are usable cores.

    Raises:
        InputError: what runs it is not installed.
        WeightsError: no such file, another ending, a torn one, or one that `deepenough export` did not write.
    """
    if not path.is_file():
        got = "a folder" if path.is_dir() else "no such file"
        raise WeightsError(str(path), f"a model that `deepenough export` wrote ({', '.join(ENDINGS)})", got)
    threads = threads or usable_cores()
    if path.suffix == ".onnx":
        from deepenough.serving.onnx_model import OnnxModel

        return OnnxModel(path, threads)
    if path.suffix == ".xml":
        from deepenough.serving.openvino_model import OpenVinoModel

        return OpenVinoModel(path, threads)
    if path.suffix == TORCH_ENDING:
        with torch_for(path, TORCH_ENDING, "pip install torch, or export to ONNX, which needs none"):
            from deepenough.serving.torch_form import open_torch
        return open_torch(path, threads)
    raise WeightsError(str(path), f"a file ending in {', '.join(ENDINGS)}", path.suffix or "no ending")
