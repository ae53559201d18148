"""Write a network as ONNX, in fp32 or quantised to int8, with what it says about itself and nothing of this machine."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deepenough.errors import InputError
from deepenough.records import write_atomically
from deepenough.serving.about import KEY, About
from deepenough.serving.graph import Served
from deepenough.serving.onnx_runtime import onnxruntime

_QUANTISED = ("Conv", "Gemm", "MatMul")  # nearly all of the arithmetic; sums of branches lose labels and gain no time
_PERCENTILE, _BINS = 99.99, 2048
_NEEDED = "onnx, onnxscript and onnxruntime, to export"


def input_names(about: About) -> list[str]:
    """Names of the graph's inputs: `image`, or `image_48`, `image_64` and so on where it averages over sides.

    >>> from deepenough.serving.about import About
    >>> about = About(contender="a", network="a", seed=0, scale=64, sides=(48, 64), classes=("x", "y"),
    ...     preprocessing={}, weights_sha256="")
    >>> input_names(about)
    ['image_48', 'image_64']
    """
    return ["image"] if len(about.sides) == 1 else [f"image_{side}" for side in about.sides]


def to_onnx(served: Served, about: About) -> Any:  # noqa: ANN401  an onnx.ModelProto
    """The network as a model of ONNX: uint8 (batch, side, side, 3) in, what its task says out, any batch.

    Where it mends pictures, height and width may be any from 32 on.

    Raises:
        InputError: the packages that export are not installed.
    """
    _require_packages()
    answers, sizes = about.answers(), [(side, side) for side in about.sides]
    free: dict[int, Any] = {0: torch.export.Dim("batch")}
    if answers.mends:
        sizes = [(64, 96)]
        free |= {axis: torch.export.Dim(name, min=32, max=8192) for axis, name in ((1, "height"), (2, "width"))}
    squares = tuple(torch.zeros(2, *size, 3, dtype=torch.uint8) for size in sizes)
    dynamic = (tuple(free for _ in squares),)  # `forward` takes them as one *images
    with _hushed(), torch.inference_mode():
        program = torch.onnx.export(
            served.cpu(),
            squares,
            input_names=input_names(about),
            output_names=list(answers.outputs),
            dynamo=True,
            dynamic_shapes=dynamic,
            external_data=False,
            verbose=False,
        )
    assert program is not None, "the exporter that is asked for returns a program"
    return _bare(program.model_proto)


def quantised(model: Path, about: About, squares: Iterator[Sequence[np.ndarray]], number: int, out: Path) -> None:
    """Write an int8 version of an fp32 file: weights by channel, activations by the values seen on pictures.

    The range of an activation leaves out the outermost 0.01 % at each end (Wu et al. 2020, arXiv 2004.09602):
    one rare peak would otherwise take most of the 256 steps.

    Args:
        model: the fp32 file.
        about: of it.
        squares: batches to calibrate with, as a model takes them; never of the test split.
        number: of those batches.
        out: the int8 file.

    Raises:
        InputError: the packages that export are not installed.
    """
    _require_packages()
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    names = input_names(about)

    class Reader(quantization.CalibrationDataReader):
        """Gives one batch at a time to be counted: by itself the runtime would hold every map of all pictures."""

        left = 0

        def __len__(self) -> int:
            return number

        def set_range(self, start_index: int, end_index: int) -> None:
            self.left = end_index - start_index

        def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
            if not self.left:
                return None
            self.left -= 1
            return dict(zip(names, next(squares), strict=True))

    with tempfile.TemporaryDirectory() as folder, _hushed():
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(str(model), str(ready), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(ready),
            str(out),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(_QUANTISED),
            nodes_to_exclude=_first(read_onnx(ready).graph),
            per_channel=True,
            reduce_range=True,  # 7 bits a weight: where a processor adds products in 16 bits (no VNNI), 8 overflow
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": _PERCENTILE, "CalibNumBins": _BINS, "CalibStridedMinMax": 1},
        )


def _first(graph: Any) -> list[str]:  # noqa: ANN401  an onnx.GraphProto
    """Names of the convolutions that see the pixels, which stay in fp32.

    They are 3 % of ResNet-50's arithmetic, and OpenVINO quantised them wrongly where a processor has no VNNI: their
    input alone is below zero and padded (docs/log.md, 2026-11-27).
    """
    after: set[str] = set()
    found = []
    for node in graph.node:  # each after those it needs
        seen = not after.isdisjoint(node.input)
        if node.op_type == "Conv" and not seen:
            found.append(node.name)
        if node.op_type == "Conv" or seen:
            after.update(node.output)
    return found


def save_onnx(model: Any, about: About, path: Path) -> None:  # noqa: ANN401
    """Write a model of ONNX with what is said about it."""
    import onnx

    onnx.helper.set_model_props(model, {KEY: about.to_json()})
    content = model.SerializeToString()
    write_atomically(path, lambda stream: stream.write(content))


def read_onnx(path: Path) -> Any:  # noqa: ANN401
    """A file of ours as a model of ONNX."""
    import onnx

    return _bare(onnx.load(str(path)))


def _bare(model: Any) -> Any:  # noqa: ANN401
    """Without the exporter's notes on every node: they hold stack traces, with paths of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("doc_string")
        if hasattr(part, "metadata_props"):
            part.ClearField("metadata_props")
    return model


def _require_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401

        onnxruntime()
    except ImportError as error:
        remedy = "pip install 'deepenough[onnx]'"
        raise InputError("--to", _NEEDED, f"no {error.name}", remedy) from None


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Without what the exporter and the quantiser print and log about their own steps; errors are raised all the same.

    They print on standard output, where --json must stand alone.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
