"""Open an exported file in whichever form it has; only the runtime of that form is imported."""

from __future__ import annotations

from pathlib import Path

from deepenough.errors import WeightsError
from deepenough.serving.predicting import Model, usable_cores

TORCH_ENDING = ".safetensors"
ENDINGS = (".onnx", ".xml", TORCH_ENDING)


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
        try:
            from deepenough.serving.torch_form import open_torch
        except ImportError as error:
            if (error.name or "").partition(".")[0] != "torch":
                raise
            remedy = "pip install torch, or export to ONNX, which needs none"
            raise WeightsError(str(path), "torch, to run .safetensors", "none", remedy) from None
        return open_torch(path, threads)
    raise WeightsError(str(path), f"a file ending in {', '.join(ENDINGS)}", path.suffix or "no ending")
