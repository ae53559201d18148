"""Digests: of tensors, by which the same weights are known again, and of a network's structure, weights left aside."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn


def tensors_sha256(state: Mapping[str, Tensor], said: str = "") -> str:
    """SHA-256, in hexadecimal digits, over every tensor by name: its name, type, shape and bytes.

    The order of `state` and the memory layout have no part in it.

    Args:
        state: tensors by name, on any device.
        said: text that the digest covers too, before the tensors.
    """
    digest = hashlib.sha256(said.encode())
    for name, value in sorted(state.items()):
        plain = value.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}\0".encode())
        digest.update(plain.view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def structure_lines(network: nn.Module) -> list[str]:
    """What a network is made of, one line a module and one a weight, as it was built and not as it was asked for.

    A module's line is torch's own account of its settings (channels, kernel, stride, padding, groups ...) and the plain
    values that it keeps of its own (splits, the chance to skip it); a weight's is its name and shape.
    """
    lines: list[str] = []
    for name, module in network.named_modules():
        own = {
            key: value
            for key, value in sorted(vars(module).items())
            if not key.startswith("_") and key != "training" and isinstance(value, int | float | str | tuple)
        }
        lines.append(f"{name} {type(module).__name__} {module.extra_repr()} {own}")
    return [*lines, *(f"{name} {tuple(value.shape)}" for name, value in sorted(network.state_dict().items()))]


def structure_sha256(network: nn.Module) -> str:
    """SHA-256 of `structure_lines`: equal for networks that differ in their weights alone, on any device.

    >>> first, second, third = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3, stride=2)
    >>> structure_sha256(first) == structure_sha256(second) != structure_sha256(third)
    True
    """
    return hashlib.sha256("\n".join(structure_lines(network)).encode()).hexdigest()
