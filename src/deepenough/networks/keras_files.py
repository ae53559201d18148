"""Weights out of Keras Applications files of ResNet-50 and ResNet-101, in the form and under the names used here.

Reads `.h5` (whole models, and files of weights alone) and `.keras`. What differs from torch's networks is worked into
the tensors, so that the logits are equal: the biases of convolutions go into the means of the norms after them, Keras's
larger epsilon into the variances, and the first convolution takes red, green, blue instead of Caffe's order. The
stride, which Keras has in a block's first 1x1 convolution, cannot be worked in: that takes `stride=first`.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepenough.errors import WeightsError

ENDINGS = (".h5", ".hdf5", ".keras")
_EPSILON = 1.001e-5 - 1e-5  # by how much Keras's exceeds torch's
_LAYER = re.compile(r"conv([2-5])_block(\d+)_([0-3])_(conv|bn)")
_CLASSES = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization", "Dense": "dense"}
_VARIABLES = {  # names by class, in the order in which `.keras` numbers them
    "Conv2D": ("kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "Dense": ("kernel", "bias"),
}

Layers = dict[str, dict[str, np.ndarray]]  # name of the layer -> name of the variable -> values


def read_keras(path: Path) -> dict[str, Tensor]:
    """The file's tensors by our names; what has no place here keeps Keras's name.

    Raises:
        WeightsError: h5py is not installed, or the file is torn or holds no Keras layers.
    """
    try:
        h5py = import_module("h5py")  # an optional package
    except ImportError:
        raise WeightsError(str(path), "h5py, which reads Keras's files", "no h5py", "run: pip install h5py") from None
    try:
        layers = _layers_of_archive(path, h5py) if path.suffix == ".keras" else _layers_of_h5(path, h5py)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        got = f"a torn or foreign file ({str(error).partition(chr(10))[0]})"
        raise WeightsError(str(path), "a Keras model or its weights", got) from error
    if not layers:
        remedy = "save the model as .keras; a .weights.h5 file alone does not name its layers"
        raise WeightsError(str(path), "layers of a Keras model", "none that are named", remedy)
    return _as_ours(layers)


def _layers_of_h5(path: Path, h5py: Any) -> Layers:  # noqa: ANN401  a module that may not be there
    with h5py.File(path, "r") as opened:
        root = opened.get("model_weights", opened)
        found: Layers = {}
        for name in (_text(each) for each in root.attrs.get("layer_names", ())):
            group = root[name]
            variables = [_text(each) for each in group.attrs["weight_names"]]
            if variables:
                found[name] = {_variable(each): np.asarray(group[each]) for each in variables}
    return found


def _layers_of_archive(path: Path, h5py: Any) -> Layers:  # noqa: ANN401
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        stored = archive.read("model.weights.h5")
    found: Layers = {}
    with h5py.File(io.BytesIO(stored), "r") as opened:
        for name, kind, group in _groups(config, opened):
            found[name] = {
                variable: np.asarray(group[str(number)])
                for number, variable in enumerate(_VARIABLES[kind])
                if str(number) in group
            }
    return found


def _groups(config: Mapping[str, Any], opened: Any) -> Iterator[tuple[str, str, Any]]:  # noqa: ANN401
    """Name, class and variables of every layer that has any: stored by class and number, in the order of the config."""
    counts = dict.fromkeys(_CLASSES, 0)
    for layer in config["config"]["layers"]:
        kind, name = layer["class_name"], layer["config"]["name"]
        if kind in _CLASSES:
            number, counts[kind] = counts[kind], counts[kind] + 1
            stored = _CLASSES[kind] + (f"_{number}" if number else "")
            where = f"layers/{name}" if f"layers/{name}" in opened else f"layers/{stored}"
            yield name, kind, opened[f"{where}/vars"]


def _as_ours(layers: Layers) -> dict[str, Tensor]:
    biases = {_norm_after(name): values.pop("bias") for name, values in layers.items() if _is_biased(name, values)}
    state: dict[str, Tensor] = {}
    for name, values in layers.items():
        ours = _our_name(name, values)
        if ours is None:
            state |= {f"{name}/{variable}": torch.from_numpy(array) for variable, array in values.items()}
        elif "gamma" in values:
            state[f"{ours}.weight"] = torch.from_numpy(values["gamma"])
            state[f"{ours}.bias"] = torch.from_numpy(values["beta"])
            state[f"{ours}.running_mean"] = torch.from_numpy(values["moving_mean"] - biases.pop(name, 0))
            state[f"{ours}.running_var"] = torch.from_numpy((values["moving_variance"] + _EPSILON).astype(np.float32))
        elif ours == "fc":
            state |= {"fc.weight": torch.from_numpy(values["kernel"]).T, "fc.bias": torch.from_numpy(values["bias"])}
        else:
            kernel = torch.from_numpy(values["kernel"]).permute(3, 2, 0, 1)
            state[f"{ours}.weight"] = kernel.flip(1) if ours == "conv1" else kernel
    return state | {f"{norm} (a bias before it)": torch.from_numpy(bias) for norm, bias in biases.items()}


def _is_biased(name: str, values: Mapping[str, np.ndarray]) -> bool:
    return name.endswith("_conv") and "bias" in values


def _norm_after(convolution: str) -> str:
    return convolution.removesuffix("_conv") + "_bn"


def _our_name(name: str, values: Mapping[str, np.ndarray]) -> str | None:
    if name in ("conv1_conv", "conv1_bn"):
        return {"conv1_conv": "conv1", "conv1_bn": "bn1"}[name]
    if set(values) == {"kernel", "bias"} and values["kernel"].ndim == 2:
        return "fc"
    match = _LAYER.fullmatch(name)
    if match is None:
        return None
    stage, block, part, kind = int(match[1]) - 1, int(match[2]) - 1, match[3], match[4]
    last = f"downsample.{0 if kind == 'conv' else 1}" if part == "0" else f"{kind}{part}"
    return f"layer{stage}.{block}.{last}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _variable(name: str) -> str:
    """The last part of `conv1_conv/kernel:0`, without the number that TensorFlow gave it."""
    return name.rpartition("/")[2].partition(":")[0]
