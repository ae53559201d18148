"""An OpenVINO model: made from an ONNX file by the runtime's own reader, and run by it on the processor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepenough.errors import InputError, WeightsError
from deepenough.serving.about import KEY, About, about_from_json, require_form

ENDING = ".xml"
_KEY = [KEY, "about"]  # of the runtime information


class OpenVinoModel:
    """An exported OpenVINO model, `.xml` with its `.bin` beside it.

    It computes in fp32 where it was not quantised: by itself the runtime would take bf16 where the processor has it,
    and answers would differ.

    Args:
        path: of the `.xml`.
        threads: of the runtime.

    Raises:
        InputError: openvino is not installed.
        WeightsError: the file is torn, or `deepenough export` did not write it.
    """

    def __init__(self, path: Path, threads: int) -> None:
        core = _core(path)
        try:
            model = core.read_model(str(path))
        except Exception as error:  # RuntimeError and others, by what is torn
            said = " ".join(str(error).split())[-200:]
            raise WeightsError(str(path), "an OpenVINO model", f"a torn or foreign file ({said})") from error
        said = model.get_rt_info(_KEY).astype(str) if model.has_rt_info(_KEY) else None
        self.about = about_from_json(said, str(path))
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
        self._compiled = core.compile_model(model, "CPU", settings)
        require_form(str(path), self.about, self._compiled.inputs, self._compiled.outputs)

    @property
    def title(self) -> str:
        """What runs it."""
        return f"OpenVINO, {self.about.numbers}"

    def __call__(self, squares: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """See `predicting.Model`."""
        found = self._compiled([np.ascontiguousarray(each) for each in squares])
        arrays = [np.array(found[place]) for place in range(len(self._compiled.outputs))]
        return tuple(each.astype(np.int64) if each.dtype.kind in "iu" else each for each in arrays)


def save_openvino(onnx: Path, about: About, path: Path) -> None:
    """Translate an ONNX file and write the `.xml` and the `.bin`, in fp32 or int8 as the ONNX file is.

    The runtime's reader is used and not its converter, which would send usage data.
    """
    core = _core(path)
    import openvino

    model = core.read_model(str(onnx))
    model.set_rt_info(about.to_json(), _KEY)
    openvino.save_model(model, str(path), compress_to_fp16=False)


def _core(path: Path) -> Any:  # noqa: ANN401  openvino has no types
    try:
        import openvino
    except ImportError:
        raise InputError(str(path), "openvino, to run an OpenVINO model", "none", "pip install openvino") from None
    return openvino.Core()
