"""Weights from a file and to a file: every tensor accounted for, or an error that says what does not fit and why.

Reads `.safetensors`, and `.pth` or `.pt` without running code from them; writes `.safetensors`. Loading is all or
nothing: a file that does not fit leaves the network as it was.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from deepenough.errors import WeightsError
from deepenough.networks.diagnosis import Misfit, likely_cause
from deepenough.networks.resnet import ResNet, initialise_head
from deepenough.records import write_atomically

HEAD = ("fc.weight", "fc.bias")
_COUNTER = ".num_batches_tracked"  # of batch norm; files from before torch 0.4.1 have none, and it plays no part here
_WRAPPERS = ("state_dict", "model_state_dict", "model")  # under which training scripts keep the weights


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What loading did; whoever loads shows `notes` to the user.

    Args:
        path: the file.
        loaded: tensors taken from it.
        new_head: the head kept fresh weights, since the file's was for another number of outputs.
        notes: everything that was not a plain copy, one sentence each; empty when all was.
        metadata: what the file says about itself; empty for pickles.
    """

    path: Path
    loaded: int
    new_head: bool
    notes: tuple[str, ...]
    metadata: Mapping[str, str]


def load_weights(network: ResNet, path: Path, *, allow_new_head: bool = True, seed: int = 0) -> LoadReport:
    """Fill `network` from a file, strictly.

    Args:
        network: changed in place, on its device and in its dtype.
        path: `.safetensors`, `.pth` or `.pt`, with torchvision's names.
        allow_new_head: where the file's head is for another number of outputs, initialise a new one instead of failing.
        seed: of that new head.

    Raises:
        WeightsError: no such file, a torn one, one that needs code to be opened, or tensors missing, unexpected or of
            another shape.
    """
    state, notes, metadata = _read(Path(path))
    wanted = network.state_dict()
    old_head = state["fc.weight"].shape[0] if "fc.weight" in state and state["fc.weight"].ndim == 2 else None
    new_head = allow_new_head and old_head is not None and _head_of_another_count(state, wanted)
    if new_head:
        state = {name: tensor for name, tensor in state.items() if name not in HEAD}
        wanted = {name: tensor for name, tensor in wanted.items() if name not in HEAD}
        notes.append(f"the file's head is for {old_head} outputs; a new one for {network.fc.out_features} starts fresh")
    counters = {name for name in wanted if name.endswith(_COUNTER) and name not in state}
    wanted = {name: tensor for name, tensor in wanted.items() if name not in counters}
    _check_fit(network, Path(path), state, wanted)
    kinds = sorted(
        {str(tensor.dtype).removeprefix("torch.") for tensor in state.values() if tensor.is_floating_point()}
    )
    if kinds != ["float32"]:
        notes.append(f"the file holds {', '.join(kinds)}; converted")
    with torch.no_grad():
        for name, target in wanted.items():
            target.copy_(state[name])
    if new_head:
        fresh = torch.nn.Linear(network.fc.in_features, network.fc.out_features)
        initialise_head(fresh, torch.Generator().manual_seed(seed))
        network.fc.load_state_dict(fresh.state_dict())
    return LoadReport(path=Path(path), loaded=len(wanted), new_head=new_head, notes=tuple(notes), metadata=metadata)


def save_weights(network: torch.nn.Module, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write every parameter and buffer to `path` as safetensors, whole or not at all.

    Args:
        network: on any device and in any memory layout; the file is plain and contiguous.
        path: ends in `.safetensors`; an older file there is replaced.
        metadata: what the file should say about itself, text only.

    Raises:
        WeightsError: `path` has another ending.
    """
    if Path(path).suffix != ".safetensors":
        raise WeightsError(str(path), "a name ending in .safetensors", f"{Path(path).suffix or 'no ending'}")
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    encoded = save(state, dict(metadata or {}))
    write_atomically(Path(path), lambda stream: stream.write(encoded))


def _read(path: Path) -> tuple[dict[str, Tensor], list[str], dict[str, str]]:
    if not path.is_file():
        raise WeightsError(str(path), "a weights file", "a folder" if path.is_dir() else "no such file")
    if path.suffix == ".safetensors":
        state, metadata = _read_safetensors(path)
        return state, [], metadata
    if path.suffix in (".pth", ".pt"):
        state, notes = _unwrap(path, _read_pickle(path))
        return state, notes, {}
    raise WeightsError(str(path), "a file ending in .safetensors, .pth or .pt", f"{path.suffix or 'no ending'}")


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as opened:
            state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  not a dict
            return state, dict(opened.metadata() or {})
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


def _unwrap(path: Path, content: object) -> tuple[dict[str, Tensor], list[str]]:
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
    if all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
        notes.append("the prefix 'module.' (of DataParallel) was taken off every name")
    return state, notes


def _head_of_another_count(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> bool:
    weight, bias = (state.get(name) for name in HEAD)
    if weight is None or bias is None or weight.shape == wanted[HEAD[0]].shape:
        return False
    return weight.shape[1:] == wanted[HEAD[0]].shape[1:] and bias.shape == weight.shape[:1]


def _check_fit(network: ResNet, path: Path, state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    misfit = Misfit(
        missing=[name for name in wanted if name not in state],
        unexpected=[name for name in state if name not in wanted and not _unused_counter(name, network)],
        misshaped={
            name: (tuple(tensor.shape), tuple(state[name].shape))
            for name, tensor in wanted.items()
            if name in state and tensor.shape != state[name].shape
        },
    )
    if misfit.any:
        shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
        expected = f"the weights of {network.config.label} ({len(wanted)} tensors)"
        raise WeightsError(str(path), expected, misfit.summary(), likely_cause(network.config, shapes))


def _unused_counter(name: str, network: ResNet) -> bool:
    return name.endswith(_COUNTER) and name in network.state_dict()
