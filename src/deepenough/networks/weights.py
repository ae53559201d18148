"""Weights from a file and to a file: every tensor accounted for, or an error that says what does not fit and why.

Reads `.safetensors`, `.pth` or `.pt` without running code from them, and Keras's files; writes `.safetensors`. Loading
is all or nothing: a file that does not fit leaves the network as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from deepenough.errors import WeightsError
from deepenough.networks.config import NetworkConfig
from deepenough.networks.diagnosis import Misfit, likely_cause
from deepenough.networks.keras_files import ENDINGS as KERAS_ENDINGS
from deepenough.networks.resnet import ResNet, initialise_layers
from deepenough.networks.weight_files import read_weights
from deepenough.records import write_atomically

HEAD = ("fc.weight", "fc.bias")
_COUNTER = ".num_batches_tracked"  # of batch norm; files from before torch 0.4.1 have none, and it plays no part here


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What loading did; whoever loads shows `notes` to the user.

    Args:
        path: the file.
        loaded: tensors taken from it.
        new_head: the head kept fresh weights, since the file's was for another number of outputs or is not there.
        notes: everything that was not a plain copy, one sentence each; empty when all was.
        metadata: what the file says about itself; empty for pickles.
    """

    path: Path
    loaded: int
    new_head: bool
    notes: tuple[str, ...]
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """A file that fits: its tensor for each that the network takes, and the parts that start fresh."""

    state: Mapping[str, Tensor]
    wanted: Mapping[str, Tensor]
    fresh: tuple[str, ...]
    notes: tuple[str, ...]
    metadata: Mapping[str, str]


def load_weights(network: ResNet, path: Path, *, allow_new_head: bool = True, seed: int = 0) -> LoadReport:
    """Fill `network` from a file, strictly.

    Args:
        network: changed in place, on its device and in its dtype.
        path: `.safetensors`, `.pth` or `.pt`, with torchvision's names; `.h5` or `.keras`, with Keras Applications'.
        allow_new_head: initialise a new head instead of failing where the file has none, or one for another number of
            outputs; and a new neck with it where the network fuses stages and the file's does not.
        seed: of the new parts.

    Raises:
        WeightsError: no such file, a torn one, one that needs code to be opened, or tensors missing, unexpected or of
            another shape.
    """
    match = _match(network, Path(path), allow_new_head=allow_new_head)
    with torch.no_grad():
        for name, target in match.wanted.items():
            target.copy_(match.state[name])
    generator = torch.Generator().manual_seed(seed)
    for part in match.fresh:
        module = network.get_submodule(part)
        renewed = copy.deepcopy(module).cpu()
        initialise_layers(renewed, generator)
        module.load_state_dict(renewed.state_dict())
    return LoadReport(
        path=Path(path),
        loaded=len(match.wanted),
        new_head="fc" in match.fresh,
        notes=match.notes,
        metadata=match.metadata,
    )


def check_weights(network: ResNet, path: Path) -> Mapping[str, str]:
    """Refuse a file that does not fit, before anything is built on it.

    Args:
        network: nothing in it is changed; a skeleton will do.
        path: as in `load_weights`; a head for any number of outputs is fine.

    Returns:
        What the file says about itself.

    Raises:
        WeightsError: as `load_weights`.
    """
    return _match(network, Path(path), allow_new_head=True).metadata


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


def _match(network: ResNet, path: Path, *, allow_new_head: bool) -> _Match:
    file = read_weights(path)
    _check_stride(network.config, path)
    state, notes, wanted = file.state, [*file.notes], network.state_dict()
    fresh, why = _fresh_parts(network, state) if allow_new_head else ((), "")
    if fresh:
        notes.append(why)
        wanted = {name: tensor for name, tensor in wanted.items() if name.partition(".")[0] not in fresh}
        state = {name: tensor for name, tensor in state.items() if name not in HEAD}
    wanted = {name: tensor for name, tensor in wanted.items() if name in state or not name.endswith(_COUNTER)}
    _check_fit(network, path, state, wanted)
    kinds = sorted(
        {str(tensor.dtype).removeprefix("torch.") for tensor in state.values() if tensor.is_floating_point()}
    )
    if kinds != ["float32"]:
        notes.append(f"the file holds {', '.join(kinds)}; converted")
    return _Match(state=state, wanted=wanted, fresh=fresh, notes=tuple(notes), metadata=file.metadata)


def _fresh_parts(network: ResNet, state: Mapping[str, Tensor]) -> tuple[tuple[str, ...], str]:
    """Parts of the network that such a file cannot fill and that start fresh, and the sentence that says so."""
    outputs, kept = network.fc.out_features, [name for name in HEAD if name in state]
    fuses = any(name.startswith("neck.") for name in network.state_dict())
    if fuses and not any(name.startswith("neck.") for name in state):
        left_out = "its own head is left out; " if kept else ""
        return ("neck", "fc"), f"the file knows no such head; {left_out}a new one for {outputs} outputs starts fresh"
    if not kept:
        return ("fc",), f"the file has no head; a new one for {outputs} outputs starts fresh"
    if len(kept) < len(HEAD):
        return (), ""
    weight, bias = (state[name] for name in HEAD)
    taken = weight.ndim == 2 and weight.shape[1] == network.fc.in_features and bias.shape == weight.shape[:1]
    if not taken or len(weight) == outputs:
        return (), ""
    return ("fc",), f"the file's head is for {len(weight)} outputs; a new one for {outputs} starts fresh"


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


def _check_stride(config: NetworkConfig, path: Path) -> None:
    """Keras's networks are another function of the same tensors, which no shape gives away."""
    if path.suffix in KERAS_ENDINGS and config.stride != "first":
        expected = f"the weights of {config.label}, whose blocks stride in their 3x3 convolution"
        got = "Keras's, whose blocks stride in their first 1x1 convolution"
        raise WeightsError(str(path), expected, got, f"compare resnet{config.depth}-v1, which strides there")


def _unused_counter(name: str, network: ResNet) -> bool:
    return name.endswith(_COUNTER) and name in network.state_dict()
