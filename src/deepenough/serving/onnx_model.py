"""An ONNX file, run by onnxruntime. Neither torch nor the package onnx is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deepenough.errors import InputError, WeightsError
from deepenough.serving.about import KEY, about_from_json, require_form
from deepenough.serving.onnx_runtime import onnxruntime

ENDING = ".onnx"


class OnnxModel:
    """An exported ONNX file on the processor.

    Args:
        path: of the file.
        threads: of the runtime.

    Raises:
        InputError: onnxruntime is not installed.
        WeightsError: the file is torn, or `deepenough export` did not write it.
    """

    def __init__(self, path: Path, threads: int) -> None:
        try:
            runtime = onnxruntime()
        except ImportError:
            raise InputError(str(path), "onnxruntime, to run an ONNX file", "none", "pip install onnxruntime") from None
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3  # errors: its warnings speak of graph rewriting
        try:
            self._session = runtime.InferenceSession(
                str(path), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no common class of their own
            said = str(error).partition("\n")[0]
            raise WeightsError(str(path), "an ONNX file", f"a torn or foreign file ({said})") from error
        self.about = about_from_json(self._session.get_modelmeta().custom_metadata_map.get(KEY), str(path))
        self._inputs = [each.name for each in self._session.get_inputs()]
        require_form(str(path), self.about, self._inputs, self._session.get_outputs())

    @property
    def title(self) -> str:
        """What runs it."""
        return f"onnxruntime, {self.about.numbers}"

    def __call__(self, squares: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """See `predicting.Model`."""
        given = dict(zip(self._inputs, squares, strict=True))
        return tuple(np.asarray(each) for each in self._session.run(None, given))
