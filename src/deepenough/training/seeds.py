"""Seeds for everything that is random in training, each from a name of its own.

Two sources that share a seed would be correlated, and a generator that runs through training would have to be stored
for a resume. A seed that is a function of (study seed, purpose, step) avoids both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import nn

from deepenough.networks.blocks import Bottleneck
from deepenough.records import NoiseSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """The seeds of one training, one a source of randomness, so that one source can vary while the others stand still.

    Args:
        study: the study's seed that the training belongs to.
        initialisation: of the weights; with starting weights, of the new head.
        order: of the pictures in every epoch.
        augmentation: of crops and the like, of mixing, and of random layers where a network has any.
        varied: the source that is not the study's seed's own, and which of its runs this is, from 1; None where all
            are.
    """

    study: int
    initialisation: int
    order: int
    augmentation: int
    varied: tuple[NoiseSource, int] | None = None

    @classmethod
    def of(cls, study: int) -> Seeds:
        """All sources follow the study's seed."""
        return cls(study=study, initialisation=study, order=study, augmentation=study)

    def varying(self, source: NoiseSource, run: int) -> Seeds:
        """The same but for one source, which takes a seed that no seed of a study can equal.

        `nondeterminism` changes no seed: what differs then is what the machine does not repeat.
        """
        fresh = {} if source == "nondeterminism" else {source: derive_seed("noise", source, run)}
        return replace(self, varied=(source, run), **fresh)

    @property
    def title(self) -> str:
        """For people: `seed 0`, `order 1`."""
        source, number = self.varied or ("seed", self.study)
        return f"{source} {number}"

    def cell(self, contender: str) -> str:
        """Id of the contender's cell and name of its folder.

        >>> Seeds.of(2).cell("resnet50"), Seeds.of(0).varying("order", 1).cell("resnet50")
        ('resnet50-seed2', 'resnet50-order1')
        """
        return f"{contender}-{self.title.replace(' ', '')}"


def derive_seed(*parts: int | str) -> int:
    """A seed in [0, 2**63) that depends on all parts and on their order.

    >>> derive_seed(0, "initialisation") == derive_seed(0, "initialisation") != derive_seed(1, "initialisation")
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def _is_random(module: nn.Module) -> bool:
    """Whether a layer draws in training; a bottleneck that is skipped at random does so without a layer for it."""
    if isinstance(module, Bottleneck):
        return module.skip > 0
    return isinstance(module, nn.Dropout | nn.Dropout2d) or "drop" in type(module).__name__.lower()


def seed_step(network: nn.Module, *parts: int | str) -> None:
    """Seed torch's generators for the random layers of one training step, where the network has any."""
    if any(_is_random(module) for module in network.modules()):
        torch.manual_seed(derive_seed(*parts))
