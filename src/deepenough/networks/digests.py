"""A digest of tensors, by which the same weights are known again whatever file they lie in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


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
