"""Seeds for everything that is random in training, each from a name of its own.

Two sources that share a seed would be correlated, and a generator that runs through training would have to be stored
for a resume. A seed that is a function of (study seed, purpose, step) avoids both.
"""

from __future__ import annotations

import hashlib

import torch
from torch import nn


def derive_seed(*parts: int | str) -> int:
    """A seed in [0, 2**63) that depends on all parts and on their order.

    >>> derive_seed(0, "initialisation") == derive_seed(0, "initialisation") != derive_seed(1, "initialisation")
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def seed_step(network: nn.Module, *parts: int | str) -> None:
    """Seed torch's generators for the random layers of one training step, where the network has any."""
    if any(
        isinstance(module, nn.Dropout | nn.Dropout2d) or "drop" in type(module).__name__.lower()
        for module in network.modules()
    ):
        torch.manual_seed(derive_seed(*parts))
