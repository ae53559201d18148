"""Tensors out of a weights file, by name: safetensors as they are, pickles without running code, Keras's translated."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from deepenough.errors import WeightsError
from deepenough.networks import keras_files

ENDINGS = (".safetensors", ".pth", ".pt", *keras_files.ENDINGS)
_WRAPPERS = ("state_dict", "model_state_dict", "model")  # under which training scripts keep the weights
_PREFIXES = {"module.": "DataParallel", "_orig_mod.": "torch.compile"}  # that wrappers put before every name


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsFile:
    """What a file holds: tensors on the CPU by name, what had to be taken off, and what it says about itself."""

    state: dict[str, Tensor]
    notes: list[str] = field(default_factory=list)
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_weights(path: Path) -> WeightsFile:
    """Every tensor of a file.

    Raises:
        WeightsError: no such file, another ending, a torn one, or one that needs code to be opened.
    """
    if not path.is_file():
        raise WeightsError(str(path), "a weights file", "a folder" if path.is_dir() else "no such file")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if path.suffix in keras_files.ENDINGS:
        return WeightsFile(state=keras_files.read_keras(path))
    if path.suffix in ENDINGS:
        return _unwrap(path, _read_pickle(path))
    raise WeightsError(str(path), f"a file ending in {', '.join(ENDINGS)}", f"{path.suffix or 'no ending'}")


def metadata_of(path: Path) -> Mapping[str, str]:
    """What a safetensors file says about itself, without its tensors; empty for other files."""
    if path.suffix != ".safetensors":
        return {}
    with _opened(path) as opened:
        return dict(opened.metadata() or {})


def _read_safetensors(path: Path) -> WeightsFile:
    with _opened(path) as opened:
        state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  not a dict
        return WeightsFile(state=state, metadata=dict(opened.metadata() or {}))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[safe_open]:
    try:
        with safe_open(path, framework="pt") as opened:
            yield opened
    except (SafetensorError, OSError) as error:
        raise WeightsError(str(path), "a safetensors file", f"a torn or foreign file ({error})") from error


def _read_pickle(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        remedy = "have its author save the state dict alone, best as .safetensors"
        raise WeightsError(str(path), "tensors alone", "a pickle that is torn or wants to run code", remedy) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        first_line = str(error).partition("\n")[0]
        raise WeightsError(str(path), "a torch file", f"a torn or foreign file ({first_line})") from error


def _unwrap(path: Path, content: object) -> WeightsFile:
    notes: list[str] = []
    if isinstance(content, Mapping):
        wrapper = next((key for key in _WRAPPERS if isinstance(content.get(key), Mapping)), None)
        if wrapper is not None:
            content = content[wrapper]
            notes.append(f"the weights were under the key {wrapper!r}")
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        got = f"a {type(content).__name__} that holds other things"
        raise WeightsError(str(path), "a state dict (names to tensors)", got, "save `network.state_dict()`")
    state = {str(name): tensor for name, tensor in content.items()}
    for prefix, source in _PREFIXES.items():
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
            notes.append(f"the prefix {prefix!r} (of {source}) was taken off every name")
    return WeightsFile(state=state, notes=notes)
